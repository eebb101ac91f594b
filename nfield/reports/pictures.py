"""Pictures of a run: read, scaled down, compared and packed into the page as data."""

import base64
import io
import pathlib
import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from nfield.rendering.error_colours import colour_table
from nfield.reports.colours import PICTURE_MAP
from nfield.reports.markup import Markup, element

LARGEST_PIXELS = 64_000_000
"""Pictures above this are not decoded; the previews that a run writes are far below it."""

PNG_BYTES = 250_000
"""Up to this size a picture is packed without loss."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ErrorMaps:
    """Absolute errors of one or two pictures against the truth, drawn on one common colour scale."""

    errors: list[Float[np.ndarray, "height width"]]
    """Errors of each pixel, as a share of the full range."""
    top: float
    """Error at the bright end of the scale, as a share of the full range."""

    @property
    def pictures(self) -> list[Image.Image]:
        """The errors as colours."""
        return [_coloured(error / self.top, colour_table(PICTURE_MAP)) for error in self.errors]

    @property
    def means(self) -> list[float]:
        """Mean absolute error of each picture, as a share of the full range."""
        return [float(error.mean()) for error in self.errors]


def read_picture(*candidates: pathlib.Path) -> Image.Image | None:
    """The first of the files that is a readable picture, as RGB or RGBA with 8 bits; otherwise None."""
    for path in candidates:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(path) as opened:
                    if opened.width * opened.height > LARGEST_PIXELS:
                        continue
                    return _eight_bits(opened)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
    return None


def _eight_bits(opened: Image.Image) -> Image.Image:
    if opened.mode.startswith("I"):
        sixteen = np.asarray(opened, dtype=np.float64)
        return Image.fromarray(np.round(np.clip(sixteen / 257, 0, 255)).astype(np.uint8)).convert("RGB")
    if opened.mode == "F":
        return Image.fromarray(np.round(255 * np.clip(np.asarray(opened), 0, 1)).astype(np.uint8)).convert("RGB")
    return opened.convert("RGBA" if opened.has_transparency_data else "RGB")


def values(picture: Image.Image) -> Float[np.ndarray, "height width channels"]:
    """Pixel values in [0, 1]."""
    return np.asarray(picture, dtype=np.float64) / 255


def error_maps(truth: Image.Image, pictures: list[Image.Image]) -> ErrorMaps:
    """Mean absolute difference over the channels; the scale ends at the worst picture's 99.5th percentile."""
    exact = values(truth.convert("RGBA"))
    # Pictures without alpha have it at 1, so that leaving it out of the mean is right there.
    channels = 4 if "A" in truth.getbands() else 3
    errors = [np.abs(values(one.convert("RGBA")) - exact)[..., :channels].mean(axis=-1) for one in pictures]
    top = max(2 / 255, *(float(np.quantile(error, 0.995)) for error in errors))
    return ErrorMaps(errors=errors, top=top)


def _coloured(shares: Float[np.ndarray, "height width"], table: UInt8[np.ndarray, "256 3"]) -> Image.Image:
    return Image.fromarray(table[np.round(255 * np.clip(shares, 0, 1)).astype(np.int64)])


def most_detailed_window(truth: Image.Image, side: int, most: float = np.inf) -> tuple[int, int, int, int]:
    """Box (left, top, right, bottom) of about `side` pixels with the strongest local contrast.

    Contrast beyond `most` grey levels (of 255) between neighbours counts as that: with a low one, texture wins over
    outlines.
    """
    grey = np.asarray(truth.convert("L"), dtype=np.float64)
    height, width = grey.shape
    contrast = np.zeros_like(grey)
    contrast[:-1] += np.abs(np.diff(grey, axis=0)).clip(max=most)
    contrast[:, :-1] += np.abs(np.diff(grey, axis=1)).clip(max=most)
    high, wide = min(side, height), min(side, width)
    sums = np.pad(contrast.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    window = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    top, left = np.unravel_index(int(window.argmax()), window.shape)
    return int(left), int(top), int(left) + wide, int(top) + high


def scaled(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at most `side` pixels."""
    longest = max(picture.size)
    if longest <= side:
        return picture
    size = (max(1, round(picture.width * side / longest)), max(1, round(picture.height * side / longest)))
    return picture.resize(size, Image.Resampling.BOX)


def enlarged(picture: Image.Image, box: tuple[int, int, int, int], factor: int) -> Image.Image:
    """A part of the picture with each pixel drawn as a square of `factor` pixels."""
    part = picture.crop(box)
    return part.resize((part.width * factor, part.height * factor), Image.Resampling.NEAREST)


def data_uri(picture: Image.Image) -> str:
    """The picture as a `data:` address: PNG where that is small, otherwise JPEG on a chequered ground."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    kind = "png"
    if buffer.tell() > PNG_BYTES:
        buffer = io.BytesIO()
        _opaque(picture).save(buffer, "JPEG", quality=92, subsampling=0)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    rows, columns = np.indices((picture.height, picture.width)) // 8
    squares = np.where((rows + columns) % 2 == 0, 204, 255).astype(np.uint8)
    ground = Image.fromarray(squares).convert("RGBA")
    return Image.alpha_composite(ground, picture).convert("RGB")


def figure(picture: Image.Image, alternative: str, *caption: str, side: int = 768, name: str | None = None) -> Markup:
    """An HTML figure; `name` makes it one that the slider of the page can take up."""
    return element("figure", image(scaled(picture, side), alternative, name=name), element("figcaption", *caption))


def image(picture: Image.Image, alternative: str, *, name: str | None = None) -> Markup:
    """The picture inside the page, with the words that stand for it."""
    # A picture of a few pixels is drawn as squares rather than blurred.
    return element(
        "img", src=data_uri(picture), alt=alternative, width=str(picture.width), height=str(picture.height),
        class_="pixels" if max(picture.size) <= 96 else None, data_slide=name,
    )  # fmt: skip
