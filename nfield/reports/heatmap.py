"""Heat map of band errors over training: one row per band, the lowest frequencies at the bottom."""

import itertools

from nfield.reports.charts import LEFT, RIGHT, WIDTH, Scale, drawing, horizontal_axis, label, upright
from nfield.reports.colours import BAND_MAP, at, error_ticks, shade
from nfield.reports.markup import Markup, element, join
from nfield.reports.numbers import percent_text, seconds_text
from nfield.reports.record import BandFigures, Evaluation, Side
from nfield.reports.scale_bar import scale_bar

ROW = 26.0
TOP = 8.0
AXIS = 50.0
START_COLUMN = 20.0
"""Width of the column for the untrained network, which has no place on a logarithmic axis."""

GAP = 7.0
"""Between that column and the axis."""

NARROWEST = 1.5
"""Evaluations closer than this on the drawing are thinned out."""


def clock_of(sides: list[Side]) -> str:
    """'seconds' if every evaluation of all sides has them, otherwise 'step'."""
    timed = all(line.seconds is not None for side in sides for line in side.history)
    return "seconds" if timed else "step"


def moment(line: Evaluation, clock: str) -> float:
    """When an evaluation was made, on that clock."""
    return float(line.step) if clock == "step" or line.seconds is None else line.seconds


def trained(side: Side, clock: str) -> list[float]:
    """Moments of the side's evaluations after the first step."""
    return [moment(line, clock) for line in side.history if line.step > 0 and moment(line, clock) > 0]


def time_scale(sides: list[Side], clock: str) -> Scale:
    """One logarithmic axis for all sides; it leaves room for the start's column."""
    moments = [value for side in sides for value in trained(side, clock)] or [1.0]
    low, high = min(moments), max(moments)
    if high / low < 1.001:
        low, high = low / 2, high * 2
    return Scale(low=low, high=high, start=LEFT + 24 + START_COLUMN + GAP, end=WIDTH - RIGHT, logarithmic=True)


def heat_map(side: Side, bands: list[BandFigures], *, across: Scale, clock: str, name: str) -> Markup:
    """The side's relative errors. `name` keeps the drawing's inner references apart from other drawings'."""
    bottom = TOP + ROW * len(bands)
    parts = [_hatch(name)]
    silent = [all(_error(line, index) is None for line in side.history) for index in range(len(bands))]
    for index, band in enumerate(bands):
        top = bottom - ROW * (index + 1)
        parts.append(label(band.label, across.start - START_COLUMN - GAP - 6, top + ROW / 2 + 4, anchor="end"))
        if silent[index]:
            parts.append(
                _cell(
                    across.start - START_COLUMN - GAP,
                    top,
                    across.end,
                    f"url(#{name}-hatch)",
                    "no energy in this band",
                )
            )
            continue
        for left, right, line in _columns(side.history, across, clock):
            error = _error(line, index)
            fill = f"url(#{name}-hatch)" if error is None else at(shade(error))
            parts.append(_cell(left, top, right, fill, _cell_text(band, line, clock, error)))
        parts.append(_threshold_mark(side, band, index, across, clock, top))
    unit = next((band.unit for band in bands if band.unit), "")
    start = across.start - GAP - START_COLUMN + 4  # to the left, clear of the axis' first label
    parts += [
        label("0", start, bottom + 18),
        horizontal_axis(across, "seconds of training" if clock == "seconds" else "step", bottom),
        upright(f"frequency, {unit}" if unit else "frequency band", 12, (TOP + bottom) / 2),
    ]
    described = f"Heat map: relative error of the {side.name} in {len(bands)} frequency bands over training."
    return drawing(described, *parts, height=bottom + AXIS)


def _error(line: Evaluation, index: int) -> float | None:
    return line.bands[index] if index < len(line.bands) else None


def _cell_text(band: BandFigures, line: Evaluation, clock: str, error: float | None) -> str:
    when = f"step {line.step:,}" + (f", {seconds_text(line.seconds)}" if clock == "seconds" else "")
    return f"{band.label} {band.unit}, {when}: {percent_text(error)}"


def _columns(history: list[Evaluation], across: Scale, clock: str) -> list[tuple[float, float, Evaluation]]:
    """Left edge, right edge and evaluation of each column; edges lie halfway between neighbours."""
    columns = [
        (across.start - GAP - START_COLUMN, across.start - GAP, line)
        for line in history
        if line.step == 0 or moment(line, clock) <= 0
    ][:1]
    kept: list[tuple[float, Evaluation]] = []
    later = [line for line in history if line.step > 0 and moment(line, clock) > 0]
    for index, line in enumerate(later):
        x = across(moment(line, clock))
        if kept and x - kept[-1][0] < NARROWEST:
            if index < len(later) - 1:
                continue
            kept.pop()  # the last evaluation is always shown
        kept.append((x, line))
    middles = [(a + b) / 2 for (a, _), (b, _) in itertools.pairwise(kept)]
    edges = [across.start, *middles, max(across.start + NARROWEST, kept[-1][0])] if kept else []
    if len(kept) == 1:
        edges = [across.start, across.end]
    return columns + [(a, b, line) for a, b, (_, line) in zip(edges, edges[1:], kept, strict=False)]


def _cell(left: float, top: float, right: float, fill: str, text: str) -> Markup:
    # The overlap of a hair hides the seams that browsers leave between neighbours.
    return element(
        "rect", element("title", text), x=f"{left:.1f}", y=f"{top:.0f}", width=f"{right - left + 0.3:.1f}",
        height=f"{ROW - 1:.0f}", fill=fill,
    )  # fmt: skip


def _threshold_mark(side: Side, band: BandFigures, index: int, across: Scale, clock: str, top: float) -> Markup:
    """A ring where the band's error first stays below the threshold."""
    step = side.bands[index].step_below_threshold if index < len(side.bands) else None
    line = next((line for line in side.history if line.step == step), None)
    if line is None:
        return Markup("")
    at_start = line.step == 0 or moment(line, clock) <= 0
    x = across.start - GAP - START_COLUMN / 2 if at_start else across(moment(line, clock))
    text = f"{band.label} {band.unit} stays below the threshold from step {line.step:,}"
    return element("circle", element("title", text), cx=f"{x:.1f}", cy=f"{top + ROW / 2:.1f}", r=4.5, class_="ring")


def _hatch(name: str) -> Markup:
    lines = element("path", d="M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4", class_="hatch-line")
    ground = element("rect", width=8, height=8, class_="hatch-ground")
    pattern = element("pattern", ground, lines, id=f"{name}-hatch", width=8, height=8, patternUnits="userSpaceOnUse")
    return element("defs", pattern)


def colour_bar(threshold: float, *, hatched: bool, noun: str = "picture", name: str = "legend") -> Markup:
    """The common colour scale, with the threshold's place and the meaning of hatching and rings."""
    ring = element("svg", element("circle", cx=8, cy=8, r=4.5, class_="ring"), viewBox="0 0 16 16", aria_hidden="true")
    notes = [element("li", ring, f"from here on the error stays below {percent_text(threshold)}")]
    if hatched:
        sample = element("rect", x=0, y=0, width=16, height=16, fill=f"url(#{name}-hatch)")
        drawn = element("svg", _hatch(name), sample, viewBox="0 0 16 16", aria_hidden="true")
        notes.append(element("li", drawn, f"no energy in the {noun}, so no error to report"))
    title = "Relative error of the band (dark: not learned, bright: learned)"
    described = "Colour scale of the relative error: dark is 100 % or more, bright is 1 % or less, logarithmic."
    return scale_bar(title, described, BAND_MAP, error_ticks(), notes)


def side_by_side(drawings: list[tuple[str, Markup]]) -> Markup:
    """Titled drawings beside each other where there is room, below each other where not."""
    return element("div", *(element("div", element("h3", title), drawn) for title, drawn in drawings), class_="pair")


def both_maps(sides: list[Side], threshold: float, noun: str = "picture", name: str = "heat") -> Markup:
    """Heat maps of all sides on one time axis and one colour scale, with that scale; `noun` is what was learned.

    `name` keeps their inner references apart from those of other maps on the page.
    """
    bands = sides[0].bands
    clock = clock_of(sides)
    across = time_scale(sides, clock)
    maps = [
        (
            side.title,
            heat_map(side, bands, across=across, clock=clock, name=f"{name}-{index}"),
        )
        for index, side in enumerate(sides)
    ]
    hatched = any(band.relative_error is None for band in bands)
    return join([side_by_side(maps), colour_bar(threshold, hatched=hatched, noun=noun, name=f"{name}-legend")])
