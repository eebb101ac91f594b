"""Clouds as text tables: one point a line, its numbers separated by spaces, tabs, commas or semicolons."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nfield.core.cloud import PointCloud
from nfield.io.files import damaged, shown
from nfield.io.geometry.geometry import ALL_COLOUR_NAMES, Geometry, by_name, by_value
from nfield.io.geometry.number_lines import (
    BYTE_ORDER_MARK,
    ENCODING,
    first_mistake,
    is_blank,
    is_number,
    read_rows,
    split,
    written_rows,
)

COMMENT = "#"
COMMENT_MARKS = ("#", "//", "%")
HEAD_LINES = 1000
"""Lines of comments before the first point at the most."""


@dataclass(frozen=True, kw_only=True)
class TableHead:
    """What stands before the first point."""

    lines: int
    """Lines to skip."""
    delimiter: str | None
    """None stands for white space."""
    first: list[str]
    """Values of the first point."""
    names: list[str]
    """Names of the columns in lower case; empty where the file gives none."""
    count: int | None
    """Points that the file announces, as PTS files do."""


def read_table(path: Path) -> Geometry:
    """The cloud of a text file with 3, 6, 7 or 9 columns, or with a line that names x, y and z.

    A first line with one number announces the count of points. Comments begin with '#'. Without names, three further
    columns are normals if all are unit vectors (or zero), and otherwise colours; seven are x, y, z, intensity, r, g, b.
    Raises UserError with the line's number where a line does not fit.
    """
    head = _read_head(path)
    columns = len(head.first)
    if columns not in (3, 6, 7, 9) and not head.names:
        mistake = (
            f"line {head.lines + 1} has {columns} columns, but 3, 6, 7 or 9 are read: {shown(' '.join(head.first))}"
        )
        raise damaged(path, mistake)
    try:
        with open(path, encoding=ENCODING) as file:
            for _ in range(head.lines):
                next(file)
            table = read_rows(file, delimiter=head.delimiter, comments=COMMENT)
    except ValueError as error:
        raise damaged(path, first_mistake(path, head.lines, head.delimiter, COMMENT) or error) from None
    notes = []
    if head.count is not None and head.count != len(table):
        if head.count > len(table):
            raise damaged(path, f"it announces {head.count:,} points but holds {len(table):,}: it is truncated")
        notes.append(f"the file announces {head.count:,} points but holds {len(table):,}: all are taken")
    whole = [value.isdigit() for value in head.first]
    try:
        geometry = _named(table, head.names, whole) or by_value(table, whole)
    except ValueError as error:
        raise damaged(path, error) from None
    return replace(geometry, notes=(*geometry.notes, *notes))


def write_table(path: Path, cloud: PointCloud) -> None:
    """Write a cloud as text, with a comment that names its columns and all digits of its positions."""
    names, blocks = ["x y z"], [cloud.points]
    if cloud.normals is not None:
        names.append("nx ny nz")
        blocks.append(cloud.normals)
    if cloud.colours is not None:
        names.append("red green blue")
        blocks.append(cloud.colours)
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write(f"{COMMENT} {' '.join(names)}\n")
        file.writelines(written_rows(*blocks))


def _read_head(path: Path) -> TableHead:
    names: list[str] = []
    count: int | None = None
    header = False
    with open(path, encoding=ENCODING) as file:
        for number, line in enumerate(file):
            line = line.removeprefix(BYTE_ORDER_MARK).strip() if number == 0 else line.strip()
            if number > HEAD_LINES:
                break
            if is_blank(line, COMMENT) or line.startswith(COMMENT_MARKS):
                names = _names(line) or names
                continue
            delimiter = _delimiter(line)
            values = split(line, delimiter)
            if count is None and len(values) == 1 and values[0].isdecimal():
                count = int(values[0])
            elif all(is_number(value) for value in _without_comment(values)):
                values = _without_comment(values)
                names = names if len(names) == len(values) else []
                return TableHead(lines=number, delimiter=delimiter, first=values, names=names, count=count)
            elif not header:
                header = True
                names = _names(line) or names
            else:
                raise damaged(path, f"line {number + 1} holds no row of numbers: {shown(line)}")
    raise damaged(path, "it holds no rows of numbers x y z")


def _delimiter(line: str) -> str | None:
    """What separates a line's values; a tab is white space like any other."""
    return next((mark for mark in (";", ",") if mark in line), None)


def _without_comment(values: list[str]) -> list[str]:
    joined = " ".join(values)
    return joined.split(COMMENT)[0].split() if COMMENT in joined else values


def _names(line: str) -> list[str]:
    """Names of columns in a header line; empty where they do not name x, y and z."""
    line = line.strip("#/% \t\r\n").lower()
    names = [name.strip("\"' ") for name in split(line, _delimiter(line))]
    names = [name.split("[")[0].split("(")[0].strip() for name in names]
    return names if {"x", "y", "z"} <= set(names) else []


def _named(table: np.ndarray, names: list[str], whole: list[bool]) -> Geometry | None:
    columns: dict[str, np.ndarray] = dict(zip(names, table.T, strict=False))
    for name, column, digits in zip(names, table.T, whole, strict=False):
        # A colour of 1 is nearly black among whole numbers, and full where a decimal point was written.
        if digits and name in ALL_COLOUR_NAMES and np.isin(column, np.arange(256)).all():
            columns[name] = column.astype(np.uint8)
    return by_name(columns)


READERS = dict.fromkeys((".xyz", ".pts", ".txt", ".csv", ".asc", ".xyzn", ".xyzrgb"), read_table)
WRITERS = {".xyz": write_table}
