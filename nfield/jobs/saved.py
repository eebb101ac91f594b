"""How a run is opened again from its folder, finished or not."""

from pathlib import Path
from typing import Any

from nfield.core.checks import UserError
from nfield.core.device import choose_device
from nfield.io.run_folder import RunFolder
from nfield.jobs.table import job_of


def load(run: str | Path, device: str = "cpu", *, trust: Any = False) -> Any:
    """The `Result` of a run folder: its field with the newest weights, history and figures.

    No code from the folder is run. A run that solves the problem of a user's file needs that code: `trust` names the
    file, which must be the one that the run had, or is True to run the folder's own copy, or is the `Problem` itself.

    Raises UserError where the folder is no run, is damaged, or holds no checkpoint yet.
    """
    folder = RunFolder.open(Path(run))
    config = folder.read_config()
    job = job_of(config, folder.path)
    config = job.earlier(config)
    place = choose_device(device)
    try:
        data = job.reopened(folder, config, trust)
        fields: dict[str, Any] = {}
        for name, key in (("field", "recipe"), ("baseline", "baseline_recipe")):
            if config.get(key) and folder.has_checkpoint(name):
                _, state = folder.load_weights(name)
                if state:
                    fields[name] = job.field(config, job.rebuild(config, name, state, data)).to(place).eval()
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, RuntimeError) as error:
        misfit = "state_dict" in str(error)
        if isinstance(error, UserError) or (isinstance(error, RuntimeError) and not misfit):
            raise
        why = "its recipe does not fit the weights" if misfit else f"{type(error).__name__} ({error})"
        raise UserError(f"'{folder.config_path}' is damaged: {why}. Put the file back, or run it again.") from error
    if "field" not in fields:
        raise UserError(f"{folder.path} holds no checkpoint yet: let the run go on, or continue it with --resume.")
    return job.result(
        job=job,
        field=fields["field"],
        baseline=fields.get("baseline"),
        config=config,
        history=folder.read_history(),
        metrics=folder.read_metrics() or {},
        folder=folder.path,
        **data,
    )
