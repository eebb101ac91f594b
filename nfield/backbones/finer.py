"""FINER: sines whose frequency grows with their argument (Liu et al., arXiv 2312.02434)."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import uniform_dense
from nfield.core.checks import at_least, positive
from nfield.encodings.coordinates import exact_where_coordinates


@dataclass(frozen=True, kw_only=True)
class FINERConfig:
    """Layers `sin(ω₀(|z| + 1)z)`, `z = Wx + b`: where |z| is large, the local frequency `ω₀(2|z| + 1)` is high."""

    width: int = 256
    """Neurons per hidden layer."""
    depth: int = 4
    """Number of sine layers, the first included."""
    first_omega: float = 30.0
    """ω₀ of the first layer: with biases of 0, the frequencies that the network starts with."""
    hidden_omega: float = 30.0
    """ω₀ of the other layers."""
    first_bias: float = 1.0
    """k: the first layer's biases start in U(±k); the local frequencies of its sines then reach up to ω₀(2k + 1)/d."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        positive(self.first_omega, "first_omega")
        positive(self.hidden_omega, "hidden_omega")
        positive(self.first_bias, "first_bias")

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "FINER":
        """The module with its weights drawn from the generator."""
        return FINER(self, in_dim, out_dim, generator)


class FINER(AbstractBackbone):
    """SIREN's weights, U(±1/d) and U(±√(6/n)/ω₀), with wider biases in the first layer.

    `|z|z` has the derivative 2|z| and then 2 sign z, with a jump at 0: two derivatives are right. All are those of the
    function, the factor |z| + 1 is not held constant in them.
    """

    derivative_order = 2

    def __init__(self, config: FINERConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omegas = [config.first_omega] + [config.hidden_omega] * (config.depth - 1)
        bound = math.sqrt(6 / config.width) / config.hidden_omega
        first = uniform_dense(in_dim, config.width, 1 / in_dim, generator)
        torch.nn.init.uniform_(first.bias, -config.first_bias, config.first_bias, generator=generator)
        rest = [uniform_dense(config.width, config.width, bound, generator) for _ in range(config.depth - 1)]
        self.hidden = torch.nn.ModuleList([first, *rest])
        self.output = uniform_dense(config.width, out_dim, bound, generator)

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""
        first, *others = self.hidden
        with exact_where_coordinates(features):
            h = rising_sine(first(features), self.omegas[0])
        for omega, layer in zip(self.omegas[1:], others, strict=True):
            h = rising_sine(layer(h), omega)
        return self.output(h)


def rising_sine(z: Float[torch.Tensor, "*shape"], omega: float) -> Float[torch.Tensor, "*shape"]:
    """`sin(ω(|z| + 1)z)`."""
    return (omega * (z * z.abs() + z)).sin()
