"""SIREN: sinusoidal representation network (Sitzmann et al., arXiv 2006.09661)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import uniform_dense
from nfield.core.checks import at_least, positive
from nfield.encodings.coordinates import exact_where_coordinates


@dataclass(frozen=True, kw_only=True)
class SIRENConfig:
    """Layers `sin(ω₀(Wx + b))`, initialised so that the signal's distribution is the same in every layer."""

    width: int = 256
    """Neurons per hidden layer."""
    depth: int = 4
    """Number of sine layers, the first included."""
    first_omega: float = 30.0
    """ω₀ of the first layer: sets the frequencies that the network starts with."""
    hidden_omega: float = 30.0
    """ω₀ of the other layers."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        positive(self.first_omega, "first_omega")
        positive(self.hidden_omega, "hidden_omega")

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "SIREN":
        """The module with its weights drawn from the generator."""
        return SIREN(self, in_dim, out_dim, generator)


class SIREN(AbstractBackbone):
    """First weights U(±1/d), all others U(±√(6/n)/ω₀), n the fan-in."""

    def __init__(self, config: SIRENConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omegas = [config.first_omega] + [config.hidden_omega] * (config.depth - 1)
        bound = math.sqrt(6 / config.width) / config.hidden_omega
        first = uniform_dense(in_dim, config.width, 1 / in_dim, generator)
        rest = [uniform_dense(config.width, config.width, bound, generator) for _ in range(config.depth - 1)]
        self.hidden = torch.nn.ModuleList([first, *rest])
        self.output = uniform_dense(config.width, out_dim, bound, generator)

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""
        first, *others = self.hidden
        with exact_where_coordinates(features):
            h = (self.omegas[0] * first(features)).sin()
        for omega, layer in zip(self.omegas[1:], others, strict=True):
            h = (omega * layer(h)).sin()
        return self.output(h)
