"""Growth along the surface: from a block to those beyond its faces that the surface passes through."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int, Int64

from nfield.meshing.block_table import grown
from nfield.meshing.evaluation import Effort
from nfield.meshing.node_values import NodeValues


class Flood:
    """Visits blocks, and whatever blocks the surface leads to from there; no block twice."""

    def __init__(self, values: NodeValues, progress: Callable[[Effort], None] | None = None) -> None:
        """`progress` is called with the effort after each batch of blocks."""
        self.values, self.progress = values, progress
        self.batch = max(1, values.evaluate.batch // (values.grid.block + 1) ** 3)
        self.visited = np.zeros(1, bool)
        self.crossed = np.zeros(1, bool)
        self._blocks: list[Int64[np.ndarray, "n 3"]] = []
        self._rows: list[Int[np.ndarray, "n 8"]] = []

    def visit(self, blocks: Int64[np.ndarray, "n 3"]) -> None:
        """Visit blocks and all that the surface connects to them."""
        effort = self.values.evaluate.effort
        front = self._new(blocks)
        while len(front):
            beyond = []
            for start in range(0, len(front), self.batch):
                beyond.append(self._visit_batch(front[start : start + self.batch]))
                effort.blocks += len(front[start : start + self.batch])
                effort.waiting = len(front) - min(len(front), start + self.batch) + sum(len(b) for b in beyond)
                if self.progress is not None:
                    self.progress(effort)
            front = self._new(np.concatenate(beyond))

    def holds_surface(self, blocks: Int64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Which blocks were visited and found to hold surface."""
        rows = self.values.table.rows(blocks)
        return self.crossed[np.minimum(rows, len(self.crossed) - 1)] & (rows < len(self.crossed))

    def unvisited(self, blocks: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "m 3"]:
        """Those blocks that no visit has come to."""
        return self._new(blocks)

    def surface_blocks(self) -> tuple[Int64[np.ndarray, "n 3"], Int[np.ndarray, "n 8"]]:
        """Blocks that hold surface, and the rows of their eight neighbours."""
        if not self._blocks:
            return np.zeros((0, 3), np.int64), np.zeros((0, 8), np.int32)
        return np.concatenate(self._blocks), np.concatenate(self._rows)

    def _new(self, blocks: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "m 3"]:
        blocks = self.values.grid.unique(blocks)
        rows = self.values.table.rows(blocks)
        self.visited = grown(self.visited, self.values.table.used)
        return blocks[~self.visited[rows]]

    def _visit_batch(self, blocks: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "m 3"]:
        rows = self.values.require(blocks)
        self.visited = grown(self.visited, self.values.table.used)
        self.crossed = grown(self.crossed, self.values.table.used)
        self.visited[rows[:, 0]] = True
        negative = self.values.windows(rows) < 0
        holds = negative.any((1, 2, 3)) & ~negative.all((1, 2, 3))
        blocks, rows, negative = blocks[holds], rows[holds], negative[holds]
        self.crossed[rows[:, 0]] = True
        self._blocks.append(blocks)
        self._rows.append(rows)
        return _beyond_faces(blocks, negative)


def _beyond_faces(blocks: Int64[np.ndarray, "n 3"], negative: Bool[np.ndarray, "n w w w"]) -> Int64[np.ndarray, "m 3"]:
    """Blocks on the other side of those faces whose nodes do not all have one sign."""
    beyond = []
    for axis in range(3):
        for side, step in ((0, -1), (-1, 1)):
            face = np.take(negative, side, axis=axis + 1)
            crossed = face.any((1, 2)) & ~face.all((1, 2))
            beyond.append(blocks[crossed] + step * np.eye(3, dtype=np.int64)[axis])
    return np.concatenate(beyond)
