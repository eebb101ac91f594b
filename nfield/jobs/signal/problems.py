"""Signals in the user's units as problems of stages on [−1, 1]^d."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.jobs.signal.stages import FunctionStages, SampleStages

PerAxis = float | int | Sequence[float | int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """The domain in the user's units, which is [−1, 1]^d to the field."""

    low: tuple[float, ...]
    """Lower corner."""
    high: tuple[float, ...]
    """Upper corner."""

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not 1 <= len(self.low) <= 3:
            raise UserError(f"A domain has 1 to 3 axes with two ends each, but got {self.low} and {self.high}.")
        for low, high in zip(self.low, self.high, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UserError(f"The domain's high end must lie above its low end, but they are {high} and {low}.")

    @classmethod
    def of(cls, low: PerAxis, high: PerAxis, dimension: int) -> "Box":
        """The box between two corners, each one number for all axes or one for each."""
        corners = [(c,) * dimension if isinstance(c, (int, float)) else tuple(c) for c in (low, high)]
        if any(len(corner) != dimension for corner in corners):
            raise UserError(f"low and high must be one number, or one for each of the {dimension} axes.")
        return cls(low=tuple(map(float, corners[0])), high=tuple(map(float, corners[1])))

    def inside(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points of [−1, 1]^d in the user's units."""
        low, high = points.new_tensor(self.low), points.new_tensor(self.high)
        return (high + low) / 2 + points * ((high - low) / 2)

    def unit(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points in the user's units as points of [−1, 1]^d."""
        low, high = points.new_tensor(self.low), points.new_tensor(self.high)
        return (points - (high + low) / 2) / ((high - low) / 2)


def function_problem(function: Any, box: Box, *, periodic: bool) -> FunctionStages:
    """The job of a function in the user's units, of tensors (n, d), or of one dimension also (n, 1)."""
    return FunctionStages(lambda points: function(box.inside(points)), len(box.low), periodic=periodic)


def grid_problem(values: np.ndarray, *, channels_last: bool, periodic: bool, seed: int) -> SampleStages:
    """The job of values on a regular grid, each at the middle of its cell, as pixels are."""
    array = np.asarray(values, dtype=np.float64)
    array = array if channels_last else array[..., None]
    if not 2 <= array.ndim <= 4 or not array.size:
        raise UserError(
            f"Values of shape {np.shape(values)} are no grid of 1 to 3 axes. Give points= for scattered samples, and "
            "channels_last=True where the last axis holds channels."
        )
    axes = tuple(-1 + (2 * torch.arange(n, dtype=torch.float64) + 1) / n for n in array.shape[:-1])
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    target = torch.from_numpy(np.ascontiguousarray(array)).reshape(len(points), -1)
    _refuse_non_finite(points, target)
    return SampleStages(points, target, axes=axes, periodic=periodic, seed=seed)


def scattered_problem(values: np.ndarray, points: np.ndarray, box: Box | None, seed: int) -> tuple[SampleStages, Box]:
    """The job of values at scattered points, and its domain: the points' own where none is given."""
    places, target = (torch.as_tensor(a, dtype=torch.float64) for a in (points, values))
    places = places[:, None] if places.ndim == 1 else places
    target = target[:, None] if target.ndim == 1 else target
    if places.ndim != 2 or target.ndim != 2 or len(places) != len(target) or not len(places):
        raise UserError(
            f"Points {tuple(places.shape)} and values {tuple(target.shape)} do not belong together: give (n, d) "
            "points, and (n,) or (n, c) values."
        )
    _refuse_non_finite(places, target)
    if box is None:
        box = Box(low=tuple(places.min(0).values.tolist()), high=tuple(places.max(0).values.tolist()))
    return SampleStages(box.unit(places), target, seed=seed), box


def _refuse_non_finite(points: torch.Tensor, values: torch.Tensor) -> None:
    if not bool(points.isfinite().all() and values.isfinite().all()):
        raise UserError("Points or values hold NaN or infinity: leave these samples out.")
