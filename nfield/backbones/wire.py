"""WIRE: wavelet implicit neural representation (Saragadam et al., arXiv 2301.05187).

Notation: z, the values that go into an activation; h, those that come out; j, the imaginary unit.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN, dense, uniform_dense
from nfield.core.checks import at_least, positive
from nfield.encodings.coordinates import exact_where_coordinates

FAINTEST = -40.0
"""Waves of a size below e to this power count as 0: beside others they are rounded away also in float64, and products
of numbers so small become subnormal, which processors take ten times as long for."""


@dataclass(frozen=True, kw_only=True)
class WIREConfig:
    """Layers of complex Gabor wavelets, `exp(jω₀z − |s₀z|²)`: waves that are limited in space and in frequency."""

    width: int = 181
    """Complex neurons per hidden layer: 181 have as many trained numbers as 256 real ones."""
    depth: int = 3
    """Number of wavelet layers, the first included."""
    omega: float = 10.0
    """ω₀, the frequency of the wavelets."""
    spread: float = 10.0
    """s₀, the inverse of the wavelets' width. Their largest value is exp(ω₀²/4s₀²): not far below ω₀/2."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        positive(self.omega, "omega")
        positive(self.spread, "spread")

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "WIRE":
        """The module with its weights drawn from the generator."""
        return WIRE(self, in_dim, out_dim, generator)


class WIRE(AbstractBackbone):
    """`Re(W_D h_D + b_D)`, `h_i = exp(jω₀z_i − |s₀z_i|²)`, `z_i = W_i h_{i−1} + b_i`, where W_1 and b_1 alone are real.

    Complex numbers are kept as pairs of real ones, h as (Re h, Im h) side by side: optimisers, averages, files and low
    precision then need to know nothing of them.
    """

    def __init__(self, config: WIREConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.omega, self.spread = config.omega, config.spread
        self.first = uniform_dense(in_dim, config.width, in_dim**-0.5, generator)
        sizes = [config.width] * config.depth
        self.hidden = torch.nn.ModuleList(ComplexLinear(a, b, generator) for a, b in itertools.pairwise(sizes))
        # Re(Wh + b) = Re W Re h − Im W Im h + Re b is a real layer on (Re h, Im h).
        self.output = dense(2 * config.width, out_dim, OUTPUT_GAIN, generator)

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""
        with exact_where_coordinates(features):
            real = self.first(features)
            h = self._wave(real, (self.spread * real).square().neg())
        for layer in self.hidden:
            real, imaginary = layer(h).chunk(2, -1)
            squares = real.square() + imaginary.square()
            h = self._wave(real, -self.omega * imaginary - self.spread**2 * squares)
        return self.output(h)

    def _wave(self, real: torch.Tensor, exponent: torch.Tensor) -> torch.Tensor:
        """`exp(exponent + jω₀ real)` as its real and imaginary parts."""
        size, phase = torch.nn.functional.threshold(exponent, FAINTEST, -math.inf).exp(), self.omega * real
        return torch.cat([size * phase.cos(), size * phase.sin()], -1)


class ComplexLinear(torch.nn.Module):
    """`Wh + b` for complex h, W and b, whose real and imaginary parts are U(±1/√fan_in) each."""

    def __init__(self, fan_in: int, fan_out: int, generator: torch.Generator) -> None:
        super().__init__()

        def uniform(*shape: int) -> torch.nn.Parameter:
            values = torch.rand(*shape, generator=generator, device=generator.device)
            return torch.nn.Parameter((2 * values - 1) * fan_in**-0.5)

        self.weight = uniform(2, fan_out, fan_in)
        """Real and imaginary part of W."""
        self.bias = uniform(2, fan_out)
        """Real and imaginary part of b."""

    def forward(self, h: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch m"]:
        """(Re, Im) of shape (..., 2 fan_out) from (Re, Im) of shape (..., 2 fan_in), by one real product."""
        real, imaginary = self.weight
        rows = [torch.cat([real, -imaginary], 1), torch.cat([imaginary, real], 1)]
        return torch.nn.functional.linear(h, torch.cat(rows), self.bias.flatten())
