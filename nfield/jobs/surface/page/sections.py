"""The parts of a mesh run's report that show its surfaces: views from all sides, and errors as colours."""

from PIL import Image

from nfield.jobs.surface.page.pictures import Errors, error_views
from nfield.jobs.surface.page.surfaces import Surfaces
from nfield.rendering.cameras import view_names
from nfield.rendering.error_colours import DISTANCE_MAP, UNKNOWN, scale_top
from nfield.reports.charts import linear_ticks
from nfield.reports.figure_sections import no_baseline
from nfield.reports.markup import Markup, absent, element, join
from nfield.reports.numbers import length_text, percent_text
from nfield.reports.picture_grid import picture_grid
from nfield.reports.record import RunRecord
from nfield.reports.scale_bar import even_ticks, scale_bar


def views_section(record: RunRecord, surfaces: Surfaces, views: dict[str, list[Image.Image]]) -> Markup:
    """One row for each surface, one column for each side."""
    if not views:
        return join([absent("This run has no meshes in outputs/ yet."), *_missing(record, surfaces)])
    rows = [(shape.title, "", views[shape.key]) for shape in surfaces.all if shape.key in views]
    inside = (
        "All surfaces are seen from the same places. Where the inside of a surface shows, through a hole or because "
        "it is inside out, it is drawn in red-brown."
    )
    views_shown = picture_grid(rows, view_names(len(rows[0][2])), "Shaded views")
    return join([element("p", inside), views_shown, *_missing(record, surfaces)])


def _missing(record: RunRecord, surfaces: Surfaces) -> list[Markup]:
    found = []
    for shape in surfaces.all:
        if shape.mesh is None and shape.expected:
            found.append(absent(f"{shape.title}: {shape.why}"))
        elif shape is surfaces.baseline and shape.mesh is None:
            found.append(no_baseline(record))
    return found


def errors_section(surfaces: Surfaces, errors: list[Errors]) -> Markup:
    """Errors of each surface from all sides, with their common scale."""
    if not errors:
        return absent("No errors to show: they need a mesh of the field, and a truth or points, in outputs/.")
    top = scale_top([one.distances for one in errors])
    to_truth = surfaces.truth.mesh is not None
    measure = (
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
    names = view_names(len(rows[0][2]))
    parts = [element("p", measure), picture_grid(rows, names, "Errors as colours")]
    parts.append(_scale_bar(top, "truth" if to_truth else "points", grey=any(one.unsupported > 0 for one in errors)))
    return join(parts)


def _scale_bar(top: float, measured_from: str, *, grey: bool) -> Markup:
    """The colours of distances from none to `top` and beyond."""
    notes = []
    if grey:
        square = element("rect", width=16, height=16, fill="#{:02x}{:02x}{:02x}".format(*UNKNOWN))
        notes.append(element("li", element("svg", square, viewBox="0 0 16 16", aria_hidden="true"), "no points near"))
    return scale_bar(
        f"Distance from the {measured_from}, in the units of the input",
        f"Colour scale of the distance: pale is none, dark red is {length_text(top)} or more.",
        DISTANCE_MAP,
        even_ticks(linear_ticks(0, top), top, length_text),
        notes,
    )
