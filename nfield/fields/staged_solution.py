"""The solution of an equation in stages, in the problem's own units."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.equations.problem import Problem
from nfield.fields.staged import StagedField


class StagedSolution(torch.nn.Module):
    """`u` at places in the problem's units: the sum of the stages at the same place in [-1, 1]^d, in float64."""

    def __init__(self, staged: StagedField, problem: Problem) -> None:
        super().__init__()
        self.staged = staged
        low, high = (torch.tensor(ends, dtype=torch.float64) for ends in (problem.low, problem.high))
        # Not in the state: they follow from the problem.
        self.centre, self.half_sides = (low + high) / 2, (high - low) / 2

    def _apply(self, fn: Any, recurse: bool = True) -> "StagedSolution":
        moved = super()._apply(fn, recurse)
        self.centre, self.half_sides = (t.to(self.staged.scales.device) for t in (self.centre, self.half_sides))
        return moved

    @property
    def in_dim(self) -> int:
        """Number of coordinates, time included."""
        return self.staged.in_dim

    @property
    def out_dim(self) -> int:
        """One value at a point."""
        return self.staged.out_dim

    @property
    def weights(self) -> torch.Tensor:
        """Tells the precision that points are wanted in."""
        return self.staged.scales

    @property
    def derivative_order(self) -> float:
        """How many derivatives with respect to the coordinates are right: all."""
        return math.inf

    def forward(self, points: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch 1"]:
        """Values of shape (..., 1) at points of shape (..., d), in the problem's units."""
        scaled = (points.to(self.centre) - self.centre) / self.half_sides
        values: torch.Tensor = self.staged(scaled)
        return values

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "..."]:
        """Values of shape (n_1, ..., n_d, 1) at the tensor product of coordinates."""
        return self(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: all stages alike."""
        return self.staged.parameter_groups()

    def count_parameters(self) -> int:
        """Number of trained numbers of all stages."""
        return self.staged.count_parameters()
