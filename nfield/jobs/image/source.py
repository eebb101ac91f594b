"""From what the command line names to an image."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from nfield.core.checks import UserError, positive

if TYPE_CHECKING:
    import numpy as np

    from nfield.core.image import Image
    from nfield.jobs.image.options import ImageOptions
    from nfield.training.progress import Progress

Crop = Optional[tuple[int, int, int, int]]
"""Top, left, height and width in pixels."""
CAMERA = "camera"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What the command takes beyond the options of the run."""

    image: Optional[str] = None
    """Image file: PNG, JPEG, TIFF, NPY and all else that imageio reads. Default: scikit-image's camera."""
    mask: Optional[str] = None
    """Image of the same size: fit only where it is white, and fill in the rest."""
    zoom: float = 1.0
    """Also write outputs/rendering at so many pixels per image pixel."""
    crop: Crop = None
    """Part of the image for that rendering: TOP LEFT HEIGHT WIDTH, in pixels."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ImageData:
    """An image, and which of its pixels are to be fitted."""

    image: "Image"
    mask: "np.ndarray | None" = None
    """Booleans of shape (H, W), true where the image is to be fitted; None is everywhere."""
    mask_source: str | None = None
    """File of the mask."""

    @property
    def source(self) -> str:
        """Name of the image."""
        return self.image.source


def camera() -> "Image":
    """The photograph that scikit-image brings along (CC0)."""
    from skimage import data

    from nfield.core.image import Image

    return Image.from_array(data.camera(), source=CAMERA)


def open_image(command: Any, options: "ImageOptions", progress: "Progress") -> ImageData:
    """The image and the mask that the command names."""
    from nfield.io.images.images import load_image, load_mask

    positive(command.zoom, "--zoom")
    image = camera() if command.image is None else load_image(command.image)
    crop_of(command.crop, image)
    mask = None if command.mask is None else load_mask(command.mask, image.height, image.width)
    for note in image.notes:
        progress.info(f"{image.source}: {note}")
    return ImageData(image=image, mask=mask, mask_source=command.mask)


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the command took, from config.json of an earlier run."""
    source = config.get("source")
    return {"image": None if source == CAMERA else source, "mask": config.get("mask")}


def crop_of(crop: Crop, image: "Image") -> Crop:
    """The crop, if it lies inside the image; otherwise a `UserError`."""
    if crop is None:
        return None
    top, left, height, width = crop
    if min(top, left) < 0 or min(height, width) < 1 or top + height > image.height or left + width > image.width:
        raise UserError(
            f"--crop {top} {left} {height} {width} (TOP LEFT HEIGHT WIDTH) does not lie inside the image, which has "
            f"{image.height} rows and {image.width} columns."
        )
    return crop


def size(config: Mapping[str, Any]) -> str:
    """Size and kind of a run's image in words."""
    image = config["image"]
    alpha = " with alpha" if image["alpha"] else ""
    return f"{image['width']} x {image['height']} {image['colour']}{alpha}, {image['dtype']}"
