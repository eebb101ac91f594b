"""Runs of views side by side: one view that all have, and the quality of each view."""

from collections.abc import Sequence

from nfield.jobs.views.page.tables import VIEW_DEFINITIONS, folded
from nfield.jobs.views.page.views import SeenView, chosen_views, depth_record, seen_views, view_picture
from nfield.reports.compared import Compared, Picture, bands_table
from nfield.reports.figure_sections import PICTURE_FIGURES
from nfield.reports.markup import Markup, section, table
from nfield.reports.numbers import quality_text
from nfield.reports.record import RunRecord


def compared() -> Compared:
    """Runs of views."""
    return Compared(
        figures=(*PICTURE_FIGURES, "depth_error"),
        meanings=VIEW_DEFINITIONS,
        picture=_picture,
        caption=_caption,
        about=_about,
        bands=_depth_bands,
        further=each_view,
    )


def shared_view(records: Sequence[RunRecord]) -> SeenView | None:
    """The median view of the first run that has any, among those that most of the runs have."""
    runs = [views for record in records if (views := seen_views(record))]
    if not runs:
        return None
    held = [[view.name for view in views] for views in runs]
    most = max(sum(view.name in names for names in held) for view in runs[0])
    shared = [view for view in runs[0] if sum(view.name in names for names in held) == most]
    chosen = chosen_views(shared)
    return chosen[len(chosen) // 2][1]


def _picture(record: RunRecord, what: str, records: Sequence[RunRecord]) -> Picture:
    view = shared_view(records)
    return None if view is None else view_picture(record, view, {"field": "views"}.get(what, what))


def _about(records: Sequence[RunRecord]) -> str:
    view = shared_view(records)
    return "" if view is None else f"View {view.name}"


def _caption(record: RunRecord, records: Sequence[RunRecord]) -> str:
    """The run's figures of that view."""
    view = shared_view(records)
    own = next((one for one in seen_views(record) if view is not None and one.name == view.name), None)
    return "" if own is None else own.field.caption


def _depth_bands(records: Sequence[RunRecord], names: Sequence[str]) -> list[Markup]:
    """The bands of the depths that views show, where any run has them."""
    seen = [depth_record(record) for record in records]
    if not any(record.field.bands for record in seen):
        return []
    return [section("Error of each band of the depth at the end", bands_table(seen, names))]


def each_view(records: Sequence[RunRecord], names: Sequence[str]) -> list[Markup]:
    """A table of the PSNR of each view in each run; nothing where no run has any."""
    columns, header = [], ["View"]
    for record, name in zip(records, names, strict=True):
        views = {view.name: view for view in seen_views(record)}
        columns.append({key: view.field.psnr for key, view in views.items()})
        header.append(name)
        if record.baseline is not None:
            columns.append({key: view.baseline.psnr for key, view in views.items()})
            header.append(f"{name}: plain MLP")
    known = dict.fromkeys(key for column in columns for key, psnr in column.items() if psnr is not None)
    if not known:
        return []
    rows = [[key, *(quality_text("psnr", column.get(key)) for column in columns)] for key in known]
    return [section("Each view", folded(table(header, rows, caption="PSNR of each view"), len(rows)))]
