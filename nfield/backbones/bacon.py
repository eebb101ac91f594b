"""BACON: band-limited coordinate network (Lindell et al., arXiv 2112.04645), a multiplicative filter network (Fathony
et al., ICLR 2021) with fixed frequencies on a lattice.

Notation: n filters g_0 ... g_{n−1} of bandwidths B_i; T, the period.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN
from nfield.core.checks import UserError, at_least, positive
from nfield.encodings.coordinates import exact_where_coordinates


@dataclass(frozen=True, kw_only=True)
class BACONConfig:
    """Products of sines of fixed frequencies: a Fourier series, in stages of rising band limits."""

    width: int = 256
    """Neurons per layer."""
    depth: int = 4
    """Number n of sine filters, and of stages."""
    band_limit: float = 16.0
    """Highest frequency along each axis that the field can hold, in cycles per unit of x; in whole waves per period,
    rounded down."""
    period: float = 4.0
    """The field repeats after this length along each axis. With 2, the length of the domain, opposite edges meet."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        positive(self.band_limit, "band_limit")
        positive(self.period, "period")
        if self.band_limit * self.period < 1:
            raise UserError(
                f"band_limit {self.band_limit} is below one wave per period of {self.period}: "
                f"set it to {1 / self.period:g} or more, or lengthen the period."
            )

    @property
    def waves(self) -> tuple[int, ...]:
        """Band limit of each stage in waves per period: equal steps, measured better than doubling on a photograph."""
        most = math.floor(self.band_limit * self.period)
        return tuple(most * (i + 1) // self.depth for i in range(self.depth))

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "BACON":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return BACON(self, in_dim, out_dim, generator)


class BACON(AbstractBackbone):
    """`z_0 = g_0(x)`, `z_i = (W_i z_{i−1} + b_i) g_i(x)` with sines `g_i(x) = sin(2πk_i·x/T + φ_i)`.

    The components of k_i are whole numbers up to B_i. A product of sines is a sum of those of the sums and differences
    of their frequencies: stage i, which gives `c + Σ_{m≤i} V_m z_m`, holds no frequency above (B_0 + ... + B_i)/T along
    any axis, whatever the weights. In the paper each stage has an output and a loss of its own; here the stages add up,
    so that a loss on the last of them trains all.
    """

    def __init__(self, config: BACONConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim, self.period = in_dim, out_dim, config.period
        self.band_limits = tuple(count / config.period for count in config.waves)
        """Highest frequency of each stage along an axis, in cycles per unit."""

        def uniform(*shape: int, bound: float) -> torch.nn.Parameter:
            values = torch.rand(*shape, generator=generator, device=generator.device)
            return torch.nn.Parameter((2 * values - 1) * bound)

        depth, width = config.depth, config.width
        self.phases = uniform(depth, width, bound=math.pi)
        # (1/2) fan_in Var(W) = 1 (the paper's appendix): (Wz + b) has variance 1, and times a sine again 1/2.
        self.weights = uniform(depth - 1, width, width, bound=math.sqrt(6 / width))
        self.biases = uniform(depth - 1, width, bound=width**-0.5)
        self.outputs = uniform(depth, out_dim, width, bound=OUTPUT_GAIN * math.sqrt(6 / (width * depth)))
        self.constant = uniform(out_dim, bound=width**-0.5 * OUTPUT_GAIN)
        bandwidths = [high - low for low, high in itertools.pairwise((0, *config.waves))]
        waves = [
            torch.randint(-b, b + 1, (width, in_dim), generator=generator, device=generator.device) for b in bandwidths
        ]
        # As whole numbers they are exact in every precision.
        self.register_buffer("waves", torch.stack(waves).float())
        self.waves: torch.Tensor

    def stages(self, features: Float[torch.Tensor, "*batch d"]) -> list[Float[torch.Tensor, "*batch c"]]:
        """Values of every stage, coarse to fine, each (..., out_dim); `band_limits` holds their highest frequencies."""
        with exact_where_coordinates(features):
            angles = torch.nn.functional.linear(features, 2 * math.pi / self.period * self.waves.flatten(0, 1))
            sines = (angles + self.phases.flatten()).sin().unflatten(-1, self.phases.shape).unbind(-2)
        z = sines[0]
        values = [torch.nn.functional.linear(z, self.outputs[0], self.constant)]
        for i, sine in enumerate(sines[1:]):
            z = torch.nn.functional.linear(z, self.weights[i], self.biases[i]) * sine
            values.append(values[-1] + torch.nn.functional.linear(z, self.outputs[i + 1]))
        return values

    def forward(self, features: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of the finest stage, of shape (..., out_dim), at coordinates of shape (..., in_dim)."""
        return self.stages(features)[-1]
