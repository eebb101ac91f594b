"""TIFF: memory-mapped where it is large and uncompressed, 8, 16 and 32 bits, floats, grey, RGB and alpha."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.checks import UserError
from nfield.io.images.decoded import DECODING_ERRORS, Decoded, in_memory, loaded_whole, unreadable

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ORIENTATION = 274
PLAIN = ("MINISBLACK", "MINISWHITE", "RGB")
"""How colours may be stored to be read here; palettes, CMYK and the like go to Pillow."""


def read_tiff(path: str | Path) -> Decoded | None:
    """The first page of a TIFF; None where Pillow should try, as for palettes and LZW compression.

    Raises UserError where the file is truncated, damaged or compressed in a way that needs a package.
    """
    import tifffile

    _keep_messages_to_ourselves()
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            if not isinstance(page, tifffile.TiffPage) or _name(page.photometric) not in PLAIN:
                return None
            _check_complete(page, Path(path))
            pixels = _pixels(page, path)
            if pixels is None:
                return None
            count = len(file.pages)
            tag = page.tags.get(ORIENTATION)
    except UserError:
        raise
    # tifffile's own error is a ValueError only since 2025.9
    except (*DECODING_ERRORS, tifffile.TiffFileError) as error:
        raise unreadable(str(path), f"the TIFF is truncated or damaged ({error})") from None
    notes = [f"TIFF with {count} pages: the first is used"] if count > 1 else []
    notes += loaded_whole(pixels, "compressed TIFF") if not isinstance(pixels, np.memmap) else ()
    if page.axes.startswith("S"):
        pixels = np.moveaxis(pixels, 0, -1)
    pixels, told = _full_range(pixels, page)
    extra = [_name(sample) for sample in page.extrasamples]
    alpha = bool(extra) and pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    if alpha and extra == ["UNSPECIFIED"]:
        told += ("its unnamed last channel is taken as alpha",)
    orientation = int(tag.value) if tag else 1
    return Decoded(pixels=pixels, alpha=alpha, orientation=orientation, notes=(*notes, *told))


@contextmanager
def tiff_rows(
    path: Path, height: int, width: int, channels: int, dtype: np.dtype
) -> Iterator[Callable[[np.ndarray], None]]:
    """Rows of an uncompressed TIFF, from top to bottom; BigTIFF where 4 GB are not enough."""
    import tifffile

    layout: dict[str, Any] = {"photometric": "rgb" if channels >= 3 else "minisblack"}
    if channels in (2, 4):
        layout["extrasamples"] = ["unassalpha"]
    if channels > 1:
        layout["planarconfig"] = "contig"
    shape = (height, width) if channels == 1 else (height, width, channels)
    place = tifffile.imwrite(path, shape=shape, dtype=dtype, metadata=None, software=False, returnoffset=True, **layout)
    with open(path, "r+b") as file:
        file.seek(place[0] if place else 0)

        def write(rows: np.ndarray) -> None:
            file.write(np.ascontiguousarray(rows).data)

        yield write


def _name(tag_value: Any) -> str:
    """The name of a tag's value; its number where tifffile has no name for it."""
    return getattr(tag_value, "name", str(tag_value))


def _keep_messages_to_ourselves() -> None:
    """Give tifffile's logger a place to go: without one, its remarks on damaged files land on stderr."""
    logger = logging.getLogger("tifffile")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _check_complete(page: Any, path: Path) -> None:
    size = path.stat().st_size
    if any(start + count > size for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)):
        raise unreadable(str(path), "the TIFF is truncated: a part of its pixels is missing")


def _pixels(page: Any, path: str | Path) -> np.ndarray | None:
    """The page's numbers as they are stored; mapped where that is possible and worth it."""
    if page.dtype is None or page.axes not in ("YX", "YXS", "SYX"):
        raise unreadable(str(path), f"a TIFF page with axes '{page.axes}' is no flat image")
    if page.is_memmappable and _name(page.photometric) != "MINISWHITE":
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        return in_memory(np.memmap(path, dtype, "r", page.dataoffsets[0], page.shape))
    try:
        return page.asarray()
    except (ValueError, KeyError) as error:
        if "imagecodecs" not in str(error):
            raise
        if page.samplesperpixel == 1 or page.bitspersample == 8:
            return None
        raise UserError(
            f"Cannot read '{path}': its {_name(page.compression)} compression needs the package imagecodecs. "
            "Run 'pip install imagecodecs', or save the image without compression."
        ) from None


def _full_range(pixels: np.ndarray, page: Any) -> tuple[np.ndarray, tuple[str, ...]]:
    """Black low and white high, and odd depths such as 12 bits spread over their 8 or 16."""
    told: tuple[str, ...] = ()
    bits = page.bitspersample
    if pixels.dtype.kind == "u" and bits not in (8, 16, 32, 64):
        top = np.iinfo(pixels.dtype).max
        pixels = np.rint(pixels * (top / (2**bits - 1))).astype(pixels.dtype)
        told = (f"{bits}-bit numbers are spread over {8 * pixels.dtype.itemsize} bits",)
    if _name(page.photometric) == "MINISWHITE":
        if pixels.dtype == np.bool_:
            return ~pixels, told
        if pixels.dtype.kind == "u":
            return np.iinfo(pixels.dtype).max - pixels, told
    return pixels, told
