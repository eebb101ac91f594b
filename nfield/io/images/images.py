"""Read an image or a mask from a file, by what the file holds and not by what it is called."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.io.files import check_file
from nfield.io.images.decoded import Decoded, in_memory, unreadable, upright
from nfield.io.images.pictures import picture_orientation, read_by_imageio, read_picture
from nfield.io.images.png import SIGNATURE as PNG_SIGNATURE
from nfield.io.images.png import read_png16, read_png_header
from nfield.io.images.tiff import SIGNATURES as TIFF_SIGNATURES
from nfield.io.images.tiff import read_tiff
from nfield.io.images.writers import open_image_writer as open_image_writer
from nfield.io.images.writers import save_image as save_image
from nfield.io.numpy_files import NPY_SIGNATURE, read_array


def load_image(path: str | os.PathLike[str], *, as_stored: bool = False) -> Image:
    """An image file as an `Image`, in the file's own depth and colour, turned upright unless `as_stored`.

    Uncompressed TIFF and NPY files of more than 256 MB are memory-mapped. `Image.notes` tells what was
    chosen for the user: the first of several frames, a converted colour space, a float image's range.
    Raises UserError where the file is missing, damaged, or no image of finite numbers.
    """
    file = Path(path)
    check_file(file, "image")
    try:
        decoded = _decode(file)
        pixels, turned = upright(decoded.pixels, 1 if as_stored else decoded.orientation)
        return Image.from_array(pixels, alpha=decoded.alpha, notes=(*decoded.notes, *turned), source=str(file))
    except MemoryError:
        raise UserError(
            f"'{file}' does not fit in memory. Save it as an uncompressed TIFF or an NPY file, "
            "which are read piece by piece."
        ) from None
    except OSError as error:
        raise unreadable(str(file), error.strerror or error) from None


def load_mask(path: str | os.PathLike[str], height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """Where a mask file is white: True where grey (mean of R, G, B) times opacity is at least one half.

    Raises UserError where the mask's size is not `height` x `width`, and where it selects nothing.
    """
    mask = load_image(path)
    if (mask.height, mask.width) != (height, width):
        raise UserError(
            f"The mask '{path}' has {mask.height} x {mask.width} pixels (height x width), "
            f"but the image has {height} x {width}. Give a mask of the image's size."
        )
    selected = np.zeros((height, width), np.bool_)
    step = max(1, 2**22 // width)
    for top in range(0, height, step):
        rows = np.arange(top, min(top + step, height))
        values = mask.values(rows, np.arange(width))
        grey = values[..., :-1].mean(-1) * values[..., -1] if mask.alpha else values.mean(-1)
        selected[rows] = grey >= 0.5
    if not selected.any():
        raise UserError(
            f"The mask '{path}' is black everywhere, so that no pixel would be fitted. Paint the pixels to fit white."
        )
    return selected


def _decode(path: Path) -> Decoded:
    with open(path, "rb") as file:
        start = file.read(len(PNG_SIGNATURE))
    if start.startswith(NPY_SIGNATURE):
        return _read_npy(path)
    if start.startswith(PNG_SIGNATURE):
        header = read_png_header(path)
        if header.depth == 16:
            decoded = read_png16(path, header)
            return replace(decoded, orientation=picture_orientation(path))
    decoded_tiff = read_tiff(path) if start.startswith(TIFF_SIGNATURES) else None
    return decoded_tiff or read_picture(path) or read_by_imageio(path)


def _read_npy(path: Path) -> Decoded:
    try:
        return Decoded(pixels=in_memory(read_array(path)))
    except ValueError as error:
        raise unreadable(str(path), f"the NPY file is truncated or damaged ({error})") from None
