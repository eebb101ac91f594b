"""The report of one run: one HTML file that opens offline."""

import pathlib

from nfield.io.atomic import write_bytes, write_text
from nfield.reports.figure_sections import (
    band_section,
    definitions,
    heat_section,
    quality_section,
    settings_section,
    spectrum_section,
    tiles,
)
from nfield.reports.markup import Markup, element, page, section
from nfield.reports.numbers import count_text, seconds_text
from nfield.reports.picture_sections import Pictures, pictures_section, read_pictures
from nfield.reports.pictures import png_bytes
from nfield.reports.record import RunRecord, read_record
from nfield.reports.snapshots import snapshots_section
from nfield.reports.summary import plain_words


def write_report(folder: pathlib.Path) -> pathlib.Path:
    """Write RUN/report.html from what the run folder holds, and return its path.

    Works on finished and half-finished runs; a missing piece is told in words in its place. The same folder
    gives the same file. Where truth and reconstruction are there, their differences are also written as
    outputs/error.png and outputs/baseline_error.png. Raises `UserError` where `folder` is no run folder.
    """
    record = read_record(folder)
    pictures = read_pictures(record)
    _write_errors(record, pictures)
    title = f"Which frequencies were learned: {record.source}"
    path = folder / "report.html"
    body = page(
        title,
        _head(record, title),
        tiles(record),
        section("Pictures", pictures_section(record, pictures)),
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
    )
    write_text(path, body)
    return path


def _head(record: RunRecord, title: str) -> Markup:
    parts = [element("h1", title), element("p", " ".join(plain_words(record)), class_="lead")]
    if not record.finished:
        last = record.field.history[-1] if record.field.history else None
        where = (
            f"those of its last evaluation, at step {count_text(last.step)} ({seconds_text(last.seconds)})"
            if last
            else "not there yet"
        )
        parts.append(element("p", f"This run has not finished: the figures are {where}.", class_="notice"))
    parts += [element("p", note, class_="notice") for note in record.notes]
    return element("header", *parts)


def _write_errors(record: RunRecord, pictures: Pictures) -> None:
    if pictures.errors is None:
        return
    for name, picture in zip(("error.png", "baseline_error.png"), pictures.errors.pictures, strict=False):
        write_bytes(record.outputs / name, png_bytes(picture))
