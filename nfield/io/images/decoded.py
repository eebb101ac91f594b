"""What a reader of one image format hands over, and what all of them need."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from nfield.core.checks import UserError
from nfield.io.files import one_line

LARGE = 256 * 2**20
"""Bytes above which an image stays in its file, memory-mapped, where the format allows it."""

DECODING_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    RuntimeError,
    ImportError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
)
"""What the decoders raise on damaged content."""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Pixels of one file as stored, (height, width) or (height, width, channels), perhaps memory-mapped."""

    pixels: np.ndarray
    alpha: bool | None = None
    """Whether the last channel is opacity; None where the file does not say."""
    orientation: int = 1
    """The EXIF or TIFF tag that tells how to turn the pixels upright; 1 stands for not at all."""
    notes: tuple[str, ...] = ()
    """What the user should be told."""


def unreadable(path: str, reason: object) -> UserError:
    """The error for a file whose content is damaged or strange."""
    return UserError(f"Cannot read '{path}': {one_line(reason)}. Copy or export the image again.")


def in_memory(pixels: np.ndarray) -> np.ndarray:
    """A memory-mapped array as it is if it is large, otherwise its copy, so that the file is let go."""
    return pixels if pixels.nbytes > LARGE else np.array(pixels)


def loaded_whole(pixels: np.ndarray, format_name: str) -> tuple[str, ...]:
    """The note for a large image of a format that can only be loaded whole."""
    if pixels.nbytes <= LARGE:
        return ()
    return (
        f"its {pixels.nbytes / 2**30:.1f} GB were loaded whole, for {format_name} cannot be read in parts: "
        "an uncompressed TIFF or an NPY file saves this memory",
    )


def upright(pixels: np.ndarray, orientation: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels turned as the EXIF or TIFF orientation (1 to 8) says, without a copy, and the note on it."""
    if orientation not in range(2, 9):
        return pixels, ()
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels, (f"turned upright as its orientation tag ({orientation}) says",)
