"""The grid of cubic cells that a surface is extracted on, divided into small cubic blocks.

Notation: node (i, j, k) of the box lies at `low + (i, j, k) * step`. A margin of one node surrounds the box and is
counted too: stored node s lies at `low + (s - 1) * step`. Block (a, b, c) owns the `block³` stored nodes from
(a, b, c) * block on, and the cells between them and their next nodes.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64

from nfield.core.checks import UserError, at_least

MOST_CELLS = 2**17
"""Cells along an edge beyond which the number of a node's edges would not fit 64 bits with room to spare."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """A box of cubic cells with a margin of one node."""

    low: Float64[np.ndarray, "3"]
    """The box's lowest corner, in input units."""
    step: float
    """Edge of a cell, in input units."""
    cells: tuple[int, int, int]
    """Cells of the box along each axis."""
    block: int
    """Cells along the edge of a block."""

    @classmethod
    def over(cls, low: Float64[np.ndarray, "3"], high: Float64[np.ndarray, "3"], cells: int, block: int) -> "Grid":
        """The grid with `cells` along the box's longest edge, and as many along the others as cover the box.

        Raises UserError for a box without volume and for counts that make no sense.
        """
        size = high - low
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (size > 0).all()):
            raise UserError(f"The box from {low} to {high} has no volume. Its high corner must exceed the low one.")
        at_least(cells, 1, "The number of cells")
        at_least(block, 1, "The cells of a block")
        if cells > MOST_CELLS:
            raise UserError(f"{cells} cells along an edge are too many. Ask for {MOST_CELLS} or fewer.")
        step = float(size.max() / cells)
        # An edge that is whole cells long up to rounding gets no further cell.
        x, y, z = (max(1, math.ceil(length / step - 1e-6)) for length in size)
        return cls(low=low, step=step, cells=(x, y, z), block=block)

    @cached_property
    def blocks(self) -> Int64[np.ndarray, "3"]:
        """Blocks along each axis; together they own all nodes, margin included."""
        return -(-(np.array(self.cells, np.int64) + 3) // self.block)

    def positions(self, nodes: Int[np.ndarray, "... 3"] | Float64[np.ndarray, "... 3"]) -> Float64[np.ndarray, "... 3"]:
        """Positions of stored nodes, whole or fractional, in input units."""
        return self.low + (nodes - 1) * self.step

    def nodes(self, positions: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """Fractional stored nodes of positions: the inverse of `positions`."""
        return (positions - self.low) / self.step + 1

    def in_box(self, nodes: Int[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Which stored nodes belong to the box."""
        return np.all((nodes >= 1) & (nodes <= np.array(self.cells) + 1), axis=1)

    def in_margin(self, nodes: Int[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Which stored nodes belong to the box or to the margin around it."""
        return np.all((nodes >= 0) & (nodes <= np.array(self.cells) + 2), axis=1)

    def has_block(self, blocks: Int64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Which blocks exist."""
        return np.all((blocks >= 0) & (blocks < self.blocks), axis=1)

    def unique(self, blocks: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "m 3"]:
        """The blocks that exist, each once, in order."""
        blocks = blocks[self.has_block(blocks)]
        keys = np.unique(np.ravel_multi_index(tuple(blocks.T), tuple(self.blocks)))
        return np.stack(np.unravel_index(keys, tuple(self.blocks)), 1).astype(np.int64)

    def all_blocks(self) -> Int64[np.ndarray, "n 3"]:
        """Every block there is; only for small grids."""
        return np.stack(np.unravel_index(np.arange(self.blocks.prod()), tuple(self.blocks)), 1).astype(np.int64)
