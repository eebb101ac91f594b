"""The option --crop of the commands that render."""

from typing import Optional

from nfield.core.checks import UserError
from nfield.core.image import Image

Crop = Optional[tuple[int, int, int, int]]
"""Top, left, height and width in pixels."""


def crop_of(crop: Crop, image: Image) -> Crop:
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
