"""What a run returns, whatever its job. A job's own result adds its data; none knows who writes it."""

import abc
import dataclasses
from pathlib import Path
from typing import Any

from nfield.core.checks import UserError
from nfield.core.types import Band
from nfield.io.run_folder import RunFolder
from nfield.jobs.bands import final_bands
from nfield.jobs.job import Job


@dataclasses.dataclass(kw_only=True, eq=False)
class Result(abc.ABC):
    """A fitted field with its history and figures."""

    field: Any
    """The field, a callable on points of shape (..., d)."""
    config: dict[str, Any]
    """Everything that the run follows from, as in config.json."""
    history: list[dict[str, Any]]
    """One entry per evaluation, as in history.jsonl."""
    metrics: dict[str, Any]
    """The final figures, as in metrics.json."""
    job: Job = dataclasses.field(repr=False)
    baseline: Any = None
    """The plain MLP, where it was fitted too."""
    folder: Path | None = None
    """Where the run was written."""

    @property
    def bands(self) -> list[Band]:
        """The final error of every band."""
        return final_bands(self.metrics)

    def save(self, directory: str | Path) -> Path:
        """Write a run folder on which every command works; an existing run is never overwritten.

        Raises UserError where the folder holds other files or cannot be written.
        """
        sides = {"field": self.field, "baseline": self.baseline}
        modules = {name: None if side is None else self.job.module(side) for name, side in sides.items()}
        folder = RunFolder.of_finished(directory, self.config, self.history, modules, self.metrics["steps"])
        self.job.write_outputs(self, folder.outputs)
        folder.write_metrics(self.metrics)
        folder.lock.release()
        return folder.path


def chosen_field(command: Any, result: Result) -> Any:
    """The run's field, or with --baseline its plain MLP. Raises UserError where there is none."""
    field = result.baseline if command.baseline else result.field
    if field is None:
        raise UserError(f"{command.run} holds no baseline: it was run with --no-baseline, or has not come to it yet.")
    return field
