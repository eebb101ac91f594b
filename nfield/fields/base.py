"""What a network means: encoding, then backbone, then the head that gives the values their units."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone
from nfield.encodings.base import AbstractEncoding

POINTS_PER_CHUNK = 1 << 13
"""Points that the backbone takes at once where no gradient is wanted: its activations then stay in the cache."""
FEATURES_PER_CHUNK = 1 << 22
"""Numbers that an encoding makes of a grid at once where no gradient is wanted, for the same reason."""


def count_parameters(module: torch.nn.Module) -> int:
    """Number of trained numbers of a module."""
    return sum(p.numel() for p in module.parameters())


def parameter_groups(
    field: torch.nn.Module, encoding: AbstractEncoding, others: Sequence[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Optimiser groups of a field: the features of its encoding, which may ask for larger steps, others of its own with
    rates of their own, and all the rest."""
    rate = float(getattr(getattr(encoding, "config", None), "rate", 1.0))
    features = list(encoding.parameters())
    groups: list[dict[str, Any]] = [{"name": "features", "params": features, "rate": rate}] if features else []
    groups += others
    known = {id(p) for group in groups for p in group["params"]}
    rest = [p for p in field.parameters() if id(p) not in known]
    return [{"name": "network", "params": rest, "rate": 1.0}, *groups]


class Field(torch.nn.Module):
    """A function of coordinates in [-1, 1]^d: `offset + backbone(encoding(x))`, in the precision of its weights."""

    def __init__(
        self, encoding: AbstractEncoding, backbone: AbstractBackbone, *, offset: Sequence[float] | float = 0.0
    ) -> None:
        super().__init__()
        self.encoding, self.backbone = encoding, backbone
        start = torch.as_tensor(offset, dtype=torch.float32).expand(backbone.out_dim).clone()
        self.register_buffer("offset", start)
        self.offset: torch.Tensor

    @property
    def in_dim(self) -> int:
        """Dimension of the coordinates."""
        return self.encoding.in_dim

    @property
    def out_dim(self) -> int:
        """Number of values at a point."""
        return self.backbone.out_dim

    @property
    def derivative_order(self) -> float:
        """How many derivatives with respect to the coordinates are right."""
        return min(self.encoding.derivative_order, self.backbone.derivative_order)

    def _values(self, features: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() or len(features) <= POINTS_PER_CHUNK or features.is_cuda:
            values = self.backbone(features)
        else:
            values = torch.cat([self.backbone(part) for part in features.split(POINTS_PER_CHUNK)])
        return (values if values.dtype == torch.float64 else values.float()) + self.offset

    def forward(self, points: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., c) at points of shape (..., d), in chunks where no gradient is wanted."""
        flat = points.reshape(-1, points.shape[-1]).to(self.offset.dtype)
        if torch.is_grad_enabled() or len(flat) <= POINTS_PER_CHUNK:
            values = self._values(self.encoding(flat))
        else:
            values = torch.cat([self._values(self.encoding(part)) for part in flat.split(8 * POINTS_PER_CHUNK)])
        return values.reshape(*points.shape[:-1], self.out_dim)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "..."]:
        """Values of shape (n_1, ..., n_d, c) at the tensor product of coordinates, in parts as in `forward`."""
        first, *others = (axis.to(self.offset.dtype) for axis in axes)
        at_once = len(first)
        if not (torch.is_grad_enabled() or first.is_cuda):
            at_once = max(1, FEATURES_PER_CHUNK // max(1, self.encoding.out_dim * math.prod(map(len, others))))
        parts = [self._on_grid((part, *others)) for part in first.split(max(1, at_once))]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _on_grid(self, axes: tuple[torch.Tensor, ...]) -> torch.Tensor:
        features = self.encoding.on_grid(axes)
        return self._values(features.reshape(-1, features.shape[-1])).reshape(*features.shape[:-1], self.out_dim)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups; an encoding with features of its own may ask for larger steps by `config.rate`."""
        return parameter_groups(self, self.encoding)

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return count_parameters(self)
