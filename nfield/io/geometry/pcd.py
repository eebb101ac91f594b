"""PCD files of the Point Cloud Library: ASCII, binary and compressed.

Read here and not by open3d 0.20, which is as fast (a million points with normals and colours as text: 0.7 s here, 0.9 s
there), but takes every field for as wide as x, so that float normals beside double points come out wrong. It ends the
process on padding beside such fields and on lies about compressed points. Of truncated text it hands over what memory
holds for the numbers that are missing, and of truncated binary files no points and no error.
"""

import struct
from pathlib import Path

import numpy as np

from nfield.io.files import damaged, shown
from nfield.io.geometry.geometry import Geometry, by_name
from nfield.io.geometry.number_lines import ENCODING, read_rows

KEYS = ("version", "fields", "size", "type", "count", "width", "height", "viewpoint", "points", "data")
KINDS = {"F": "f", "I": "i", "U": "u"}
PACKED_COLOURS = ("rgb", "rgba")
MOST_HEADER_LINES = 1000
LONGEST_LINE = 4096


def read_pcd(path: Path) -> Geometry:
    """The cloud of a PCD file: x, y, z, normals and (packed) colours of its fields.

    Raises UserError where the file is no PCD file, is truncated or damaged, or has no x, y and z.
    """
    header, start, lines = _read_header(path)
    try:
        fields, dtype, points = _layout(header)
        columns = _read_columns(path, header["data"][0].lower(), fields, dtype, points, start, lines)
    except (ValueError, LookupError, struct.error, OverflowError) as error:
        raise damaged(path, error) from None
    for name in PACKED_COLOURS:
        if name in columns:
            columns |= _unpacked(columns[name])
    found = by_name(columns)
    if found is None:
        raise damaged(path, f"its fields are {', '.join(fields) or 'none'}, without x, y and z")
    return found


def _read_header(path: Path) -> tuple[dict[str, list[str]], int, int]:
    """Values of the header's keys, and the bytes and lines it takes."""
    header: dict[str, list[str]] = {}
    lines = 0
    with open(path, "rb") as file:
        for _ in range(MOST_HEADER_LINES):
            line = file.readline(LONGEST_LINE)
            lines += 1
            words = line.decode(ENCODING).split()
            if not line or (words and not words[0].startswith("#") and words[0].lower() not in KEYS):
                if not header:
                    raise damaged(path, f"it is no PCD file, for it starts with {shown(line)}")
                raise damaged(path, "its header has no line 'DATA': it is truncated" if not line else _strange(line))
            if words and not words[0].startswith("#"):
                header[words[0].lower()] = words[1:]
            if "data" in header:
                break
        missing = [key.upper() for key in ("fields", "size", "type", "data") if not header.get(key)]
        if missing:
            raise damaged(path, f"its header has no line {', '.join(missing)}")
        return header, file.tell(), lines


def _strange(line: bytes) -> str:
    return f"a line of its header is not understood: {shown(line)}"


def _layout(header: dict[str, list[str]]) -> tuple[list[str], np.dtype, int]:
    """Names of the fields, the type of one point, and the number of points."""
    fields = [name.lower() for name in header["fields"]]
    counts = [int(count) for count in header.get("count", ["1"] * len(fields))]
    kinds = [KINDS[kind.upper()] + str(int(size)) for kind, size in zip(header["type"], header["size"], strict=True)]
    if not len(fields) == len(counts) == len(kinds) or min(counts) < 1 or max(counts) > 100_000:
        raise ValueError("its header's lines FIELDS, SIZE, TYPE and COUNT do not fit together")
    try:
        # By place, for padding fields share the name "_".
        dtype = np.dtype(
            [(f"v{place}", f"<{kind}", (count,)) for place, (kind, count) in enumerate(zip(kinds, counts, strict=True))]
        )
    except TypeError:
        raise ValueError(f"its header names numbers of unknown sizes: {' '.join(header['size'])}") from None
    if "points" in header:
        points = int(header["points"][0])
    else:
        points = int(header["width"][0]) * int(header.get("height", ["1"])[0])
    if points < 0:
        raise ValueError(f"its header announces {points} points")
    return fields, dtype, points


def _read_columns(
    path: Path, data: str, fields: list[str], dtype: np.dtype, points: int, start: int, lines: int
) -> dict[str, np.ndarray]:
    left = path.stat().st_size - start
    if data == "ascii":
        # Asked before reading, which takes memory for all points; a number takes a digit and a separator at least.
        least = 2 * points * sum(dtype[place].shape[0] for place in range(len(fields)))
        if least > left + 1:
            raise ValueError(
                f"the file is truncated, for its {points:,} points take {least:,} bytes, and it has {left:,}"
            )
        return _read_ascii(path, fields, dtype, points, lines)
    with open(path, "rb") as file:
        file.seek(start)
        if data == "binary":
            if left < points * dtype.itemsize:
                raise ValueError(f"the file is truncated, for it lacks {points * dtype.itemsize - left:,} bytes")
            rows = np.fromfile(file, dtype, points)
            return {name: rows[f"v{place}"][:, 0] for place, name in enumerate(fields)}
        if data == "binary_compressed":
            packed, size = struct.unpack("<II", file.read(8))
            if left - 8 < packed:
                raise ValueError(f"the file is truncated, for it lacks {packed - left + 8:,} bytes")
            if size < points * dtype.itemsize:
                raise ValueError(f"its {points:,} points do not fit into the {size:,} bytes it holds")
            content = decompressed(file.read(packed), size)
            return _by_field(content, fields, dtype, points)
    raise ValueError(f"its data are '{data}', but ascii, binary or binary_compressed are read")


def _read_ascii(path: Path, fields: list[str], dtype: np.dtype, points: int, lines: int) -> dict[str, np.ndarray]:
    with open(path, encoding=ENCODING) as file:
        for _ in range(lines):
            next(file)
        table = read_rows(file, limit=points)
    if len(table) < points:
        raise ValueError(f"the file is truncated, for it announces {points:,} points and holds {len(table):,}")
    columns, place = {}, 0
    for index, name in enumerate(fields):
        base, shape = dtype[index].base, dtype[index].shape
        if place < table.shape[1]:
            column = table[:, place]
            # Packed colours are the bits of their type; other numbers keep all digits of the text.
            columns[name] = _packed(column, base) if name in PACKED_COLOURS else column
        place += shape[0]
    if points and place != table.shape[1]:
        raise ValueError(f"its lines have {table.shape[1]} numbers, but its header names {place}")
    return columns


def _packed(column: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return column.astype(np.float32 if dtype.kind == "f" else np.int64)


def _by_field(content: bytes, fields: list[str], dtype: np.dtype, points: int) -> dict[str, np.ndarray]:
    """Columns of decompressed data, where all values of a field stand together."""
    columns, position = {}, 0
    for place, name in enumerate(fields):
        base, count = dtype[place].base, dtype[place].shape[0]
        values = np.frombuffer(content, base, points * count, position)
        columns[name] = values.reshape(points, count)[:, 0]
        position += values.nbytes
    return columns


def _unpacked(packed: np.ndarray) -> dict[str, np.ndarray]:
    """Red, green and blue of numbers whose low three bytes they are."""
    if packed.dtype.kind == "f":
        if packed.dtype.itemsize != 4:
            return {}
        packed = np.ascontiguousarray(packed).view("<u4")
    numbers = packed.astype(np.int64)
    return {name: ((numbers >> shift) & 255).astype(np.uint8) for name, shift in (("r", 16), ("g", 8), ("b", 0))}


def decompressed(packed: bytes, size: int) -> bytes:
    """The `size` bytes of which `packed` is the LZF compression. Raises ValueError where it is damaged."""
    out = bytearray()
    position, end = 0, len(packed)
    try:
        while position < end and len(out) <= size:
            control = packed[position]
            position += 1
            if control < 32:
                out += packed[position : position + control + 1]
                position += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[position]
                position += 1
            start = len(out) - ((control & 31) << 8) - packed[position] - 1
            position += 1
            length += 2
            if start < 0:
                raise ValueError("its compressed data are damaged")
            piece = out[start : start + length]
            # A piece may reach into what it writes: it then repeats.
            out += piece if len(piece) == length else (piece * (length // len(piece) + 1))[:length]
    except IndexError:
        raise ValueError("its compressed data end early") from None
    if len(out) != size:
        raise ValueError(f"its compressed data hold {len(out):,} bytes and not {size:,}")
    return bytes(out)


READERS = {".pcd": read_pcd}
