"""Slow amplitudes times fast waves: PhaseDNN's coupled form with one shared trunk (Cai, Li, Liu, arXiv 1909.11759)."""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

from nfield.backbones.activations import Activations, check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN, dense
from nfield.core.checks import UserError, at_least, positive
from nfield.core.coordinates import exact_where_coordinates

MOST_WAVES = 4096


@dataclass(frozen=True, kw_only=True)
class CarriersConfig:
    """`u(x) = Σ_p A_p(x) w_p(x)`, w_p all products over the axes of 1, cos 2πbx_a and sin 2πbx_a, A one network."""

    frequencies: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Frequencies b of the waves, in cycles per unit of x, as where a spectrum has its peaks."""
    axes: tuple[int, ...] = ()
    """The axis of each frequency, from 0; none given, every frequency stands along every axis."""
    width: int = 64
    """Neurons per hidden layer of the amplitudes' network."""
    depth: int = 2
    """Number of hidden layers of the amplitudes' network."""
    activation: str = "tanh"
    """Activation by name."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for the network, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""

    def __post_init__(self) -> None:
        for frequency in self.frequencies:
            positive(frequency, "A frequency of carriers")
        if self.axes and (len(self.axes) != len(self.frequencies) or min(self.axes) < 0):
            raise UserError(
                f"axes must name one axis from 0 for each of the {len(self.frequencies)} frequencies, "
                f"but is {self.axes}."
            )
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        check_activation(self.activation, self.adaptive, self.adaptive_factor)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "Carriers":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return Carriers(self, in_dim, out_dim, generator)


class Carriers(AbstractBackbone):
    """Linear in its last layer, which gives all amplitudes; these are slow, so that the network has little to learn."""

    def __init__(self, config: CarriersConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        axes = config.axes or None
        if axes and max(axes) >= in_dim:
            raise UserError(f"axes names axis {max(axes)}, but points have {in_dim} coordinates, from 0.")
        per_axis = [
            [b for i, b in enumerate(config.frequencies) if axes is None or axes[i] == axis] for axis in range(in_dim)
        ]
        self.waves = math.prod(1 + 2 * len(found) for found in per_axis)
        if self.waves > MOST_WAVES:
            raise UserError(
                f"Carriers of {' x '.join(str(len(found)) for found in per_axis)} frequencies make {self.waves:,} "
                f"products, more than {MOST_WAVES:,}. Give fewer frequencies, or use the encoding tones."
            )
        for axis, found in enumerate(per_axis):
            self.register_buffer(f"frequencies_{axis}", torch.tensor(found, dtype=torch.float64).float())
        shapes = [(config.width,)] * config.depth
        self.activations = Activations(config.activation, config.adaptive, config.adaptive_factor, shapes)
        self.derivative_order = self.activations.derivative_order
        gain = self.activations.of_layer[0].gain
        sizes = [in_dim] + [config.width] * config.depth
        self.hidden = torch.nn.ModuleList(dense(a, b, gain, generator) for a, b in itertools.pairwise(sizes))
        # The products add up: each amplitude starts with its share of the variance.
        self.output = dense(config.width, out_dim * self.waves, OUTPUT_GAIN * self.waves**-0.5, generator)

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        flat = features.reshape(-1, self.in_dim)
        with exact_where_coordinates(flat):
            h = self.activations(self.hidden[0](flat), 0)
        for i, layer in enumerate(list(self.hidden)[1:], 1):
            h = self.activations(layer(h), i)
        amplitudes = self.output(h).reshape(len(flat), self.out_dim, self.waves)
        values = (amplitudes * self._products(flat)[:, None].to(amplitudes.dtype)).sum(-1)
        return values.reshape(*features.shape[:-1], self.out_dim)

    def _products(self, x: torch.Tensor) -> Float[torch.Tensor, "n waves"]:
        """All products of one factor per axis."""
        products = torch.ones_like(x[:, :1])
        for axis in range(self.in_dim):
            turns = x[:, axis : axis + 1] * getattr(self, f"frequencies_{axis}").to(x.dtype)
            # Whole turns change nothing, and without them sine and cosine keep their precision at high frequencies.
            angle = 2 * math.pi * (turns - turns.detach().round())
            factors = torch.cat([torch.ones_like(x[:, :1]), angle.cos(), angle.sin()], 1)
            products = (products[:, :, None] * factors[:, None]).flatten(1)
        return products
