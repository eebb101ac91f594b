"""Pictures of views: their sizes without decoding them, and their pixels as bytes, smaller where wanted.

Pictures are taken as they are stored: programs that estimate poses leave orientation tags aside.
"""

import functools
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.io.cameras.posed_frames import SUFFIXES, MaskFile
from nfield.io.files import check_file
from nfield.io.images.decoded import DECODING_ERRORS, unreadable
from nfield.io.images.images import load_image
from nfield.io.images.pictures import picture_size


def size_and_orientation(path: Path) -> tuple[int, int, int]:
    """Width and height as stored, and the orientation tag (1 where there is none).

    Raises UserError where the file is no picture.
    """
    check_file(path, "image")
    try:
        found = picture_size(path)
    except DECODING_ERRORS as error:
        raise unreadable(str(path), f"it is truncated or damaged ({error})") from None
    if found is not None:
        return found
    image = load_image(path, as_stored=True)
    return image.width, image.height, 1


def read_view_pixels(
    path: Path, stored: tuple[int, int], width: int, height: int
) -> UInt8[np.ndarray, "height width channels"]:
    """RGB or RGBA bytes of a picture as stored, averaged down to the size.

    Raises UserError where it is damaged, or has no longer the width and height `stored`.
    """
    image = _load(path, stored)
    pixels = _bytes(image)
    if image.colour == "grey":
        pixels = np.concatenate([np.repeat(pixels[..., :1], 3, -1), pixels[..., 1:]], -1)
    _check_colour(pixels, path)
    return smaller(pixels, width, height)


def smaller(
    pixels: UInt8[np.ndarray, "rows columns channels"], width: int, height: int
) -> UInt8[np.ndarray, "height width channels"]:
    """RGB or RGBA bytes averaged down to a size."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    values = pixels.astype(np.float32)
    if pixels.shape[2] == 3:
        return _rounded(averaged(values, width, height))
    # Colours count by their opacity, so that what is hidden behind alpha 0 does not bleed into edges.
    alpha = values[..., 3:]
    sums = averaged(np.concatenate([values[..., :3] * alpha, alpha], -1), width, height)
    colours = sums[..., :3] / np.maximum(sums[..., 3:], 1e-12)
    return _rounded(np.concatenate([np.where(sums[..., 3:] > 0, colours, 0), sums[..., 3:]], -1))


def read_view_mask(
    mask: MaskFile, stored: tuple[int, int], width: int, height: int
) -> Bool[np.ndarray, "height width"]:
    """Where pixels are to be used, in the size of `smaller_mask`."""
    image = _load(mask.path, stored)
    colours = image.pixels[..., : image.channels - image.alpha]
    used = np.any(colours != 0, axis=-1) == (mask.black_is == "ignored")
    return smaller_mask(used, width, height)


def smaller_mask(used: Bool[np.ndarray, "rows columns"], width: int, height: int) -> Bool[np.ndarray, "height width"]:
    """A mask in a smaller size: a pixel is used where all that it covers is."""
    if used.shape == (height, width):
        return used
    unused = averaged((~used).astype(np.float32)[..., None], width, height)[..., 0]
    return unused <= 0


def averaged(
    values: Float32[np.ndarray, "rows columns channels"], width: int, height: int
) -> Float32[np.ndarray, "height width channels"]:
    """Averages over areas: each new pixel is the mean of what it covers, parts of pixels counted as parts."""
    rows, columns, channels = values.shape
    down = (_overlaps(rows, height) @ values.reshape(rows, -1)).reshape(height, columns, channels)
    across = _overlaps(columns, width) @ down.transpose(1, 0, 2).reshape(columns, -1)
    return np.ascontiguousarray(across.reshape(width, height, channels).transpose(1, 0, 2))


@functools.lru_cache(maxsize=16)
def _overlaps(old: int, new: int) -> Any:
    """Sparse (new, old) matrix: which part of each new pixel each old one fills."""
    from scipy.sparse import csr_array

    edges = np.arange(new + 1) * (old / new)
    first = np.floor(edges[:-1] + 1e-9).astype(int)
    last = np.minimum(np.ceil(edges[1:] - 1e-9).astype(int), old)
    index = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)])
    row = np.repeat(np.arange(new), last - first)
    part = np.minimum(index + 1, edges[row + 1]) - np.maximum(index, edges[row])
    return csr_array(((part * (new / old)).astype(np.float32), (row, index)), shape=(new, old))


def _bytes(image: Image) -> UInt8[np.ndarray, "height width channels"]:
    if image.pixels.dtype == np.uint8:
        return np.asarray(image.pixels)
    return _rounded(255 * image.values(np.arange(image.height), np.arange(image.width)))


def _rounded(values: Float32[np.ndarray, "height width channels"]) -> UInt8[np.ndarray, "height width channels"]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _load(path: Path, stored: tuple[int, int]) -> Image:
    image = load_image(path, as_stored=True)
    if (image.width, image.height) != stored:
        raise UserError(
            f"'{path}' has {image.width} x {image.height} pixels (width x height), but had {stored[0]} x {stored[1]} "
            "when the views were read. Do not change pictures meanwhile; save TIFF files with orientation tags upright."
        )
    return image


def _check_colour(pixels: UInt8[np.ndarray, "height width channels"], path: Path) -> None:
    if pixels.shape[2] != 4 or pixels[..., :3].any():
        return
    if pixels[..., 3].min() != pixels[..., 3].max():
        raise UserError(
            f"'{path}' has opacity but no colour: it is black everywhere and only its alpha varies. "
            "Such a picture is a mask: give the photograph, and the mask under mask_path."
        )


def picture_name(name: str) -> str:
    """A view's name as the name of a file without ending: folders become part of it, and only pictures' endings go."""
    path = PurePosixPath(name)
    plain = path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
    return plain.as_posix().replace("/", "-").strip(".-") or "view"
