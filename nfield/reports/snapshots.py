"""Pictures taken while training, the field's above the baseline's at about the same moments."""

import math
import pathlib
import re
from dataclasses import dataclass

from nfield.reports.markup import Markup, absent, element, scrolling
from nfield.reports.numbers import count_text, quality_text, seconds_text
from nfield.reports.pictures import image, read_picture, scaled
from nfield.reports.record import Evaluation, RunRecord, Side

COLUMNS = 8
SIDE = 256
"""Longest side of a snapshot on the page, in pixels."""

FILE_NAME = re.compile(r"(field|baseline)-(\d+)\.png")


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A picture file with the evaluation it belongs to, where the history still has it."""

    path: pathlib.Path
    step: int
    line: Evaluation | None

    def moment(self, clock: str) -> float:
        """Seconds or steps, never below a thousandth so that the start has a logarithm."""
        seconds = self.line.seconds if self.line is not None else None
        return max(1e-3, float(self.step) if clock == "step" or seconds is None else seconds)


def snapshots_section(record: RunRecord) -> Markup:
    """Rows of snapshots from coarse to fine."""
    rows = [(side, _found(record, run, side)) for run, side in zip(("field", "baseline"), record.sides, strict=False)]
    rows = [(side, found) for side, found in rows if found]
    if not rows:
        return absent("This run kept no snapshots of its training.")
    clock = _clock([found for _, found in rows])
    leading = _spread(rows[0][1], clock)
    body = []
    for side, found in rows:
        chosen = leading if found is rows[0][1] else [_nearest(found, one, clock) for one in leading]
        cells = [_cell(side, one, record.quality_name) for one in chosen]
        head = element("th", side.title, scope="row")
        body.append(element("tr", head, *cells))
    table = element("table", element("tbody", *body), class_="snapshots")
    beside = (
        f" Each picture of the plain MLP is the one nearest in {'time' if clock == 'seconds' else 'steps'}."
        if len(rows) > 1
        else ""
    )
    return element(
        "div",
        element("p", f"From left to right: the {record.noun} as training goes on.{beside}"),
        scrolling("Snapshots over training", table),
    )


def _found(record: RunRecord, run: str, side: Side) -> list[Snapshot]:
    folder = record.outputs / "snapshots"
    if not folder.is_dir():
        return []
    lines = {line.step: line for line in side.history}
    found = []
    for path in sorted(folder.iterdir()):
        match = FILE_NAME.fullmatch(path.name)
        if match and match[1] == run:
            step = int(match[2])
            found.append(Snapshot(path=path, step=step, line=lines.get(step)))
    # The untrained network shows nothing, unless it is all there is.
    return [one for one in found if one.step > 0] or found


def _clock(rows: list[list[Snapshot]]) -> str:
    timed = all(one.line is not None and one.line.seconds is not None for row in rows for one in row)
    return "seconds" if timed else "step"


def _spread(found: list[Snapshot], clock: str) -> list[Snapshot]:
    """At most `COLUMNS` snapshots, evenly apart on a logarithmic clock, the first and last among them."""
    if len(found) <= COLUMNS:
        return found
    low, high = (math.log(found[index].moment(clock)) for index in (0, -1))
    chosen: list[Snapshot] = []
    for index in range(COLUMNS):
        target = math.exp(low + (high - low) * index / (COLUMNS - 1))
        one = min(found, key=lambda candidate: abs(math.log(candidate.moment(clock) / target)))
        if one not in chosen:
            chosen.append(one)
    return chosen


def _nearest(found: list[Snapshot], wanted: Snapshot, clock: str) -> Snapshot:
    return min(found, key=lambda one: abs(math.log(one.moment(clock) / wanted.moment(clock))))


def _cell(side: Side, one: Snapshot, quality_name: str) -> Markup:
    picture = read_picture(one.path)
    if picture is None:
        return element("td", "unreadable")
    notes = [f"step {count_text(one.step)}"]
    if one.line is not None and one.line.seconds is not None:
        notes.append(seconds_text(one.line.seconds))
    if one.line is not None and one.line.quality is not None:
        notes.append(quality_text(quality_name, one.line.quality))
    shown = image(scaled(picture, SIDE), f"{side.name} at {notes[0]}")
    return element("td", shown, *(element("div", note) for note in notes))
