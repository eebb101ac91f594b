"""Rows of large arrays in turn, so that what is computed from them takes bounded memory."""

from collections.abc import Iterator

AT_ONCE = 1 << 18


def blocks(count: int, size: int | None = None) -> Iterator[slice]:
    """Slices of at most `size` rows, by default `AT_ONCE`, that cover `count` rows in order."""
    size = AT_ONCE if size is None else size
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
