"""Identity encoding: the raw coordinates."""

from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.encodings.base import AbstractEncoding, check_in_dim


@dataclass(frozen=True, kw_only=True)
class IdentityConfig:
    """No encoding: the backbone sees the coordinates themselves."""

    def build(self, in_dim: int, generator: torch.Generator) -> "Identity":
        """The module; draws nothing from the generator."""
        return Identity(in_dim)


class Identity(AbstractEncoding):
    """The features are the coordinates."""

    def __init__(self, in_dim: int) -> None:
        super().__init__()
        self.in_dim = self.out_dim = check_in_dim(in_dim)

    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch d"]:
        """The points themselves."""
        self.check_dimension(x.shape[-1])
        return x
