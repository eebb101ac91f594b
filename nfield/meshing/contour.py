"""From node values to triangles: marching cubes over all blocks that hold surface.

A vertex lies on one edge of the grid and is known by it: by the block that owns the edge's first node, and the edge's
place among that block's crossed edges. No positions are compared, so that neither rounding nor block borders can leave
a crack. Notation: t in (0, 1) is where the surface crosses an edge; edge place = 3 * local node + axis.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Int64

from nfield.meshing.case_table import CORNERS, EDGES, case_triangles
from nfield.meshing.evaluation import LARGEST
from nfield.meshing.node_values import NodeValues

NEAREST = 1e-3
"""Least distance of a vertex from a node, in cells: vertices that meet in a node would make triangles without area."""
TOGETHER = 2**20
"""Nodes of windows held in memory together."""


class Contour:
    """Vertices and faces of the surface in a number of blocks."""

    def __init__(self, values: NodeValues, blocks: Int64[np.ndarray, "n 3"], rows: Int[np.ndarray, "n 8"]) -> None:
        """`rows` are those of each block's eight neighbours."""
        self.values, self.blocks, self.rows = values, blocks, rows
        self.block = values.grid.block
        self.places = 3 * self.block**3
        self.slot = np.full(values.table.used, -1, np.int64)
        self.slot[rows[:, 0]] = np.arange(len(rows))
        self.rank = np.zeros((len(rows), self.places), np.min_scalar_type(self.places))
        self.first = np.zeros(len(rows) + 1, np.int64)
        self.crosses_box = False
        self._run()

    def _run(self) -> None:
        nodes: list[Float64[np.ndarray, "v 3"]] = [np.zeros((0, 3))]
        cells: list[Int64[np.ndarray, " c"]] = [np.zeros(0, np.int64)]
        cases: list[np.ndarray] = [np.zeros(0, np.uint8)]
        size = max(1, TOGETHER // (self.block + 1) ** 3)
        for start in range(0, len(self.rows), size):
            batch = slice(start, start + size)
            window = self.values.windows(self.rows[batch])
            negative, known = window < 0, ~np.isnan(window)
            nodes.append(self._crossings(batch, window, negative, known))
            cell, case = _cases(negative, known)
            cells.append(cell + start * self.block**3)
            cases.append(case)
        self.first = np.concatenate([[0], np.cumsum(self.first[1:])])
        self.vertices = self.values.grid.positions(np.concatenate(nodes))
        self.faces = self._triangles(np.concatenate(cells), np.concatenate(cases))

    def _crossings(
        self,
        batch: slice,
        window: Float32[np.ndarray, "n w w w"],
        negative: Bool[np.ndarray, "n w w w"],
        known: Bool[np.ndarray, "n w w w"],
    ) -> Float64[np.ndarray, "v 3"]:
        """Number the crossed edges that blocks own; return where the surface crosses them, in stored nodes."""
        b, n = self.block, len(window)
        crossed = np.zeros((n, b, b, b, 3), bool)
        own = (slice(None), slice(0, b), slice(0, b), slice(0, b))
        for axis in range(3):
            ahead = tuple(slice(1, b + 1) if i == axis + 1 else s for i, s in enumerate(own))
            crossed[..., axis] = (negative[own] != negative[ahead]) & known[own] & known[ahead]
        flat = crossed.reshape(n, self.places)
        counts = flat.cumsum(1, dtype=self.rank.dtype)
        self.rank[batch] = counts - flat
        self.first[1:][batch] = counts[:, -1]
        row, i, j, k, along = np.nonzero(crossed)
        w = b + 1
        at = ((row * w + i) * w + j) * w + k
        here = window.reshape(-1)[at].astype(np.float64)
        there = window.reshape(-1)[at + np.array([w * w, w, 1])[along]].astype(np.float64)
        self.crosses_box |= bool((np.maximum(here, there) <= LARGEST).any())
        nodes = self.blocks[batch][row] * float(b) + np.stack([i, j, k], 1)
        nodes[np.arange(len(nodes)), along] += np.clip(here / (here - there), NEAREST, 1 - NEAREST)
        return nodes

    def _triangles(self, cells: Int64[np.ndarray, " c"], cases: np.ndarray) -> Int64[np.ndarray, "f 3"]:
        """Faces of the cells, given by block and place, that the surface passes."""
        table, counts = case_triangles()
        faces = np.zeros((int(counts[cases].sum()), 3), np.int64)
        done = 0
        for start in range(0, len(cells), TOGETHER // 4):
            cell, case = cells[start : start + TOGETHER // 4], cases[start : start + TOGETHER // 4]
            count = counts[case]
            of = np.repeat(np.arange(len(cell)), count)
            number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
            block, place = np.divmod(cell[of], self.block**3)
            edges = table[case[of], number]
            neighbour, edge = (lookup[place[:, None], edges] for lookup in self._edge_places)
            slot = self.slot[self.rows[block[:, None], neighbour]]
            faces[done : done + len(of)] = self.first[slot] + self.rank[slot, edge]
            done += len(of)
        return faces

    @cached_property
    def _edge_places(self) -> tuple[Int[np.ndarray, "cells 12"], Int[np.ndarray, "cells 12"]]:
        """For each cell of a block and each of its edges: the neighbour that owns it, and the edge's place there."""
        b = self.block
        cells = np.stack(np.unravel_index(np.arange(b**3), (b, b, b)), 1)
        nodes = cells[:, None] + np.array([start for start, _ in EDGES])
        neighbour, local = nodes // b, nodes % b
        axes = np.array([axis for _, axis in EDGES])
        return neighbour @ np.array([4, 2, 1]), 3 * (local @ np.array([b * b, b, 1])) + axes


def _cases(
    negative: Bool[np.ndarray, "n w w w"], known: Bool[np.ndarray, "n w w w"]
) -> tuple[Int64[np.ndarray, " c"], np.ndarray]:
    """Cells that the surface passes, counted through all blocks, and their cases."""
    b = negative.shape[1] - 1
    case = np.zeros((len(negative), b, b, b), np.uint8)
    whole = np.ones(case.shape, bool)
    for corner, (x, y, z) in enumerate(CORNERS):
        at = (slice(None), slice(x, x + b), slice(y, y + b), slice(z, z + b))
        case |= negative[at].view(np.uint8) << np.uint8(corner)
        whole &= known[at]
    flat = case.reshape(-1)
    cells = np.flatnonzero((flat > 0) & (flat < 255) & whole.reshape(-1))
    return cells, flat[cells]
