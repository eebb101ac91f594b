"""A network and, between the points it was fitted to, what it left of them: two stages, the second in closed form."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone
from nfield.core.checks import UserError
from nfield.encodings.base import AbstractEncoding
from nfield.encodings.first_order import first_order_only
from nfield.fields.base import Field
from nfield.kernels.interpolation import interpolate_grid, interpolate_points

LINEAR = 1
CORRECTED = "A field with a linear correction"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorrectionConfig:
    """A regular grid whose nodes lie on the fitted points."""

    resolution: tuple[int, ...]
    """Nodes per axis."""
    first: tuple[float, ...]
    """Coordinates of the first node."""
    last: tuple[float, ...]
    """Coordinates of the last node."""

    def __post_init__(self) -> None:
        if not len(self.resolution) == len(self.first) == len(self.last) or min(self.resolution, default=0) < 1:
            raise UserError(
                "A correction has a resolution of at least 1 node and the coordinates of two nodes per axis, "
                f"but got {self}."
            )


class CorrectedField(Field):
    """`offset + backbone(encoding(x)) + correction(x)`, the correction linear between the nodes of a regular grid.

    A network with a low band limit stays smooth between its samples but misses what is finer than that; `correct`
    gives the residual of every sample to the grid. A training step takes no notice of the correction and drops it, so
    that a network which is trained further learns the samples and not what an older network left of them.
    """

    def __init__(
        self,
        encoding: AbstractEncoding,
        backbone: AbstractBackbone,
        correction: CorrectionConfig,
        *,
        offset: Sequence[float] | float = 0.0,
    ) -> None:
        super().__init__(encoding, backbone, offset=offset)
        rows, *rest = correction.resolution
        self.nodes = correction.resolution
        self.register_buffer("correction", torch.zeros(rows, backbone.out_dim, *rest))
        self.correction: torch.Tensor
        self._axes = list(zip(correction.first, correction.last, correction.resolution, strict=True))
        self._in_use = False

    @property
    def derivative_order(self) -> float:
        """One at the most: the correction has kinks at its nodes."""
        return min(1, super().derivative_order)

    def correct(self, residual: Float[torch.Tensor, "*grid c"]) -> None:
        """Take over what is missing at the nodes, of shape (n_1, ..., n_d, c)."""
        self.correction.copy_(residual.movedim(-1, 1))
        self._in_use = bool(self.correction.any())

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._in_use = bool(self.correction.any())

    def _applies(self) -> bool:
        if self.training and self._in_use:
            self.correction.zero_()
            self._in_use = False
        return self._in_use

    def _positions(self, coordinates: torch.Tensor, axis: int) -> torch.Tensor:
        first, last, nodes = self._axes[axis]
        return (coordinates.to(self.correction.dtype) - first) * ((nodes - 1) / (last - first) if last != first else 1)

    def forward(self, points: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., c) at points of shape (..., d)."""
        if not self._applies():
            return super().forward(points)
        points = first_order_only(points, CORRECTED)
        values = super().forward(points)
        flat = points.reshape(-1, points.shape[-1])
        positions = torch.stack([self._positions(flat[:, i], i) for i in range(self.in_dim)], -1)
        return values + interpolate_points(self.correction, positions, self.nodes, LINEAR).reshape(values.shape)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "..."]:
        """Values of shape (n_1, ..., n_d, c) at the tensor product of coordinate vectors."""
        if not self._applies():
            return super().on_grid(axes)
        axes = [first_order_only(axis, CORRECTED) for axis in axes]
        values = super().on_grid(axes)
        positions = [self._positions(axis, i) for i, axis in enumerate(axes)]
        return values + interpolate_grid(self.correction, positions, self.nodes, LINEAR).movedim(1, -1)

    def count_parameters(self) -> int:
        """Number of trained numbers, those of the correction included."""
        return super().count_parameters() + self.correction.numel()
