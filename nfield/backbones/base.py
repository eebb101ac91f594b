"""What every backbone is: a module from features to values."""

import abc
import math
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float

from nfield.core.checks import UserError


class AbstractBackbone(torch.nn.Module, abc.ABC):
    """Features of shape (..., in_dim) to values of shape (..., out_dim)."""

    in_dim: int
    """Number of features taken in."""
    out_dim: int
    """Number of values given out."""
    derivative_order: float = math.inf
    """How many derivatives with respect to the features are right (almost everywhere)."""

    @abc.abstractmethod
    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""


@runtime_checkable
class BackboneConfig(Protocol):
    """Settings of a backbone: a frozen dataclass that builds the module."""

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> AbstractBackbone:
        """The module with its weights drawn from `generator`."""
        ...


def check_dims(in_dim: int, out_dim: int) -> None:
    """Raise a `UserError` unless there is at least one feature and one value."""
    if in_dim < 1 or out_dim < 1:
        raise UserError(f"A backbone needs at least 1 input and 1 output, but was asked for {in_dim} and {out_dim}.")
