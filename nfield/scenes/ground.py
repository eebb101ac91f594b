"""The ground: everything below a level plane, out to the horizon."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.scenes.shape import Bounds, Shape


@dataclass(frozen=True, kw_only=True)
class Ground(Shape):
    """All points with z below 0. Unlike other shapes it has no end, so its bounds are infinite."""

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        return points[:, 2]

    @property
    def bounds(self) -> Bounds:
        """Everything below the plane."""
        return np.full(3, -np.inf), np.array([np.inf, np.inf, 0.0])

    def meet(self, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Distances along rays to the plane, infinite where they do not come down to it.

        In closed form, because steps of the distance's length take ever longer towards the horizon.
        """
        height, slope = origins[:, 2], -directions[:, 2]
        along = height / slope.clamp(min=torch.finfo(height.dtype).tiny)
        return torch.where((slope > 0) & (height >= 0), along, torch.inf)
