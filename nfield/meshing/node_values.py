"""Values at the nodes of blocks, each evaluated exactly once.

Once, because a network's value at a node depends in its last digits on the batch that the node is in: two blocks
that each evaluated their common nodes could disagree about a sign, and the surface would have a hole there.

Notation: a block's window is its `block³` own nodes and the next ones after them, `(block + 1)³` in all, which belong
to up to seven further blocks. Neighbour d = 4 x + 2 y + z of a block is the one at offset (x, y, z) in {0, 1}³.
A block's nodes fall into eight parts: part p = 4 x + 2 y + z holds those with local index 0 along the axes whose bit
is 0, and with larger indices along the others. A neighbour's window needs only some of them.
"""

from itertools import product

import numpy as np
from jaxtyping import Float32, Int, Int64

from nfield.meshing.block_table import BlockTable, grown
from nfield.meshing.evaluation import Evaluator
from nfield.meshing.grid import Grid

OFFSETS = np.array(list(product((0, 1), repeat=3)), np.int64)
"""Offsets of a block's eight neighbours, itself first; also the bits of the eight parts."""
PARTS_NEEDED = [sum(1 << p for p in range(8) if not p & d) for d in range(8)]
"""Bits of the parts of neighbour d that a block's window covers."""
OUTSIDE = np.float32(1e30)
"""Value of the margin around a closed box: so far outside that the surface is cut at the box."""


class NodeValues:
    """Values of the nodes of all blocks seen so far."""

    def __init__(self, grid: Grid, evaluate: Evaluator, closed: bool) -> None:
        """Outside the box nodes are far outside the surface if `closed`, otherwise they have no value."""
        self.grid, self.evaluate = grid, evaluate
        self.margin = OUTSIDE if closed else np.float32(np.nan)
        self.table = BlockTable(grid.blocks)
        b = grid.block
        local = np.stack(np.unravel_index(np.arange(b**3), (b, b, b)), 1)
        self.local = local.astype(np.int64)
        self.parts = [np.flatnonzero(((local > 0) == bits).all(1)) for bits in OFFSETS.astype(bool)]
        self.values = np.full((1, b**3), np.nan, np.float32)
        self.done = np.zeros(1, np.uint8)

    def require(self, blocks: Int64[np.ndarray, "n 3"]) -> Int[np.ndarray, "n 8"]:
        """Evaluate what the windows of different blocks need; return the rows of each block's eight neighbours."""
        rows = np.zeros((len(blocks), 8), np.int32)
        missing: list[list[np.ndarray]] = [[] for _ in range(8)]
        for d, offset in enumerate(OFFSETS):
            at = blocks + offset
            exist = self.grid.has_block(at)
            at = at[exist]
            mine = self.table.add(at)
            rows[exist, d] = mine
            self.values = grown(self.values, self.table.used)
            self.done = grown(self.done, self.table.used)
            lacking = PARTS_NEEDED[d] & ~self.done[mine]
            self.done[mine] |= PARTS_NEEDED[d]
            for p in range(8):
                chosen = lacking & (1 << p) != 0
                if chosen.any():
                    missing[p].append(np.column_stack([mine[chosen], at[chosen]]))
        self._fill([np.concatenate(m) if m else None for m in missing])
        return rows

    def _fill(self, missing: list[np.ndarray | None]) -> None:
        """Evaluate parts of blocks, given for each part as rows of (row, x, y, z)."""
        rows, places, nodes = [], [], []
        for part, blocks in zip(self.parts, missing, strict=True):
            if blocks is not None and len(part):
                rows.append(np.repeat(blocks[:, 0], len(part)))
                places.append(np.tile(part, len(blocks)))
                nodes.append((blocks[:, None, 1:] * self.grid.block + self.local[part]).reshape(-1, 3))
        if not rows:
            return
        at = np.concatenate(nodes)
        values = np.where(self.grid.in_margin(at), self.margin, np.float32(np.nan))
        inside = np.flatnonzero(self.grid.in_box(at))
        values[inside] = self.evaluate(self.grid.positions(at[inside]))
        self.values[np.concatenate(rows), np.concatenate(places)] = values

    def windows(self, rows: Int[np.ndarray, "n 8"]) -> Float32[np.ndarray, "n w w w"]:
        """Values of the windows of blocks whose neighbours' rows are given; NaN where there are none."""
        b = self.grid.block
        values = self.values.reshape(-1, b, b, b)
        window = np.zeros((len(rows), b + 1, b + 1, b + 1), np.float32)
        for d, offset in enumerate(OFFSETS):
            to = tuple(slice(b, b + 1) if high else slice(0, b) for high in offset)
            of = tuple(slice(0, 1) if high else slice(0, b) for high in offset)
            window[(slice(None), *to)] = values[(slice(None), *of)][rows[:, d]]
        return window
