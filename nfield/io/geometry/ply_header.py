"""The header of PLY files: which elements follow, and how they are stored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfield.io.files import damaged, shown
from nfield.io.geometry.number_lines import ENCODING

TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"int64": "i8", "uint64": "u8", "float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
LONGEST_LINE = 4096
MOST_HEADER_LINES = 10_000


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of an element; `count` is the type of its length if it is a list, otherwise None."""

    name: str
    dtype: str
    count: str | None = None


@dataclass(frozen=True, kw_only=True)
class Element:
    """One kind of element, such as "vertex"."""

    name: str
    rows: int
    properties: list[Property]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file announces, and where its content begins."""

    order: str
    """Byte order as numpy writes it; empty for ASCII."""
    elements: list[Element]
    start: int
    """Bytes before the content."""
    lines: int
    """Lines before the content."""


def read_header(path: Path) -> Header:
    """The header of a PLY file. Raises UserError where it is none, or is truncated or not understood."""
    order: str | None = None
    elements: list[Element] = []
    with open(path, "rb") as file:
        first = file.readline(LONGEST_LINE)
        if first.strip() != b"ply":
            raise damaged(path, f"it is no PLY file, for it starts with {shown(first)} and not with 'ply'")
        for number in range(2, MOST_HEADER_LINES):
            line = file.readline(LONGEST_LINE).decode(ENCODING)
            words = line.split()
            if words == ["end_header"]:
                if order is None:
                    raise damaged(path, "its header has no line 'format'")
                _check_counts(path, elements, binary=bool(order))
                return Header(order=order, elements=elements, start=file.tell(), lines=number)
            if not line.endswith("\n"):
                break
            try:
                match words:
                    case ["format", name, *_]:
                        order = FORMATS[name]
                    case ["element", name, rows]:
                        elements.append(Element(name=name, rows=_not_negative(rows), properties=[]))
                    case ["property", "list", count, kind, name]:
                        elements[-1].properties.append(Property(name=name, dtype=TYPES[kind], count=TYPES[count]))
                    case ["property", kind, name]:
                        elements[-1].properties.append(Property(name=name, dtype=TYPES[kind]))
                    case [] | ["comment" | "obj_info", *_]:
                        pass
                    case _:
                        raise ValueError
            except (ValueError, LookupError):
                raise damaged(path, f"line {number} of its header is not understood: {shown(line)}") from None
    raise damaged(path, "its header has no line 'end_header': it is truncated or no PLY file")


def _check_counts(path: Path, elements: list[Element], *, binary: bool) -> None:
    """Raise UserError where the file is too small for an element's rows, before any memory is taken for them."""
    size = path.stat().st_size
    for element in elements:
        # In text a number takes a digit and a separator at least.
        widths = [np.dtype(prop.count or prop.dtype).itemsize if binary else 2 for prop in element.properties]
        least = element.rows * sum(widths)
        if least > size + 1:
            reason = f"its {element.rows:,} elements '{element.name}' take {least:,} bytes or more"
            raise damaged(path, f"it is truncated, for {reason}, and it has {size:,}")


def _not_negative(text: str) -> int:
    rows = int(text)
    if rows < 0:
        raise ValueError
    return rows
