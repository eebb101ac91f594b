"""Where to begin without points: blocks that the surface may pass, found from coarse to fine.

Notation: a cube of edge e (in cells) can hold surface only if the value at its middle is at most its half diagonal
times the field's steepest slope. Cubes that pass this test are split in eight, down to the blocks.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from nfield.core.checks import UserError
from nfield.meshing.evaluation import Evaluator
from nfield.meshing.grid import Grid
from nfield.meshing.node_values import OFFSETS

COARSEST = 32
"""Most cubes along an edge at the beginning."""
SAFETY = 1.5
"""Factor on the steepest slope seen: steeper ones may lie between."""
FEW_NODES = 2**15
FEW_BLOCKS = 27
"""Nodes, or blocks, of a grid that is small enough to visit all of it: too few to estimate how steep the field is."""
MOST_CUBES = 2**24
"""Cubes in memory together; a distance field has far fewer near its surface."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Blocks to visit."""

    likely: Int64[np.ndarray, "n 3"]
    """Nearly always hold surface."""
    possible: Int64[np.ndarray, "m 3"]
    """May hold some."""


class Search:
    """Looks for blocks that hold surface."""

    def __init__(self, grid: Grid, evaluate: Evaluator, *, closed: bool, slope: float | None) -> None:
        """`slope` bounds how fast the field changes: 1 for an exact distance, None to estimate it."""
        self.grid, self.evaluate, self.closed, self.given = grid, evaluate, closed, slope
        self.slope = 0.0 if slope is None else slope

    def everywhere(self) -> Candidates:
        """Candidates in the whole box."""
        grid = self.grid
        if grid.blocks.prod() * grid.block**3 <= FEW_NODES or grid.blocks.prod() <= FEW_BLOCKS:
            return Candidates(likely=grid.all_blocks(), possible=grid.all_blocks()[:0])
        split = 1
        while grid.blocks.max() > COARSEST * split:
            split *= 2
        shape = tuple(int(n) for n in -(-grid.blocks // split))
        cubes = np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), 1).astype(np.int64)
        values = self._middles(cubes, split)
        slopes = self._slopes(values.reshape(shape), split)
        if self.given is None:
            self.slope = SAFETY * float(slopes.max())
        usual = float(np.median(slopes))
        kept = self._may_hold(cubes, values, split) | _beside_sign_change(values.reshape(shape)).reshape(-1)
        while split > 1:
            split //= 2
            if 8 * kept.sum() > MOST_CUBES:
                raise UserError(
                    "The field is near its level in most of the box, so that the search would not end. "
                    "Give seeds, points near the surface, or fewer cells."
                )
            cubes = (2 * cubes[kept][:, None] + OFFSETS).reshape(-1, 3)
            values = self._middles(cubes, split)
            self._steepen(values.reshape(-1, 8), split)
            kept = self._may_hold(cubes, values, split) & (cubes < grid.blocks).all(1)
        cubes, values = cubes[kept], values[kept]
        # An exact distance below half an edge is a surface inside the cube; what grows from there finds most others.
        likely = np.abs(values) <= usual * grid.block * grid.step / 2
        if self.closed:
            likely |= (values < 0) & self._at_border(cubes, 1)
        return Candidates(likely=cubes[likely], possible=cubes[~likely])

    def narrowed(self, blocks: Int64[np.ndarray, "n 3"]) -> Int64[np.ndarray, "m 3"]:
        """Those of the blocks that may still hold surface when seen from the middles of their eighths.

        A linear function through these bounds the values in the block. How far they, and the block's middle, lie off
        that function shows how far to trust it: near a small separate piece of surface the field is far from linear.
        """
        if not len(blocks):
            return blocks
        eighths = (2 * blocks[:, None] + OFFSETS).reshape(-1, 3)
        found = self._middles(eighths, 0.5)
        near = self._may_hold(eighths, found, 0.5).reshape(-1, 8).any(1)
        values = found.reshape(-1, 8).astype(np.float64)
        mean = values.mean(1)
        signs = 2 * OFFSETS - 1
        # Changes from the middle to an eighth's, which lies half as far out as the block's corner.
        changes = values @ signs / 8
        bend = np.abs(values - mean[:, None] - changes @ signs.T).max(1)
        bulge = np.abs(self._middles(blocks, 1) - mean)
        reach = 2.2 * np.abs(changes).sum(1) + 8 * bend + 4 * bulge
        negative = values < 0
        certain = negative.any(1) & ~negative.all(1)
        return blocks[certain | near & ((np.abs(mean) <= reach) | self._at_border(blocks, 1))]

    def _middles(self, cubes: Int64[np.ndarray, "n 3"], split: float) -> Float32[np.ndarray, " n"]:
        """Values at the middles of cubes whose edge is `split` blocks, moved into the box where they lie outside."""
        # Moving to the nearest position of the box brings it no farther from what the cube has inside the box.
        nodes = np.clip((cubes + 0.5) * (split * self.grid.block), 1, np.array(self.grid.cells) + 1)
        before = self.evaluate.effort.evaluations
        values = self.evaluate(self.grid.positions(nodes))
        self.evaluate.effort.searches += self.evaluate.effort.evaluations - before
        return values

    def _may_hold(
        self, cubes: Int64[np.ndarray, "n 3"], values: Float32[np.ndarray, " n"], split: float
    ) -> Bool[np.ndarray, " n"]:
        bound = self.slope * np.sqrt(0.75) * split * self.grid.block * self.grid.step
        reach = np.abs(values) <= bound
        # A closed box cuts what is inside, however deep.
        return reach | ((values < 0) & self._at_border(cubes, split)) if self.closed else reach

    def _at_border(self, cubes: Int64[np.ndarray, "n 3"], split: float) -> Bool[np.ndarray, " n"]:
        edge = split * self.grid.block
        return np.any((cubes * edge <= 1) | ((cubes + 1) * edge >= np.array(self.grid.cells) + 1), axis=1)

    def _steepen(self, values: Float32[np.ndarray, "n 8"], split: float) -> None:
        """Raise the estimated slope by what cubes of the same parent show."""
        if self.given is None and len(values):
            cube = values.reshape(-1, 2, 2, 2)
            steepest = max(float(np.abs(np.diff(cube, axis=axis)).max()) for axis in (1, 2, 3))
            self.slope = max(self.slope, steepest / (split * self.grid.block * self.grid.step))

    def _slopes(self, values: Float32[np.ndarray, "x y z"], split: int) -> Float64[np.ndarray, "x y z"]:
        """Length of the gradient at each of a full grid of cubes, by differences to the next ones."""
        total = np.zeros(values.shape)
        distance = split * self.grid.block * self.grid.step
        for axis, n in enumerate(values.shape):
            if n > 1:
                change = np.diff(values.astype(np.float64), axis=axis)
                last = np.take(change, [-1], axis=axis)
                total += np.concatenate([change, last], axis=axis) ** 2
        return np.sqrt(total) / distance


def _beside_sign_change(values: Float32[np.ndarray, "x y z"]) -> Bool[np.ndarray, "x y z"]:
    """Cubes that have a neighbour of the other sign."""
    negative = np.signbit(values)
    found = np.zeros(values.shape, bool)
    for axis in range(3):
        change = np.diff(negative, axis=axis)
        none = np.zeros_like(np.take(negative, [0], axis=axis))
        found |= np.concatenate([change, none], axis=axis) | np.concatenate([none, change], axis=axis)
    return found
