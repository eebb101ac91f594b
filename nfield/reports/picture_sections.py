"""The part of a report with the run's pictures: truth, reconstruction, baseline, errors, and a detail."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field

import numpy as np
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

TEXTURE = 12.0
"""Grey levels (of 255) between neighbours up to which contrast counts where outlines do not matter."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """A run's pictures, or those of one of its views, as far as they are there."""

    source: str
    """What they show."""

    truth: Image.Image | None
    field: Image.Image | None
    baseline: Image.Image | None
    errors: ErrorMaps | None
    """Errors of the field and, where it is there, the baseline, in this order."""
    captions: dict[str, str] = dataclass_field(default_factory=dict)
    """Texts below 'truth', 'field' and 'baseline'."""
    folder: str = "outputs/"
    """Where they belong, for the text in the place of one that is missing."""
    alone: bool = False
    """Whether there was to be no baseline: then its place is left out."""


def read_pictures(record: RunRecord) -> Pictures:
    """Read the previews in RUN/outputs and work out the errors."""
    outputs = record.outputs
    truth = read_picture(outputs / "truth.png")
    field = read_picture(outputs / "preview.png", outputs / "reconstruction.png")
    baseline = read_picture(outputs / "baseline.png")
    return Pictures(
        source=record.source,
        truth=truth,
        field=field,
        baseline=baseline,
        errors=compared(truth, field, baseline),
        captions={
            "truth": "The picture that was to be learned.",
            "field": _quality(record, record.field),
            "baseline": _quality(record, record.baseline),
        },
        alone=record.alone,
    )


def _quality(record: RunRecord, side: Side | None) -> str:
    if side is None or not side.quality:
        return ""
    return f"{quality_title(record.quality_name)} {quality_text(record.quality_name, side.quality)}"


def compared(truth: Image.Image | None, field: Image.Image | None, baseline: Image.Image | None) -> ErrorMaps | None:
    """Errors of those that are as large as the truth; none without a field."""
    if truth is None or field is None or field.size != truth.size:
        return None
    return error_maps(truth, [field] if baseline is None or baseline.size != truth.size else [field, baseline])


def pictures_section(pictures: Pictures, *, detail: bool = True, outlines: bool = True) -> Markup:
    """Truth, field and baseline side by side; below them the slider and the errors; then a detail.

    Without `outlines` the detail is one of texture, even where things stand out from their ground.
    """
    if pictures.truth is None and pictures.field is None and pictures.baseline is None:
        return absent("This run has no pictures in outputs/ yet.")
    top = [
        _shown("Truth", "truth", pictures.truth, pictures),
        _shown("Field", "field", pictures.field, pictures),
    ]
    if pictures.baseline is not None or not pictures.alone:
        top.append(_shown("Plain MLP", "baseline", pictures.baseline, pictures))
    parts = [element("div", *top, class_="trio")]
    # The script fills the slider from the pictures above; without a script it stays hidden.
    slider = element("figure", class_="slider", hidden="")
    parts.append(element("div", slider, *_errors(pictures), class_="trio"))
    if detail:
        parts.append(_detail(pictures, np.inf if outlines else TEXTURE))
    return element("div", *parts, class_="sliding")


def _shown(title: str, name: str, picture: Image.Image | None, pictures: Pictures) -> Markup:
    if picture is None:
        return element("figure", absent(f"{title}: the picture is not in {pictures.folder}."))
    caption = pictures.captions.get(name, "")
    return figure(picture, f"{title}: {pictures.source}", element("strong", title), f" {caption}", name=name)


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


def _detail(pictures: Pictures, most: float) -> Markup:
    """The most detailed part of the truth and the same part of the others, enlarged pixel by pixel."""
    if pictures.truth is None or min(pictures.truth.size) < 64:
        return Markup("")
    box = most_detailed_window(pictures.truth, max(32, max(pictures.truth.size) // 8), most)
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
    which = "strongest contrast" if most == np.inf else "most texture"
    heading = element("h3", f"The part with the {which}, enlarged {factor} times")
    return join([heading, element("div", *shown, class_="trio detail")])
