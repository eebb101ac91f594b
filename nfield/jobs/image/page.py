"""The report of a run that fitted an image."""

from nfield.io.atomic import write_bytes
from nfield.reports.contents import Contents
from nfield.reports.figure_sections import (
    band_section,
    definitions,
    heat_section,
    quality_section,
    settings_section,
    spectrum_section,
    tiles,
)
from nfield.reports.markup import element, section
from nfield.reports.picture_sections import Pictures, pictures_section, read_pictures
from nfield.reports.pictures import png_bytes
from nfield.reports.record import RunRecord
from nfield.reports.snapshots import snapshots_section
from nfield.reports.summary import plain_words


def image_contents(record: RunRecord) -> Contents:
    """Pictures, bands, curves and settings.

    Where truth and reconstruction are there, their differences are also written as outputs/error.png and
    outputs/baseline_error.png.
    """
    pictures = read_pictures(record)
    _write_errors(record, pictures)
    return Contents(
        words=plain_words(record),
        sections=[
            tiles(record),
            section("Pictures", pictures_section(pictures)),
            section("From coarse to fine", snapshots_section(record)),
            section("Error of each frequency band over training", heat_section(record)),
            section("Bands at the end", band_section(record)),
            element(
                "div",
                section("Quality over time", quality_section(record)),
                section("Power spectra", spectrum_section(record)),
                class_="pair",
            ),
            section("Settings", settings_section(record)),
            definitions(),
        ],
    )


def _write_errors(record: RunRecord, pictures: Pictures) -> None:
    if pictures.errors is None:
        return
    for name, picture in zip(("error.png", "baseline_error.png"), pictures.errors.pictures, strict=False):
        write_bytes(record.outputs / name, png_bytes(picture))
