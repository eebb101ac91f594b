"""Runs of views side by side: one view that all have, and the quality of each view."""

from nfield.jobs.views.page.tables import folded
from nfield.jobs.views.page.views import SeenView, chosen_views, seen_views
from nfield.reports.markup import Markup, section, table
from nfield.reports.numbers import quality_text
from nfield.reports.record import RunRecord


def shared_view(records: list[RunRecord]) -> SeenView | None:
    """The median view of the first run of views that has any, among those that most of the runs have."""
    runs = [views for record in records if record.task == "views" and (views := seen_views(record))]
    if not runs:
        return None
    held = [[view.name for view in views] for views in runs]
    most = max(sum(view.name in names for names in held) for view in runs[0])
    shared = [view for view in runs[0] if sum(view.name in names for names in held) == most]
    chosen = chosen_views(shared)
    return chosen[len(chosen) // 2][1]


def view_caption(record: RunRecord, view: SeenView) -> str:
    """The run's figures of that view."""
    own = next((one for one in seen_views(record) if one.name == view.name), None)
    return own.field.caption if own is not None else ""


def each_view(records: list[RunRecord], names: list[str]) -> list[Markup]:
    """A table of the PSNR of each view in each run of views; nothing where no run has any."""
    columns, header = [], ["View"]
    for record, name in zip(records, names, strict=True):
        if record.task == "views":
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
