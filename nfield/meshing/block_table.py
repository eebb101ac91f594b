"""From a block's coordinates to its row of storage, in memory proportional to the blocks in use."""

import numpy as np
from jaxtyping import Int, Int64

PAGE = 16
"""Blocks along the edge of a page, whose rows are stored together."""


class BlockTable:
    """Numbers blocks in the order in which they come. Row 0 stands for every block that has none."""

    def __init__(self, blocks: Int64[np.ndarray, "3"]) -> None:
        """`blocks` counts the blocks along each axis."""
        # A dense table would take half a gigabyte at 2048 cells; pages exist only where the surface passes.
        self.page_of = np.zeros(tuple(-(-blocks // PAGE)), np.int32)
        self.pages = np.zeros((1, PAGE**3), np.int32)
        self.used_pages = 1
        self.used = 1

    def rows(self, blocks: Int64[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
        """Rows of existing blocks, 0 where they have none."""
        page, place = self._find(blocks)
        return self.pages[page, place]

    def add(self, blocks: Int64[np.ndarray, "n 3"]) -> Int[np.ndarray, " n"]:
        """Rows of existing blocks, none of which may be named twice; those that have none get one."""
        self._add_pages(blocks)
        page, place = self._find(blocks)
        rows = self.pages[page, place]
        new = np.flatnonzero(rows == 0)
        rows[new] = np.arange(self.used, self.used + len(new))
        self.pages[page[new], place[new]] = rows[new]
        self.used += len(new)
        return rows

    def _find(self, blocks: Int64[np.ndarray, "n 3"]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        x, y, z = (blocks % PAGE).T
        # Page 0 stays empty, for blocks whose page does not exist.
        return self.page_of[tuple((blocks // PAGE).T)], (x * PAGE + y) * PAGE + z

    def _add_pages(self, blocks: Int64[np.ndarray, "n 3"]) -> None:
        flat = np.ravel_multi_index(tuple((blocks // PAGE).T), self.page_of.shape)
        table = self.page_of.reshape(-1)
        new = np.unique(flat[table[flat] == 0])
        table[new] = np.arange(self.used_pages, self.used_pages + len(new))
        self.used_pages += len(new)
        self.pages = grown(self.pages, self.used_pages)


def grown(array: np.ndarray, rows: int) -> np.ndarray:
    """The array with at least as many rows, further ones being zero; grows by half, so that few copies are made."""
    if len(array) >= rows:
        return array
    larger = np.zeros((max(rows, len(array) * 3 // 2), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
