"""The report of one run: one HTML file that opens offline. What stands on it is its job's."""

import pathlib
from dataclasses import replace

from nfield.core.checks import UserError, choice
from nfield.core.limits import UPWARD
from nfield.io.atomic import write_text
from nfield.jobs.job import Job
from nfield.jobs.table import job_of
from nfield.reports.contents import Contents
from nfield.reports.markup import Markup, element, page
from nfield.reports.numbers import count_text, seconds_text
from nfield.reports.record import RunRecord, read_record


def record_of(folder: pathlib.Path) -> tuple[Job, RunRecord]:
    """What a run folder says, and which job it is of. Raises UserError where it says neither or is no run."""
    record = read_record(folder)
    job = job_of({"task": record.task}, folder)
    return job, replace(record, noun=job.noun)


def write_report(folder: pathlib.Path, *, up: str | None = None) -> pathlib.Path:
    """Write RUN/report.html from what the run folder holds, and return its path.

    Works on finished and half-finished runs; a missing piece is told in words in its place. The same folder
    gives the same file, and nothing else is written. `up` is the axis that points upwards in pictures of surfaces, in
    place of the run's own. Raises `UserError` where `folder` is no run folder, or `up` is none of the axes or given for
    a run without surfaces.
    """
    job, record = record_of(folder)
    if up is not None:
        record = _turned(record, job, up)
    contents: Contents = job.page(record)
    title = f"Which frequencies were learned: {record.source}"
    path = folder / "report.html"
    head = _head(record, title, contents.words)
    write_text(path, page(title, head, *contents.sections, parts=contents.parts, policy=contents.policy))
    return path


def _turned(record: RunRecord, job: Job, up: str) -> RunRecord:
    choice(up, UPWARD, "upward axis")
    if "up" not in job.own_options.get("report", ()):
        raise UserError(f"--up {up} is for pictures of surfaces, and '{record.folder}' has none. Leave it out.")
    return replace(record, config={**record.config, "options": {**record.options, "up": up}})


def _head(record: RunRecord, title: str, words: list[str]) -> Markup:
    parts = [element("h1", title), element("p", " ".join(words), class_="lead")]
    if not record.finished:
        last = record.field.history[-1] if record.field.history else None
        where = (
            f"those of its last evaluation, at step {count_text(last.step)} ({seconds_text(last.seconds)})"
            if last
            else "not there yet"
        )
        parts.append(element("p", f"This run has not finished: the figures are {where}.", class_="notice"))
    parts += [element("p", note, class_="notice") for note in record.notes]
    return element("header", *parts)
