"""A network of the tables as a signed distance."""

from typing import Any

import torch
from jaxtyping import Float

from nfield.fields.base import Field

ROUNDING = 0.1
"""Of the sphere's cone at its centre, in extents: the start is smooth there."""


class NetworkDistance(torch.nn.Module):
    """`s·field(x/s) + √(|x|² + ε²) − √(r² + ε²)`, s = reach/2: slopes stay slopes.

    Coordinates within ±reach/2 fill the [−1, 1] that encodings expect. The other term is about the distance from a
    sphere of radius r, ε its `ROUNDING`: a network that starts near zero is then a distance from the start, outside
    positive, and only has to learn how the surface differs from the sphere (a start as in Atzmon & Lipman, SAL,
    1911.10414, for every network). Without a radius there is no such term.
    """

    def __init__(self, field: Field, *, reach: float = 1.0, radius: float | None = None) -> None:
        super().__init__()
        self.field, self.reach, self.radius = field, reach, radius

    def forward(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 1"]:
        """Values of shape (..., 1) at points of shape (..., 3)."""
        values = self.field(points * (2 / self.reach)) * (self.reach / 2)
        if self.radius is None:
            return values
        start = (points.square().sum(-1, keepdim=True) + ROUNDING**2).sqrt()
        return values + (start - (self.radius**2 + ROUNDING**2) ** 0.5).to(values.dtype)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Those of the field."""
        return self.field.parameter_groups()

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return self.field.count_parameters()
