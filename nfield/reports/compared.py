"""What a job brings to a page that compares runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from nfield.reports.figure_sections import DEFINITIONS, PICTURE_FIGURES, error_cell
from nfield.reports.markup import Markup, absent, table
from nfield.reports.numbers import quality_text
from nfield.reports.pictures import read_picture
from nfield.reports.record import BandFigures, RunRecord

Picture = Image.Image | None


def own_picture(record: RunRecord, what: str, records: Sequence[RunRecord]) -> Picture:
    """The picture of the "truth" or the "field" that the run has written."""
    names = {"truth": ("truth.png",), "field": ("preview.png", "reconstruction.png")}[what]
    return read_picture(*(record.outputs / name for name in names))


def quality_caption(record: RunRecord, records: Sequence[RunRecord]) -> str:
    """The run's quality."""
    return quality_text(record.quality_name, record.field.quality)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How runs of one job are set side by side; `records` are all runs of the job on the page."""

    figures: tuple[str, ...] = PICTURE_FIGURES
    """Qualities beside the run's own."""
    meanings: Sequence[tuple[str, str]] = DEFINITIONS
    """Terms and what they mean."""
    counted: Callable[[RunRecord], RunRecord] = lambda record: record
    """The run with the bands that count as learned or not."""
    picture: Callable[[RunRecord, str, Sequence[RunRecord]], Picture] = own_picture
    """(record, "truth" or "field", records) -> its picture."""
    caption: Callable[[RunRecord, Sequence[RunRecord]], str] = quality_caption
    """(record, records) -> words below the field's picture."""
    about: Callable[[Sequence[RunRecord]], str] = lambda records: ""
    """(records) -> which of several pictures is shown."""
    bands: Callable[[Sequence[RunRecord], Sequence[str]], list[Markup]] = lambda records, names: []
    """(records, names) -> sections on further bands."""
    further: Callable[[Sequence[RunRecord], Sequence[str]], list[Markup]] = lambda records, names: []
    """(records, names) -> sections at the end."""


def compared() -> Compared:
    """Runs that show one picture."""
    return Compared()


def bands_table(records: Sequence[RunRecord], names: Sequence[str]) -> Markup:
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
