"""The report of a run that fitted a radiance field to posed images."""

from nfield.jobs.views.page.sections import VIDEO_POLICY, geometry_section, video_section, views_section
from nfield.jobs.views.page.tables import VIEW_DEFINITIONS, per_view_table, view_figures
from nfield.jobs.views.page.views import chosen_views, depth_record, seen_views
from nfield.jobs.views.page.words import view_words
from nfield.reports.contents import Contents, run_contents
from nfield.reports.figure_sections import band_section, heat_section, tiles
from nfield.reports.markup import Markup, absent, join, section
from nfield.reports.record import RunRecord
from nfield.reports.summary import because

TILES = ("ssim", "depth_error")
"""Figures of views that get a tile of their own, where a run has them."""


def views_contents(record: RunRecord) -> Contents:
    """Views beside the truth, depths, the video, bands, curves, figures and settings."""
    views = seen_views(record)
    chosen = chosen_views(views)
    return run_contents(
        record,
        view_words(record, views),
        figures=tiles(record, [key for key in TILES if key == TILES[0] or record.field.number(key) is not None]),
        results=[
            section("Views beside the truth", views_section(record, chosen)),
            section("Depth and normals", geometry_section(record, chosen)),
            section("Around the scene", video_section(record)),
        ],
        frequencies=[section("Frequencies of the depth", _depth_section(record))],
        beside=section("Figures", view_figures(record)),
        further=[section("Each view", per_view_table(record, views, chosen))],
        meanings=VIEW_DEFINITIONS,
        policy=VIDEO_POLICY,
    )


def _depth_section(record: RunRecord) -> Markup:
    """What was learned of the shape, band by band, where the true depths are known."""
    seen = depth_record(record)
    if not seen.field.bands:
        return absent(f"There are no band errors of the depth{because(record.field.why('depth_bands'))}.")
    return join([heat_section(seen, "depth"), band_section(seen)])
