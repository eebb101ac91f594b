"""Runs of surfaces side by side."""

from collections.abc import Sequence

from nfield.jobs.surface.page.pictures import preview
from nfield.jobs.surface.page.profiles import counted_record
from nfield.jobs.surface.page.tables import LENGTHS, SCORES, SURFACE_DEFINITIONS
from nfield.reports.compared import Compared, Picture
from nfield.reports.record import RunRecord


def compared() -> Compared:
    """Runs of surfaces."""
    return Compared(figures=(*LENGTHS, *SCORES), meanings=SURFACE_DEFINITIONS, counted=counted_record, picture=_picture)


def _picture(record: RunRecord, what: str, records: Sequence[RunRecord]) -> Picture:
    return preview(record, what)
