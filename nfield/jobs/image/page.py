"""The report of a run that fitted an image."""

from nfield.io.atomic import write_bytes
from nfield.reports.contents import Contents, run_contents
from nfield.reports.markup import section
from nfield.reports.picture_sections import Pictures, pictures_section, read_pictures
from nfield.reports.pictures import png_bytes
from nfield.reports.record import RunRecord


def image_contents(record: RunRecord) -> Contents:
    """Pictures, bands, curves and settings.

    Where truth and reconstruction are there, their differences are also written as outputs/error.png and
    outputs/baseline_error.png.
    """
    pictures = read_pictures(record)
    _write_errors(record, pictures)
    return run_contents(record, results=[section("Pictures", pictures_section(pictures))])


def _write_errors(record: RunRecord, pictures: Pictures) -> None:
    if pictures.errors is None:
        return
    for name, picture in zip(("error.png", "baseline_error.png"), pictures.errors.pictures, strict=False):
        write_bytes(record.outputs / name, png_bytes(picture))
