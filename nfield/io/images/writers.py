"""Write values as an image file, whole or some rows at a time; it appears under its name when it is complete."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.io.atomic import replacing
from nfield.io.images.png import png_rows
from nfield.io.images.tiff import tiff_rows

ROWS_OF_VALUES = 2**22
"""Values converted together when a whole image is saved."""
WriteRows = Callable[[np.ndarray], None]


@dataclass(frozen=True, kw_only=True)
class Format:
    """What files of one suffix can hold, and who writes them."""

    rows: Callable[[Path, int, int, int, np.dtype], AbstractContextManager[WriteRows]]
    """(path, height, width, channels, dtype) -> a context that takes rows from top to bottom."""
    dtypes: tuple[str, ...]
    alpha: bool
    longest: int = 2**31 - 1
    """The most pixels along one side."""


class ImageWriter:
    """Takes an image's values from top to bottom, some rows at a time."""

    def __init__(self, write: WriteRows, like: Image, height: int, width: int, *, eight_bit: bool) -> None:
        self._write, self._like, self._eight_bit = write, like, eight_bit
        self._height, self._width = height, width
        self._written = 0

    def write(
        self, values: Float[np.ndarray, "rows width channels"] | Float[torch.Tensor, "rows width channels"]
    ) -> None:
        """Append rows of values in [0, 1]."""
        rows, width = values.shape[:2]
        if width != self._width or self._written + rows > self._height:
            raise ValueError(
                f"{rows} rows of {width} pixels do not fit below row {self._written} of "
                f"{self._height} x {self._width} (height x width)"
            )
        if rows:
            self._write(self._like.to_stored(values, eight_bit=self._eight_bit))
        self._written += rows

    def check_complete(self) -> None:
        """Raise ValueError where rows are missing."""
        if self._written != self._height:
            raise ValueError(f"only {self._written} of {self._height} rows were written")


@contextmanager
def open_image_writer(
    path: str | os.PathLike[str], height: int, width: int, like: Image, *, eight_bit: bool = False
) -> Iterator[ImageWriter]:
    """A writer for an image of any size with the depth, range and colour of `like`, in the suffix's format.

    PNG, TIFF and NPY hold no more than the rows at hand; JPEG, BMP and WebP (8 bits only) hold the image.
    PNG, JPEG, BMP and WebP hold no floats: there a float image's values in [0, 1] are written as 8 bits.
    The file appears when the block ends without an error. Raises UserError where it cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"'{target}' names no format to write images in. Use one of: {', '.join(FORMATS)}.")
    form = FORMATS[suffix]
    eight_bit = eight_bit or (like.stored_dtype == np.float32 and "float32" not in form.dtypes)
    dtype = np.dtype(np.uint8) if eight_bit else like.stored_dtype
    if dtype.name not in form.dtypes:
        raise UserError(f"'{target}' can hold 8 bits only, but the image has 16. Use .png or .tif.")
    if like.alpha and not form.alpha:
        raise UserError(f"'{target}' cannot hold the image's alpha channel. Use .png or .tif.")
    if max(height, width) > form.longest:
        raise UserError(
            f"'{target}' can hold {form.longest} pixels a side, but the image is {height} x {width} "
            "(height x width). Use .png or .tif."
        )
    with replacing(target) as temporary, form.rows(temporary, height, width, like.channels, dtype) as write:
        writer = ImageWriter(write, like, height, width, eight_bit=eight_bit)
        yield writer
        writer.check_complete()


def save_image(
    path: str | os.PathLike[str],
    values: Float[np.ndarray, "height width channels"] | Float[torch.Tensor, "height width channels"],
    like: Image,
) -> tuple[Path, ...]:
    """Write values in [0, 1] with the depth, range and colour of `like`; returns the files written.

    For a float image and a suffix whose format holds no floats, the exact numbers go into a .tif beside it,
    which comes first in the result, and the named file is a preview with 8 bits.
    Raises UserError where a file cannot be written.
    """
    target = Path(path)
    form = FORMATS.get(target.suffix.lower())
    preview = form and like.stored_dtype == np.float32 and "float32" not in form.dtypes
    targets = (target.with_suffix(".tif"), target) if preview else (target,)
    height, width = values.shape[:2]
    step = max(1, ROWS_OF_VALUES // width)
    for name in targets:
        with open_image_writer(name, height, width, like) as writer:
            for top in range(0, height, step):
                writer.write(values[top : top + step])
    return tuple(targets)


@contextmanager
def npy_rows(path: Path, height: int, width: int, channels: int, dtype: np.dtype) -> Iterator[WriteRows]:
    """Rows of an NPY file; grey images have no third axis."""
    header: dict[str, Any] = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (height, width) if channels == 1 else (height, width, channels),
    }
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)

        def write(rows: np.ndarray) -> None:
            file.write(np.ascontiguousarray(rows).data)

        yield write


@contextmanager
def picture_rows(path: Path, height: int, width: int, channels: int, dtype: np.dtype) -> Iterator[WriteRows]:
    """Rows of a format that Pillow writes at once, when all are there."""
    from PIL import Image as Pillow

    blocks: list[np.ndarray] = []
    yield blocks.append
    pixels = np.concatenate(blocks)
    if channels == 2:  # WebP has no grey with alpha
        pixels = pixels[..., [0, 0, 0, 1]]
    options: dict[str, dict[str, Any]] = {".webp": {"lossless": True}, ".bmp": {}}
    picture = Pillow.fromarray(pixels[..., 0] if channels == 1 else pixels)
    picture.save(path, **options.get(path.suffix.lower(), {"quality": 95}))


PNG = Format(rows=png_rows, dtypes=("uint8", "uint16"), alpha=True)
TIFF = Format(rows=tiff_rows, dtypes=("uint8", "uint16", "float32"), alpha=True)
NPY = Format(rows=npy_rows, dtypes=("uint8", "uint16", "float32"), alpha=True)
JPEG = Format(rows=picture_rows, dtypes=("uint8",), alpha=False, longest=65500)
BMP = Format(rows=picture_rows, dtypes=("uint8",), alpha=False, longest=65535)
WEBP = Format(rows=picture_rows, dtypes=("uint8",), alpha=True, longest=16383)
FORMATS: dict[str, Format] = {
    ".png": PNG,
    ".tif": TIFF,
    ".tiff": TIFF,
    ".npy": NPY,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".bmp": BMP,
    ".webp": WEBP,
}
"""Formats that images are written in, by suffix."""
