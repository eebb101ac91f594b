"""PLY files: ASCII or binary of either byte order, with any properties, in double precision.

Read here and not by a library. plyfile 1.1.5 is under the GPL, and as fast for binary vertices alone: a million with
normals and colours takes 0.03 s either way, but 6.6 s as text (here 0.6 s), and two million triangles take 3.5 s unless
it is told that all are triangles (here 0.1 s). It believes headers: of 215 bytes that announce 1e9 faces it took 7.6 GB
and 114 s. It refuses properties named twice and int64, and cuts text to the type of its header. trimesh 5.2 takes ASCII
files that end early for whole ones, and open3d 0.20 binary ones too.
"""

import itertools
import struct
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from nfield.core.blocks import blocks
from nfield.io.files import damaged, shown
from nfield.io.geometry.geometry import Geometry, by_name, fans, strips
from nfield.io.geometry.number_lines import ENCODING, read_rows
from nfield.io.geometry.ply_header import Element, read_header

LISTS_OF_CORNERS = ("vertex_indices", "vertex_index")
FACES = {"face": fans, "tristrips": strips}
"""Elements that hold faces, and how their lists of corners become triangles."""
CODES = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f4": "f", "f8": "d"}
"""The types as the module struct names them."""

Lists = tuple[np.ndarray, np.ndarray]
"""How many values each list has, and the values of all lists in turn."""


def read_ply(path: Path) -> Geometry:
    """The vertices of a PLY file and its faces, polygons and strips cut into triangles.

    Raises UserError where the file is no PLY file, is truncated, or has no x, y and z.
    """
    header = read_header(path)
    if not any(element.name == "vertex" for element in header.elements):
        raise damaged(path, "its header names no element 'vertex'")
    columns: dict[str, np.ndarray] = {}
    faces: list[np.ndarray] = []
    with open(path, "rb") as binary, open(path, encoding=ENCODING) as text:
        binary.seek(header.start)
        for _ in range(0 if header.order else header.lines):
            next(text)
        for element in header.elements:
            try:
                scalars, lists = (
                    _read_binary(binary, element, header.order) if header.order else _read_text(text, element)
                )
            except (ValueError, struct.error) as error:
                raise damaged(path, f"its {element.rows:,} elements '{element.name}': {error}") from None
            if element.name == "vertex":
                columns = scalars
            elif element.name in FACES:
                corners = next((lists[name] for name in LISTS_OF_CORNERS if name in lists), None)
                faces += [] if corners is None else [FACES[element.name](*corners)]
    found = by_name(columns)
    if found is None:
        raise damaged(path, f"its vertices have no x, y and z but {', '.join(columns) or 'nothing'}")
    if len(faces) > 1:
        faces = [np.concatenate(faces)]
    return replace(found, faces=faces[0]) if faces else found


def _read_binary(file: BinaryIO, element: Element, order: str) -> tuple[dict[str, np.ndarray], dict[str, Lists]]:
    """Columns and lists of one element, from where the file stands; it then stands behind the element."""
    if not element.rows or not element.properties:
        return {prop.name: np.zeros(0) for prop in element.properties if prop.count is None}, {}
    start, row = file.tell(), 0
    lengths: list[int] = []
    for prop in element.properties:
        width = np.dtype(prop.dtype).itemsize
        # Most lists of an element are equally long: as long as the first.
        if prop.count is not None:
            lengths.append(_length(file.read(np.dtype(prop.count).itemsize), order + prop.count))
            width *= lengths[-1]
            row += np.dtype(prop.count).itemsize
        row += width
        file.seek(width, 1)
    file.seek(start)
    # Asked before reading, for a damaged count would ask for any amount of memory.
    fits = _left(file) >= element.rows * row
    if not fits and not lengths:
        raise ValueError(f"the file is truncated, for it lacks {element.rows * row - _left(file):,} bytes")
    if fits:
        found = _read_even(file, element, _row_type(element, order, lengths), lengths)
        if found is not None:
            return found
        file.seek(start)
    return _walk(file, element, order)


def _left(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end - here


def _length(content: bytes, dtype: str) -> int:
    if len(content) < np.dtype(dtype).itemsize:
        raise ValueError("the file is truncated")
    length = float(np.frombuffer(content, dtype)[0])
    if not 0 <= length < 2**31 or length != int(length):
        raise ValueError(f"a list has the length {length:g}")
    return int(length)


def _list_places(element: Element, lengths: list[int]) -> list[tuple[int, int]]:
    places = [place for place, prop in enumerate(element.properties) if prop.count is not None]
    return list(zip(places, lengths, strict=True))


def _row_type(element: Element, order: str, lengths: list[int]) -> np.dtype:
    """Type of a row whose lists have the given lengths; fields by place, for names may repeat."""
    fields: list[tuple] = []
    rest = iter(lengths)
    for place, prop in enumerate(element.properties):
        if prop.count is None:
            fields.append((f"v{place}", order + prop.dtype))
        else:
            fields += [(f"n{place}", order + prop.count), (f"v{place}", order + prop.dtype, (next(rest),))]
    return np.dtype(fields)


def _read_even(
    file: BinaryIO, element: Element, dtype: np.dtype, lengths: list[int]
) -> tuple[dict[str, np.ndarray], dict[str, Lists]] | None:
    """Columns and lists of an element whose lists have the given lengths; None where they turn out to have others.

    Read block by block: rows in the file's form and columns of them would take twice the memory.
    """
    lists = dict(_list_places(element, lengths))
    columns: list[np.ndarray] = []
    for place, prop in enumerate(element.properties):
        if place not in lists:
            columns.append(np.zeros(element.rows, np.dtype(prop.dtype)))
        else:
            columns.append(np.zeros((element.rows, lists[place]), np.int64))
    for part in blocks(element.rows):
        rows = np.fromfile(file, dtype, part.stop - part.start)
        for place, column in enumerate(columns):
            if place not in lists:
                column[part] = rows[f"v{place}"]
            elif (rows[f"n{place}"] == lists[place]).all():
                column[part] = _whole(rows[f"v{place}"])
            else:
                return None
    scalars: dict[str, np.ndarray] = {}
    found: dict[str, Lists] = {}
    for place, (prop, column) in enumerate(zip(element.properties, columns, strict=True)):
        if place in lists:
            found[prop.name] = np.full(element.rows, lists[place]), column.reshape(-1)
        else:
            scalars.setdefault(prop.name, column)
    return scalars, found


def _whole(values: np.ndarray) -> np.ndarray:
    """Whole numbers as corners; others (texture coordinates) are of no use here, and become -1."""
    return values.astype(np.int64) if values.dtype.kind in "iu" else np.full(values.shape, -1, np.int64)


def _walk(file: BinaryIO, element: Element, order: str) -> tuple[dict[str, np.ndarray], dict[str, Lists]]:
    """Columns and lists of an element whose lists differ in length, row by row."""
    start, content, position = file.tell(), file.read(), 0
    values: list[list] = [[] for _ in element.properties]
    counts: list[list[int]] = [[] for _ in element.properties]
    for _ in range(element.rows):
        for place, prop in enumerate(element.properties):
            size, length = np.dtype(prop.dtype).itemsize, 1
            if prop.count is not None:
                width = np.dtype(prop.count).itemsize
                length = _length(content[position : position + width], order + prop.count)
                position += width
                counts[place].append(length)
            end = position + size * length
            if end > len(content):
                raise ValueError("the file is truncated")
            values[place] += struct.unpack(f"{order}{length}{CODES[prop.dtype]}", content[position:end])
            position = end
    file.seek(start + position)
    return _collected(element, values, counts)


def _read_text(file: TextIO, element: Element) -> tuple[dict[str, np.ndarray], dict[str, Lists]]:
    """Columns and lists of one element, from the line where the file stands."""
    names = [prop.name for prop in element.properties]
    if not element.rows or not names:
        return {name: np.zeros(0) for name in names}, {}
    if any(prop.count is not None for prop in element.properties):
        return _read_text_lists(file, element)
    table = read_rows(file, limit=element.rows)
    if len(table) < element.rows:
        raise ValueError(f"the file is truncated, for it holds {len(table):,}")
    if table.shape[1] != len(names):
        raise ValueError(f"its lines have {table.shape[1]} numbers, but its header names {len(names)} properties")
    scalars: dict[str, np.ndarray] = {}
    for prop, column in zip(element.properties, table.T, strict=True):
        scalars.setdefault(prop.name, _typed(column, prop.dtype))
    return scalars, {}


def _read_text_lists(file: TextIO, element: Element) -> tuple[dict[str, np.ndarray], dict[str, Lists]]:
    lines = list(itertools.islice((line for line in file if line.strip()), element.rows))
    if len(lines) < element.rows:
        raise ValueError(f"the file is truncated, for it holds {len(lines):,}")
    values: list[list[float]] = [[] for _ in element.properties]
    counts: list[list[int]] = [[] for _ in element.properties]
    for line in lines:
        words, position = line.split(), 0
        for place, prop in enumerate(element.properties):
            length = 1
            if prop.count is not None:
                length = int(words[position]) if position < len(words) else -1
                position += 1
                counts[place].append(length)
            if length < 0 or position + length > len(words):
                raise ValueError(f"a line does not hold what its header names: {shown(line)}")
            values[place] += map(float, words[position : position + length])
            position += length
    return _collected(element, values, counts)


def _collected(
    element: Element, values: list[list], counts: list[list[int]]
) -> tuple[dict[str, np.ndarray], dict[str, Lists]]:
    scalars: dict[str, np.ndarray] = {}
    lists: dict[str, Lists] = {}
    for place, prop in enumerate(element.properties):
        if prop.count is None:
            scalars.setdefault(prop.name, _typed(np.array(values[place]), prop.dtype))
        else:
            numbers = _typed(np.array(values[place], np.float64 if prop.dtype[0] == "f" else None), prop.dtype)
            lists[prop.name] = np.array(counts[place], np.int64), _whole(numbers)
    return scalars, lists


def _typed(column: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers in the type that the header gives them; raises ValueError where they do not fit it."""
    if dtype[0] == "f":
        # Text holds more digits than single precision; they cost nothing to keep.
        return column.astype(np.float64)
    information = np.iinfo(dtype)
    # Below the next number, for as a float the largest of 64 bits is that one.
    fits = (column >= information.min) & (column < float(information.max) + 1)
    if not (fits & (column == np.round(column))).all():
        raise ValueError(f"a number is none of the type {information.dtype}")
    return column.astype(dtype)


READERS = {".ply": read_ply}
