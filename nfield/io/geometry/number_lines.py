"""Rows of numbers in text: fast, in double precision, and with the line of the first mistake."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from nfield.io.files import shown

ENCODING = "latin-1"
"""Every byte is a character of it, so that strange bytes become a message on a line and not a decoding error."""
BYTE_ORDER_MARK = "\xef\xbb\xbf"
WRITTEN_ROWS = 65536


def read_rows(
    lines: Iterable[str], *, delimiter: str | None = None, comments: str | None = None, limit: int | None = None
) -> Float64[np.ndarray, "n columns"]:
    """Numbers of lines with equally many of them; blank lines are skipped, and `limit` is the most rows read.

    `delimiter` None stands for white space. Raises ValueError where a line holds something else.
    """
    rows = iter(lines)
    first = next((line for line in rows if not is_blank(line, comments)), None)
    # loadtxt warns of input without rows.
    if first is None or limit == 0:
        return np.zeros((0, 0))
    return np.loadtxt(
        itertools.chain([first.removeprefix(BYTE_ORDER_MARK)], rows),
        dtype=np.float64,
        delimiter=delimiter,
        comments=comments,
        max_rows=limit,
        ndmin=2,
    )


def is_blank(line: str, comments: str | None) -> bool:
    """Whether a line holds nothing, or a comment only."""
    line = line.strip()
    return not line or (comments is not None and line.startswith(comments))


def first_mistake(path: Path, skipped: int, delimiter: str | None, comments: str | None) -> str | None:
    """What is wrong in the first line after the `skipped` ones that does not fit the line before, or None.

    Read again slowly, for loadtxt counts rows and not lines.
    """
    columns = None
    with open(path, encoding=ENCODING) as file:
        for number, line in enumerate(file, 1):
            if number <= skipped or is_blank(line, comments):
                continue
            line = line.removeprefix(BYTE_ORDER_MARK)
            values = split(line if comments is None else line.split(comments)[0], delimiter)
            if not all(is_number(value) for value in values):
                decimal = " (decimal commas? Write decimal points)" if delimiter != "," and "," in line else ""
                return f"line {number} holds no row of numbers: {shown(line)}{decimal}"
            if columns not in (None, len(values)):
                return f"line {number} has {len(values)} columns, but those before have {columns}: {shown(line)}"
            columns = len(values)
    return None


def split(line: str, delimiter: str | None) -> list[str]:
    """The values of a line."""
    return [value.strip() for value in line.strip(" \r\n" if delimiter else None).split(delimiter)]


def is_number(value: str) -> bool:
    """Whether a value is a number, in any notation that loadtxt reads."""
    # Python reads digits grouped by underscores, and loadtxt does not.
    if "_" in value:
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True


def written_rows(*blocks: np.ndarray, prefix: str = "") -> Iterator[str]:
    """Text of rows whose numbers stand in `blocks`, each (n, k), with as many digits as give the same number back.

    Yields pieces of many lines. Floats are written as doubles, integers without a point.
    """
    for start in range(0, len(blocks[0]), WRITTEN_ROWS):
        parts = [block[start : start + WRITTEN_ROWS] for block in blocks]
        parts = [part.astype(np.float64) if part.dtype.kind == "f" else part for part in parts]
        columns = [column for part in parts for column in part.T.tolist()]
        texts = [map(repr, column) for column in columns]
        yield "".join(f"{prefix}{' '.join(row)}\n" for row in zip(*texts, strict=True))
