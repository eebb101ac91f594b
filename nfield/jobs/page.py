"""The report of one run: one HTML file that opens offline."""

import pathlib
from collections.abc import Callable
from dataclasses import replace

from nfield.core.checks import UserError, choice
from nfield.io.atomic import write_text
from nfield.jobs.equation.page import solve_contents
from nfield.jobs.image.page import image_contents
from nfield.jobs.surface.page.contents import mesh_contents
from nfield.jobs.views.page.contents import views_contents
from nfield.rendering.cameras import UPWARD
from nfield.reports.contents import Contents, run_contents
from nfield.reports.markup import Markup, element, page
from nfield.reports.numbers import count_text, seconds_text
from nfield.reports.record import RunRecord, read_record

TASKS: dict[str, Callable[[RunRecord], Contents]] = {
    "image": image_contents,
    "mesh": mesh_contents,
    "views": views_contents,
    "pde": solve_contents,
}
"""What stands on the page, by the run's task; of other runs, what runs of all tasks have."""

NOUNS = {"image": "picture", "mesh": "surface", "views": "view", "pde": "solution"}
"""What a run of each task learns, in one word."""


def write_report(folder: pathlib.Path, *, up: str | None = None) -> pathlib.Path:
    """Write RUN/report.html from what the run folder holds, and return its path.

    Works on finished and half-finished runs; a missing piece is told in words in its place. The same folder
    gives the same file. Pictures that are made on the way are written to RUN/outputs too: errors of images, previews
    of meshes. `up` is the axis that points upwards in pictures of surfaces, in place of the run's own. Raises
    `UserError` where `folder` is no run folder, or `up` is none of the axes or given for a run without surfaces.
    """
    record = read_record(folder)
    record = replace(record, noun=NOUNS.get(record.task or "", record.noun))
    if up is not None:
        record = _turned(record, up)
    contents = TASKS.get(record.task or "", run_contents)(record)
    title = f"Which frequencies were learned: {record.source}"
    path = folder / "report.html"
    head = _head(record, title, contents.words)
    write_text(path, page(title, head, *contents.sections, parts=contents.parts, policy=contents.policy))
    return path


def _turned(record: RunRecord, up: str) -> RunRecord:
    choice(up, UPWARD, "upward axis")
    if record.task != "mesh":
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
