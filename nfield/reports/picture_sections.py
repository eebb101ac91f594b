"""The part of a report with the run's pictures: truth, reconstruction, baseline, errors, and a detail."""

from dataclasses import dataclass

from PIL import Image

from nfield.reports.markup import Markup, absent, element, join
from nfield.reports.numbers import percent_text, quality_text, quality_title
from nfield.reports.pictures import (
    ErrorMaps,
    enlarged,
    error_maps,
    figure,
    most_detailed_window,
    read_picture,
)
from nfield.reports.record import RunRecord, Side

DETAIL_WIDTH = 384
"""Width of an enlarged detail on the page, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """A run's pictures as far as they are there."""

    truth: Image.Image | None
    field: Image.Image | None
    baseline: Image.Image | None
    errors: ErrorMaps | None
    """Errors of the field and, where it is there, the baseline, in this order."""


def read_pictures(record: RunRecord) -> Pictures:
    """Read the previews in RUN/outputs and work out the errors."""
    outputs = record.outputs
    truth = read_picture(outputs / "truth.png")
    field = read_picture(outputs / "preview.png", outputs / "reconstruction.png")
    baseline = read_picture(outputs / "baseline.png")
    errors = None
    if truth is not None and field is not None and field.size == truth.size:
        both = [field] if baseline is None or baseline.size != truth.size else [field, baseline]
        errors = error_maps(truth, both)
    return Pictures(truth=truth, field=field, baseline=baseline, errors=errors)


def pictures_section(record: RunRecord, pictures: Pictures) -> Markup:
    """Truth, field and baseline side by side; below them the slider and the errors; then a detail."""
    if pictures.truth is None and pictures.field is None and pictures.baseline is None:
        return absent("This run has no pictures in outputs/ yet.")
    top = [
        _shown("Truth", "truth", pictures.truth, "The picture that was to be learned.", None, record),
        _shown("Field", "field", pictures.field, "", record.field, record),
        _shown("Plain MLP", "baseline", pictures.baseline, "", record.baseline, record),
    ]
    parts = [element("div", *top, class_="trio")]
    # The script fills the slider from the pictures above; without a script it stays hidden.
    slider = element("figure", class_="slider", hidden="")
    parts.append(element("div", slider, *_errors(pictures), class_="trio"))
    parts.append(_detail(pictures))
    return join(parts)


def _shown(
    title: str, name: str, picture: Image.Image | None, note: str, side: Side | None, record: RunRecord
) -> Markup:
    if picture is None:
        return element("figure", absent(f"{title}: the picture is not in outputs/."))
    quality = side.quality if side is not None else None
    told = f"{quality_title(record.quality_name)} {quality_text(record.quality_name, quality)}" if quality else note
    heading = element("strong", title)
    return figure(picture, f"{title}: {record.source}", heading, f" {told}", name=name)


def _errors(pictures: Pictures) -> list[Markup]:
    if pictures.errors is None:
        return [absent("No error pictures: they need a truth and a reconstruction of the same size in outputs/.")]
    shown = []
    for title, picture, mean in zip(
        ("Error of the field", "Error of the plain MLP"),
        pictures.errors.pictures,
        pictures.errors.means,
        strict=False,
    ):
        top = percent_text(pictures.errors.top)
        scale = f" Black is none, bright is {top} of the full range or more; mean {percent_text(mean)}."
        shown.append(figure(picture, f"{title}: absolute difference from the truth", element("strong", title), scale))
    return shown


def _detail(pictures: Pictures) -> Markup:
    """The most detailed part of the truth and the same part of the others, enlarged pixel by pixel."""
    if pictures.truth is None or min(pictures.truth.size) < 64:
        return Markup("")
    box = most_detailed_window(pictures.truth, max(32, max(pictures.truth.size) // 8))
    factor = max(1, round(DETAIL_WIDTH / (box[2] - box[0])))
    shown = [
        figure(enlarged(picture, box, factor), f"{title}, a detail", element("strong", title))
        for title, picture in (
            ("Truth", pictures.truth),
            ("Field", pictures.field),
            ("Plain MLP", pictures.baseline),
        )
        if picture is not None and picture.size == pictures.truth.size
    ]
    heading = element("h3", f"The part with the strongest contrast, enlarged {factor} times")
    return join([heading, element("div", *shown, class_="trio detail")])
