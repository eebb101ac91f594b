"""Plain words about a radiance field, made from its figures."""

from nfield.jobs.views.page.tables import view_count
from nfield.jobs.views.page.views import SeenView, held_out
from nfield.reports.numbers import quality_text
from nfield.reports.record import RunRecord
from nfield.reports.summary import about_bands, about_quality


def view_words(record: RunRecord, views: list[SeenView]) -> list[str]:
    """One sentence about the bands, one about the quality on views that were not trained on, one about single views."""
    return [about_bands(record), about_quality(record, _where(record, views), ("ssim",)), *_about_views(record, views)]


def _where(record: RunRecord, views: list[SeenView]) -> str:
    if not held_out(record):
        return "On the views it was trained on, as none was held out, "
    count = view_count(record, "test") or len(views)
    if not record.finished or not count:
        return "On held-out views, "
    return "On the one held-out view, " if count == 1 else f"On {count:,} held-out views, "


def _about_views(record: RunRecord, views: list[SeenView]) -> list[str]:
    ranked = sorted((view.field.psnr, view.name) for view in views if view.field.psnr is not None)
    count = view_count(record, "train")
    trained = "" if count is None else f"It was trained on {count:,} picture{'s' if count != 1 else ''}"
    if len(ranked) < 2:
        return [f"{trained}."] if trained else []
    (low, worst), (high, best) = ranked[0], ranked[-1]
    spread = f"views range from {quality_text('psnr', low)} ({worst}) to {quality_text('psnr', high)} ({best})."
    return [f"{trained}; its {spread}" if trained else f"Its {spread}"]
