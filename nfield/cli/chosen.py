"""What commands on run folders share: which of a run's fields is meant, and options that its task does not have."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nfield.core.checks import UserError
from nfield.io.run_folder import RunFolder


def chosen_field(command: Any, result: Any) -> Any:
    """The run's field, or with --baseline its plain MLP. Raises UserError where there is none."""
    field = result.baseline if command.baseline else result.field
    if field is None:
        raise UserError(f"{command.run} holds no baseline: it was run with --no-baseline, or has not come to it yet.")
    return field


def open_run(run: str) -> RunFolder:
    """The run's folder. Raises UserError for signals in stages, which have no picture, mesh or page."""
    folder, config = RunFolder.open(Path(run)), {}
    # A damaged config is told of, or passed over, by whoever needs it.
    with contextlib.suppress(UserError):
        config = folder.read_config()
    if config.get("task") == "stages":
        raise UserError(f"{run} is the run of a signal in stages: open it in Python, by nfield.load.")
    return folder


def refuse_options(command: Any, options: Sequence[str], task: str) -> None:
    """Raise UserError where an option is given that runs of this task do not have."""
    for name in options:
        if getattr(command, name) not in (None, False):
            raise UserError(f"{command.run} is the run of {task}, for which there is no --{name}. Leave it out.")
