"""A network of the tables as a signed distance."""

from typing import Any

import torch
from jaxtyping import Float

from nfield.fields.base import Field


class NetworkDistance(torch.nn.Module):
    """`field(2x)/2`: coordinates within [−1/2, 1/2] fill the [−1, 1] that encodings expect, and slopes stay slopes."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    def forward(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 1"]:
        """Values of shape (..., 1) at points of shape (..., 3)."""
        return self.field(2 * points) / 2

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Those of the field."""
        return self.field.parameter_groups()

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return self.field.count_parameters()
