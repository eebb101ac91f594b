"""What commands on run folders share: which job a run is of, and what its runs do not have."""

from typing import Any

from nfield.core.checks import UserError
from nfield.jobs.job import Job
from nfield.jobs.table import JOBS, job_of


def job_of_run(run: str) -> Job:
    """The job of a run folder. Raises UserError where it is none."""
    from nfield.io.run_folder import RunFolder

    return job_of(RunFolder.open(run).read_config(), run)


def opened(command: Any, verb: str) -> tuple[Any, Any]:
    """The job and the result of the command's run, for a verb that not all jobs have.

    Raises UserError where this one has it not, or not an option that is given.
    """
    job = job_of_run(command.run)
    why = getattr(job, verb)
    if isinstance(why, str):
        raise UserError(f"{command.run} is the run of {job.kind}, which {why}.")
    refuse_other_options(command, job, verb)
    from nfield.jobs.saved import load

    return job, load(command.run, command.device)


def refuse_other_options(command: Any, job: Job, verb: str) -> None:
    """Raise UserError where an option is given that only runs of other jobs have."""
    own = job.own_options.get(verb, ())
    for other in JOBS.values():
        for name in other.own_options.get(verb, ()):
            if name not in own and getattr(command, name) not in (None, False):
                raise UserError(
                    f"{command.run} is the run of {job.kind}, for which there is no --{name}. Leave it out."
                )
