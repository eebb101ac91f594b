"""Growing the surface from points that lie on or beside it.

Clouds have many points, and noise puts them off the surface, often by more than a block. Visiting every block that
holds a point would then cost far more than the surface itself. So points are first moved to the surface, few of them
to begin with; most others are then found to lie where the surface is known already.
"""

import numpy as np
from jaxtyping import Float64, Int64

from nfield.core.checks import UserError
from nfield.meshing.evaluation import Evaluator
from nfield.meshing.flood import Flood
from nfield.meshing.grid import Grid

APART = (8, 1)
"""Of the points of each cube of so many blocks an edge one is moved, in turns."""
STEPS = 3
"""Newton steps towards the surface."""
ACROSS = 0.75
"""How far to search on both sides, in cells, where a point has come to lie on the border between blocks."""


def flood_from(flood: Flood, seeds: Float64[np.ndarray, "n 3"]) -> None:
    """Visit the blocks of every connected surface on or near which seeds lie. Raises UserError for none in the box."""
    grid, evaluate = flood.values.grid, flood.values.evaluate
    seeds = seeds[grid.in_box(np.floor(grid.nodes(seeds)).astype(np.int64))]
    if not len(seeds):
        raise UserError("None of the seeds lies in the box. Give a box around the points.")
    for apart in APART:
        points = _thinned(grid, seeds, apart)
        points = points[~flood.holds_surface(_blocks(grid, points))]
        before = evaluate.effort.evaluations
        moved, across, lost = _moved(grid, evaluate, points)
        evaluate.effort.searches += evaluate.effort.evaluations - before
        flood.visit(np.concatenate([_blocks(grid, moved), _blocks(grid, points[lost])]))
        beside = ~flood.holds_surface(_blocks(grid, moved))
        for side in (-ACROSS, ACROSS):
            flood.visit(_blocks(grid, moved[beside] + side * across[beside]))


def _blocks(grid: Grid, points: Float64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "n 3"]:
    nodes = np.clip(grid.nodes(points), 1, np.array(grid.cells) + 1)
    return np.floor(nodes).astype(np.int64) // grid.block


def _thinned(grid: Grid, points: Float64[np.ndarray, "n 3"], apart: int) -> Float64[np.ndarray, "m 3"]:
    """The first point in each cube of `apart` blocks an edge."""
    cubes = _blocks(grid, points) // apart
    keys = np.ravel_multi_index(tuple(cubes.T), tuple(-(-grid.blocks // apart)))
    return points[np.unique(keys, return_index=True)[1]]


def _moved(
    grid: Grid, evaluate: Evaluator, points: Float64[np.ndarray, "n 3"]
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"], Int64[np.ndarray, " m"]]:
    """Points moved to the surface, vectors of one cell across it there, and rows of those that did not arrive."""
    high = grid.low + np.array(grid.cells) * grid.step
    probe = grid.step / 4
    across, last = np.zeros_like(points), np.zeros(len(points))
    for _ in range(STEPS):
        around = points[:, None] + np.concatenate([np.zeros((1, 3)), np.eye(3)]) * probe
        values = evaluate(around.reshape(-1, 3)).reshape(-1, 4).astype(np.float64)
        slope = (values[:, 1:] - values[:, :1]) / probe
        length = np.linalg.norm(slope, axis=1, keepdims=True)
        across = slope / np.where(length > 0, length, 1)
        step = np.where(length > 0, values[:, :1] / np.where(length > 0, length, 1), np.inf)
        last = np.abs(step[:, 0])
        points = np.clip(points - np.where(np.isfinite(step), step, 0) * across, grid.low, high)
    return points, across * grid.step, np.flatnonzero(last > grid.step)
