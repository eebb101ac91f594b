"""Several runs side by side on one page."""

import pathlib
from collections.abc import Sequence

from PIL import Image

from nfield.core.checks import UserError
from nfield.io.atomic import write_text
from nfield.jobs.surface.page.pictures import preview
from nfield.jobs.surface.page.profiles import counted_record
from nfield.jobs.surface.page.tables import LENGTHS, SCORES, SURFACE_DEFINITIONS
from nfield.jobs.views.page.comparison import each_view, shared_view, view_caption
from nfield.jobs.views.page.tables import VIEW_DEFINITIONS
from nfield.jobs.views.page.views import SeenView, depth_record, view_picture
from nfield.reports.charts import Curve, line_chart
from nfield.reports.figure_sections import (
    DEFINITIONS,
    PICTURE_FIGURES,
    definitions,
    error_cell,
    quality_points,
)
from nfield.reports.heatmap import clock_of
from nfield.reports.markup import Markup, absent, element, join, page, section, table
from nfield.reports.numbers import (
    MISSING,
    axis_title,
    count_text,
    quality_text,
    quality_title,
    seconds_text,
    share_learned,
    statistic_text,
)
from nfield.reports.pictures import figure, read_picture
from nfield.reports.record import BandFigures, RunRecord, Side, read_record

FURTHER = (*PICTURE_FIGURES, "depth_error", *LENGTHS, *SCORES)
"""Qualities that are compared beside the runs' own, where any run has them."""

STYLES = 8
"""Number of distinct line styles for runs; further runs begin again."""


def write_comparison(folders: Sequence[pathlib.Path], out: pathlib.Path) -> pathlib.Path:
    """Write one HTML file that sets the runs' figures, band errors, curves and pictures side by side.

    Raises `UserError` where no folder is named, one of them is no run folder, or `out` is a folder.
    """
    if not folders:
        raise UserError("No run folder was named. Name one or more folders of runs to compare.")
    if out.is_dir():
        raise UserError(f"'{out}' is a folder. Name a file for the page, such as '{out / 'comparison.html'}'.")
    records = [read_record(folder) for folder in folders]
    names = _names(folders)
    title = f"Comparison of {len(records)} run{'s' if len(records) > 1 else ''}"
    body = page(
        title,
        element("header", element("h1", title), *_head(records, names)),
        section("Figures", _figures(records, names)),
        section("Error of each frequency band at the end", _bands(records, names)),
        *_depth_bands(records, names),
        section("Quality over time", *_curves(records, names)),
        section("Reconstructions", _pictures(records, names)),
        *each_view(records, names),
        *_definitions(records),
    )
    write_text(out, body)
    return out


def _definitions(records: list[RunRecord]) -> list[Markup]:
    """Meanings of the figures of all kinds of runs on the page."""
    meanings = {"mesh": SURFACE_DEFINITIONS, "views": VIEW_DEFINITIONS}
    return [
        definitions(one) for one in dict.fromkeys(meanings.get(record.task or "", DEFINITIONS) for record in records)
    ]


def _names(folders: Sequence[pathlib.Path]) -> list[str]:
    """The folders' names, with as many parents as it takes to tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(len(one) for one in parts) + 1):
        names = ["/".join(one[-length:]) for one in parts]
        if len(set(names)) == len(set(parts)):
            return names
    return [str(folder) for folder in folders]


def _head(records: list[RunRecord], names: list[str]) -> list[Markup]:
    parts = []
    quality = records[0].quality_name
    ranked = [
        (record.field.quality, name)
        for record, name in zip(records, names, strict=True)
        if record.field.quality is not None and record.quality_name == quality
    ]
    if len(ranked) > 1:
        best, winner = max(ranked)
        worst, loser = min(ranked)
        told = (
            f"{quality_title(quality)} reaches from {quality_text(quality, worst)} ({loser}) "
            f"to {quality_text(quality, best)} ({winner})."
        )
        parts.append(element("p", told, class_="lead"))
    sources = sorted({record.source for record in records if record.config.get("source")})
    if len(sources) > 1:
        parts.append(element("p", f"These runs fit different sources: {', '.join(sources)}.", class_="notice"))
    for record, name in zip(records, names, strict=True):
        if not record.finished:
            told = f"{name} has not finished: its figures are those of its last evaluation."
            parts.append(element("p", told, class_="notice"))
        parts += [element("p", f"{name}: {note}", class_="notice") for note in record.notes]
    return parts


def _figures(records: list[RunRecord], names: list[str]) -> Markup:
    qualities = list(dict.fromkeys([*(record.quality_name for record in records), *FURTHER]))
    columns = [_column(record, qualities) for record in records]
    rows = [[title, *(column[title] for column in columns)] for title in columns[0]]
    kept = [row for row in rows if any(cell != MISSING for cell in row[1:])]
    return table(["", *names], kept, caption="Figures of the runs")


def _column(record: RunRecord, qualities: list[str]) -> dict[str, str]:
    """One run's figures under their titles; every run has the same titles."""
    shown = {
        "Source": record.source,
        "Encoding": _part(record, "encoding"),
        "Backbone": _part(record, "backbone"),
    }
    for quality in qualities:
        shown[quality_title(quality)] = _quality(record, record.field, quality)
        shown[f"{quality_title(quality)}, plain MLP"] = _quality(record, record.baseline, quality)
    return shown | {
        "Bands learned": share_learned(counted_record(record).field, record.threshold),
        "Order statistic": statistic_text(record.field.number("order_spearman")),
        "Parameters": count_text(record.field.number("parameters")),
        "Training time": seconds_text(record.field.seconds),
        "Time in all": seconds_text(record.field.number("seconds_total")),
        "Steps": count_text(record.field.steps),
        "Device": _stated(record, "device"),
        "Precision": _stated(record, "precision"),
        "Seed": _stated(record, "seed"),
    }


def _quality(record: RunRecord, side: Side | None, quality: str) -> str:
    if side is None:
        return MISSING
    return quality_text(quality, side.quality if record.quality_name == quality else side.number(quality))


def _stated(record: RunRecord, key: str) -> str:
    return str(record.field.metrics.get(key, record.config.get(key, MISSING)))


def _part(record: RunRecord, key: str) -> str:
    """The name of the run's encoding or backbone."""
    recipe = record.config.get("recipe")
    stated = (recipe if isinstance(recipe, dict) else record.config).get(key)
    name = stated.get("name") or stated.get("type") if isinstance(stated, dict) else stated
    return name if isinstance(name, str) else MISSING


def _bands(records: list[RunRecord], names: list[str]) -> Markup:
    """One row per band that any run has; bands of different runs meet where their edges are the same."""
    columns: list[tuple[str, dict[tuple[str, str], BandFigures]]] = []
    for record, name in zip(records, names, strict=True):
        for side in record.sides:
            shown = name if side is record.field else f"{name}: plain MLP"
            columns.append((shown, {(band.label, band.unit): band for band in side.bands}))
    keys = {key: band.low or 0.0 for _, bands in columns for key, band in bands.items()}
    if not keys:
        return absent("None of the runs has band errors on record.")
    rows = [
        [f"{key[0]} {key[1]}".strip(), *(error_cell(bands.get(key)) for _, bands in columns)]
        for key in sorted(keys, key=lambda key: keys[key])
    ]
    return table(["Band", *(name for name, _ in columns)], rows, caption="Relative error of each band")


def _depth_bands(records: list[RunRecord], names: list[str]) -> list[Markup]:
    """The same for the depths that views show, where any run has them."""
    seen = [depth_record(record) for record in records]
    if not any(record.field.bands for record in seen):
        return []
    return [section("Error of each band of the depth at the end", _bands(seen, names))]


def _curves(records: list[RunRecord], names: list[str]) -> list[Markup]:
    """A chart for each kind of quality: the fields' lines are full, the baselines' dashed."""
    charts = []
    for quality in dict.fromkeys(record.quality_name for record in records):
        of_kind = [(i, record) for i, record in enumerate(records) if record.quality_name == quality]
        clock = "seconds"
        if any(clock_of(record.sides) == "step" for _, record in of_kind):
            clock = "step"
        curves = []
        for index, record in of_kind:
            for side in record.sides:
                dashed = side is not record.field
                curve = Curve(
                    label=f"{names[index]}: plain MLP" if dashed else names[index],
                    style=f"run-{index % STYLES}{' dashed' if dashed else ''}",
                    points=quality_points(side, clock),
                )
                curves += [curve] if curve.points else []
        if curves:
            title = quality_title(quality)
            chart = line_chart(
                curves,
                description=f"{title} of {len(of_kind)} runs over the time of training.",
                across_title="seconds of training" if clock == "seconds" else "step",
                up_title=axis_title(quality),
            )
            charts.append(element("div", chart, class_="single"))
    return charts or [absent("None of the runs has a quality over time on record.")]


def _picture(record: RunRecord, surface: str, view: SeenView | None, *names: str) -> Image.Image | None:
    """The run's picture; of a run of views that one; of a mesh run without one, a view of its surface."""
    if record.task == "views":
        return view_picture(record, view, {"field": "views"}.get(surface, surface)) if view is not None else None
    return read_picture(*(record.outputs / name for name in names)) or preview(record, surface)


def _pictures(records: list[RunRecord], names: list[str]) -> Markup:
    figures = []
    view = shared_view(records)
    truth = next((one for record in records if (one := _picture(record, "truth", view, "truth.png"))), None)
    if truth is not None:
        figures.append(figure(truth, "Truth", element("strong", "Truth"), side=512))
    missing = []
    named = [] if view is None else [element("p", f"View {view.name}", class_="quiet")]
    for record, name in zip(records, names, strict=True):
        picture = _picture(record, "field", view, "preview.png", "reconstruction.png")
        if picture is None:
            missing.append(absent(f"{name} has no reconstruction in outputs/."))
            continue
        told = quality_text(record.quality_name, record.field.quality)
        if view is not None and record.task == "views":
            told = view_caption(record, view)
        figures.append(figure(picture, f"Reconstruction: {name}", element("strong", name), f" {told}", side=512))
    return join([*named, element("div", *figures, class_="trio"), *missing])
