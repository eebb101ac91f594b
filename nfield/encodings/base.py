"""What every encoding is: a module from coordinates to features."""

import abc
import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float

from nfield.core.checks import UserError


class AbstractEncoding(torch.nn.Module, abc.ABC):
    """Coordinates x of shape (..., in_dim), usually in [-1, 1]^d, to features of shape (..., out_dim)."""

    in_dim: int
    """Dimension of the coordinates."""
    out_dim: int
    """Number of features."""
    derivative_order: float = math.inf
    """How many derivatives of the features with respect to x are right (almost everywhere)."""

    @property
    def band_limit(self) -> float | None:
        """Highest frequency of any feature, in cycles per unit of x, where there is an exact one; else None."""
        return None

    def octaves(self) -> Float[torch.Tensor, " features"]:
        """How fine each feature is, as log2 of its frequency or of its cells per unit of x; all 0 where none differ."""
        return torch.zeros(self.out_dim)

    @abc.abstractmethod
    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch features"]:
        """Features of shape (..., out_dim) at points of shape (..., in_dim)."""

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "*grid features"]:
        """Features of shape (n_1, ..., n_d, out_dim) at the tensor product of coordinate vectors of lengths n_i."""
        self.check_dimension(len(axes))
        return self(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))

    def check_dimension(self, dimension: int) -> None:
        """Raise a `UserError` where points do not have the dimension that the encoding was built for."""
        if dimension != self.in_dim:
            raise UserError(
                f"This encoding was built for points of dimension {self.in_dim}, but got dimension {dimension}. "
                "Hand in points of shape (..., d), or build the encoding for their dimension."
            )


@runtime_checkable
class EncodingConfig(Protocol):
    """Settings of an encoding: a frozen dataclass that builds the module."""

    def build(self, in_dim: int, generator: torch.Generator) -> AbstractEncoding:
        """The module for coordinates of dimension `in_dim`, its random numbers drawn from `generator`."""
        ...


def check_in_dim(in_dim: int, least: int = 1, most: float = math.inf) -> int:
    """Return the dimension of the coordinates if it lies within bounds; otherwise raise a `UserError`."""
    if not least <= in_dim <= most:
        wanted = f"at least {least}" if most == math.inf else f"{least} to {most}" if least < most else str(least)
        raise UserError(
            f"This encoding takes coordinates of dimension {wanted}, but was asked for {in_dim}. "
            "Choose another encoding for this dimension."
        )
    return in_dim
