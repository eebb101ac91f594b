"""`JOBS`: all that fields are fitted to. Load, report, compare, info, render, export and the commands read it."""

from collections.abc import Mapping
from typing import Any

from nfield.core.checks import UserError
from nfield.jobs.equation.job import JOB as EQUATION
from nfield.jobs.image.job import JOB as IMAGE
from nfield.jobs.job import Job
from nfield.jobs.signal.job import JOB as SIGNAL
from nfield.jobs.surface.job import JOB as SURFACE
from nfield.jobs.views.job import JOB as VIEWS

JOBS: dict[str, Job] = {job.name: job for job in (IMAGE, SURFACE, VIEWS, EQUATION, SIGNAL)}
"""Every job by name."""


def job_of(config: Mapping[str, Any], folder: object) -> Job:
    """The job that a config.json is of. Raises UserError where it states none that this version knows."""
    task = config.get("task")
    for job in JOBS.values():
        if task == job.name or task in job.earlier_names:
            return job
    stated = "states no task" if task is None else f"is a run of task {task!r}"
    raise UserError(f"'{folder}' {stated}, which this version cannot open. It knows: {', '.join(JOBS)}.")
