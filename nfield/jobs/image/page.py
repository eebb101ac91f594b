"""The report of a run that fitted an image."""

from nfield.reports.contents import Contents, run_contents
from nfield.reports.markup import section
from nfield.reports.picture_sections import pictures_section, read_pictures
from nfield.reports.record import RunRecord


def image_contents(record: RunRecord) -> Contents:
    """Pictures, bands, curves and settings."""
    return run_contents(record, results=[section("Pictures", pictures_section(read_pictures(record)))])
