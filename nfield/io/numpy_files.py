"""Arrays in NPY files and NPZ archives. Whatever is wrong with one is a ValueError of one line.

Numpy raises what its parsers meet (TokenError, AttributeError, MemoryError of nested brackets), takes the memory that a
header in an archive asks for before it reads, and hands over parts that are no arrays as bytes.
"""

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

NPY_SIGNATURE, ZIP_SIGNATURE = b"\x93NUMPY", b"PK"
READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    # Differs in the names of columns alone, which then are latin-1.
    (3, 0): np.lib.format.read_array_header_2_0,
}
DEFLATE_FACTOR = 1032
"""Deflate makes no bytes smaller than that: 258 of them take two bits at least."""
ERRORS = (
    *(ValueError, EOFError, SyntaxError, LookupError, RuntimeError, TypeError, ArithmeticError, AttributeError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What numpy and zipfile raise on damaged content; RuntimeError on an encrypted archive."""


def read_array(path: Path) -> np.ndarray:
    """The array of an NPY file, memory-mapped unless it is empty. Raises ValueError where the file is damaged."""
    with _one_error(), open(path, "rb") as file:
        shape, columns_first, dtype = _header(file)
        start = file.tell()
        _check_size(shape, dtype, path.stat().st_size - start)
        if 0 in shape:
            return np.zeros(shape, dtype)
        return np.memmap(file, dtype, "r", start, shape, "F" if columns_first else "C")


def read_archive(path: Path, wanted: Collection[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Of an NPZ archive the arrays `wanted`, or the only one there is, and the names of all.

    Raises ValueError where the file, or an array that is taken from it, is damaged.
    """
    with _one_error(), zipfile.ZipFile(path) as archive:
        parts = {part.filename.removesuffix(".npy"): part for part in archive.infolist()}
        taken = {name: part for name, part in parts.items() if name in wanted or len(parts) == 1}
        return {name: _of_archive(archive, part, path.stat().st_size) for name, part in taken.items()}, list(parts)


def _of_archive(archive: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> np.ndarray:
    """One array; `most` is the archive's size, for the sizes that it names of its parts are as doubtful as headers."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"'{part.filename}' is compressed in a way that numpy does not write")
    factor = DEFLATE_FACTOR if part.compress_type == zipfile.ZIP_DEFLATED else 1
    with archive.open(part) as file:
        shape, _, dtype = _header(file)
        _check_size(shape, dtype, min(part.file_size, factor * min(part.compress_size, most)))
    with archive.open(part) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        reader = READERS[np.lib.format.read_magic(file)]
        shape, columns_first, dtype = reader(file)
    except (*ERRORS, MemoryError):
        raise ValueError("the header of its array is damaged") from None
    if dtype.hasobject or not dtype.itemsize or min(shape, default=0) < 0:
        raise ValueError(f"its array has the shape {shape} and the type {dtype}, which cannot be read")
    return shape, bool(columns_first), dtype


def _check_size(shape: tuple[int, ...], dtype: np.dtype, there: int) -> None:
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > there:
        raise ValueError(f"it is truncated, for its header announces {wanted:,} bytes and {max(there, 0):,} are there")


@contextmanager
def _one_error() -> Iterator[Any]:
    # Python warns of strange literals in headers, and numpy of the notation of Python 2.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (*ERRORS, OSError) as error:
            # A damaged archive leads zipfile to places before its start; opening alone names a file.
            if isinstance(error, OSError) and error.filename is not None:
                raise
            raise ValueError(" ".join(str(error).split())) from None
