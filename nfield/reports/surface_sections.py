"""The parts of a mesh run's report that show its surfaces: views from all sides, and errors as colours."""

from PIL import Image

from nfield.rendering.cameras import view_names
from nfield.rendering.error_colours import UNKNOWN, error_map
from nfield.reports.charts import WIDTH, drawing, label, linear_ticks
from nfield.reports.markup import Markup, absent, element, join
from nfield.reports.numbers import length_text, percent_text
from nfield.reports.pictures import data_uri
from nfield.reports.record import RunRecord
from nfield.reports.surface_pictures import Errors, error_views, scale_top
from nfield.reports.surfaces import Surfaces

STEPS = 64
"""Cells of which a colour scale is drawn."""


def views_section(record: RunRecord, surfaces: Surfaces, views: dict[str, list[Image.Image]]) -> Markup:
    """One row for each surface, one column for each side."""
    if not views:
        return join([absent("This run has no meshes in outputs/ yet."), *_missing(record, surfaces)])
    rows = [(shape.title, "", views[shape.key]) for shape in surfaces.all if shape.key in views]
    inside = (
        "All surfaces are seen from the same places. Where the inside of a surface shows, through a hole or because "
        "it is inside out, it is drawn in red-brown."
    )
    return join([element("p", inside), _grid(rows, "Shaded views"), *_missing(record, surfaces)])


def _missing(record: RunRecord, surfaces: Surfaces) -> list[Markup]:
    told = []
    for shape in surfaces.all:
        if shape.mesh is None and shape.expected:
            told.append(absent(f"{shape.title}: {shape.why}"))
        elif shape is surfaces.baseline and shape.mesh is None:
            why = f": {record.baseline_why}" if record.baseline_why else "."
            told.append(absent(f"There is no plain MLP beside this run{why}"))
    return told


def errors_section(surfaces: Surfaces, errors: list[Errors]) -> Markup:
    """Errors of each surface from all sides, with their common scale."""
    if not errors:
        return absent("No errors to show: they need a mesh of the field, and a truth or points, in outputs/.")
    top = scale_top(errors)
    to_truth = surfaces.truth.mesh is not None
    told = (
        "How far each place of the surface is from the truth."
        if to_truth
        else "No truth was given, so the scan itself is the measure: how far the points around each place are from "
        "the surface, noise included. Where no point is near, the surface is grey: there it is a guess."
    )
    rows = []
    for one in errors:
        note = f"mean {length_text(one.mean)}" if one.mean is not None else "no point near"
        if one.unsupported > 0.0005:
            note += f"; {percent_text(one.unsupported)} without points"
        rows.append((one.title, note, error_views(surfaces, one, top)))
    parts = [element("p", told), _grid(rows, "Errors as colours")]
    parts.append(_scale_bar(top, "truth" if to_truth else "points", grey=any(one.unsupported > 0 for one in errors)))
    return join(parts)


def _grid(rows: list[tuple[str, str, list[Image.Image]]], caption: str) -> Markup:
    """Pictures in rows with a title and a note each; columns are the sides."""
    names = view_names(len(rows[0][2]))
    head = element("tr", element("td"), *(element("th", name, scope="col") for name in names))
    body = []
    for title, note, pictures in rows:
        notes = [element("div", note, class_="quiet")] if note else []
        cells = [
            element("td", element("img", src=data_uri(one), alt=f"{title}, {name}", width=str(one.width)))
            for name, one in zip(names, pictures, strict=True)
        ]
        body.append(element("tr", element("th", title, *notes, scope="row"), *cells))
    table = element("table", element("thead", head), element("tbody", *body), class_="views")
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _scale_bar(top: float, measured_from: str, *, grey: bool) -> Markup:
    """The colours of distances from none to `top` and beyond."""
    left, right, upper, high = 20.0, WIDTH - 20.0, 8.0, 16.0
    width = (right - left) / STEPS
    colours = error_map()
    cells = []
    for index in range(STEPS):
        red, green, blue = colours[round(255 * (index + 0.5) / STEPS)]
        fill = f"#{red:02x}{green:02x}{blue:02x}"
        cells.append(element("rect", x=left + index * width, y=upper, width=width + 0.3, height=high, fill=fill))
    # The end of the scale has its own label; a round value just before it would run into that.
    ticks = [value for value in linear_ticks(0, top) if value < 0.7 * top] + [top]
    for tick in ticks:
        x = left + (right - left) * tick / top
        cells.append(element("line", x1=x, y1=upper + high, x2=x, y2=upper + high + 4, class_="tick"))
        shown = ("≥ " if tick == top else "") + length_text(tick)
        anchor = "start" if tick == 0 else "end" if tick == top else "middle"
        cells.append(label(shown, x, upper + high + 18, anchor=anchor))
    described = f"Colour scale of the distance: pale is none, dark red is {length_text(top)} or more."
    title = element("p", f"Distance from the {measured_from}, in the units of the input", class_="bar-title")
    parts = [title, drawing(described, *cells, height=46)]
    if grey:
        square = element("rect", width=16, height=16, fill="#{:02x}{:02x}{:02x}".format(*UNKNOWN))
        sample = element("svg", square, viewBox="0 0 16 16", aria_hidden="true")
        parts.append(element("ul", element("li", sample, "no points near"), class_="legend"))
    return element("div", *parts, class_="bar")
