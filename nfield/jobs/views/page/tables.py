"""Figures of a views run as tables, and what they mean."""

from nfield.jobs.views.page.views import SeenView
from nfield.reports.figure_sections import DEFINITIONS
from nfield.reports.figure_table import Figures, count, duration, figures_table, quality, share
from nfield.reports.markup import Markup, absent, element, join, table
from nfield.reports.numbers import quality_text, quality_title
from nfield.reports.record import RunRecord, Side
from nfield.reports.stated import mapping, number

FOLDED = 16
"""From this many views on, their table is folded away."""

FIGURES: Figures = {
    "psnr": ("PSNR", quality("psnr")),
    "ssim": ("SSIM", quality("ssim")),
    "depth_error": ("Depth error, input units", quality("depth_error")),
    "seconds_per_view": ("Time to render a view", duration),
    "rays": ("Rays trained on", count),
    "occupied": ("Occupied cells", share),
    "parameters": ("Parameters", count),
    "seconds_fit": ("Training", duration),
    "seconds_total": ("Time in all", duration),
}
"""Rows of the table of figures."""

SHARED = ("PSNR", "SSIM", "Below the threshold", "Order statistic")
"""Definitions that hold for views as they do for pictures."""

VIEW_DEFINITIONS = (
    ("Held-out view", "A picture that was kept from training; figures are means over all of them."),
    *(entry for entry in DEFINITIONS if entry[0] in SHARED),
    (
        "Relative error of a band",
        "√(Σ|rendering − truth|² / Σ|truth|²) over the complex Fourier coefficients in the band, of those parts of the "
        "measured views that are rendered during training: 0 is learned, 1 is as wrong as a field that gives nothing "
        "there. Pictures are windowed (Hann) "
        "before the transform.",
    ),
    (
        "Quality over time",
        "During training only parts of a few views are rendered, so the last value may differ from the final figures.",
    ),
    (
        "Cycles/side",
        "How often a pattern repeats along the longer side of a view. Bands are rings in the plane of wave vectors.",
    ),
    ("Bands of the depth", "The same for the depths that are seen in the views, where the true ones are known."),
    ("Depth error", "Mean |depth − true depth| where both see something, in units of the input."),
    ("Plain MLP", "The baseline: a multilayer perceptron on raw coordinates, trained on rays of the same pictures."),
)


def view_figures(record: RunRecord) -> Markup:
    """Figures of field and plain MLP beside each other; those that change in training are the last evaluation's."""
    columns = [(side.title, _figures(side, record)) for side in record.sides]
    return figures_table(
        columns,
        FIGURES,
        caption="Figures of the run",
        missing="This run has no figures on record yet.",
    )


def _figures(side: Side, record: RunRecord) -> dict[str, object]:
    last = side.history[-1].numbers if side.history else {}
    return {record.quality_name: side.quality, "seconds_fit": side.seconds, **last, **side.metrics}


def per_view_table(record: RunRecord, views: list[SeenView], chosen: list[tuple[str, SeenView]]) -> Markup:
    """PSNR and SSIM of every view, the field's beside the baseline's."""
    if not any(view.field.caption for view in views):
        return absent("This run has no figures of single views on record; they are written when a run finishes.")
    header = ["View"]
    for side in record.sides:
        header += [f"{side.title}: {quality_title(key)}" for key in ("psnr", "ssim")]
    titles = {view.name: title for title, view in chosen}
    rows = []
    for view in views:
        note = f" {titles[view.name].lower()}" if view.name in titles else ""
        row: list[str] = [join([view.name, element("span", note, class_="quiet")])]
        for figures in (view.field, view.baseline)[: len(record.sides)]:
            row += [quality_text("psnr", figures.psnr), quality_text("ssim", figures.ssim)]
        rows.append(row)
    return folded(table(header, rows, caption="Figures of each view"), len(rows))


def folded(shown: Markup, count: int) -> Markup:
    """A table of that many views, folded away where there are many."""
    if count < FOLDED:
        return shown
    return element("details", element("summary", f"All {count:,} views"), shown, class_="folded")


def view_count(record: RunRecord, key: str) -> int | None:
    """How many views of a split config.json states."""
    found = number(mapping(record.config.get("views")).get(key))
    return None if found is None else int(found)
