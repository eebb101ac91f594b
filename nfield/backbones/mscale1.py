"""MscaleDNN-1: an MLP whose first neurons see the input at several scales (Liu, Cai, Xu, arXiv 2007.11207)."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

from nfield.backbones.activations import Activations, check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN, dense, spread_bias
from nfield.core.checks import at_least
from nfield.encodings.coordinates import exact_where_coordinates
from nfield.encodings.plane_waves import check_scales


@dataclass(frozen=True, kw_only=True)
class Mscale1Config:
    """First layer `σ(K ⊙ (Wx) + b)`, its neurons in one group per scale; the rest is fully connected."""

    scales: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    """Factors on the input, one for each group of first neurons."""
    width: int = 256
    """Neurons per hidden layer."""
    depth: int = 4
    """Number of hidden layers."""
    activation: str = "phi"
    """Activation by name; the method is made for those of compact support: srelu, phi, s2relu."""
    first_activation: str | None = None
    """Activation of the first hidden layer, by name; none takes the same as in the others. Sines there turn each scale
    into a short Fourier series, which the other layers combine (Li, Xu, Zhang, 2112.06660)."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for the network, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""
    trainable_scales: bool = False
    """Train the scales along with the weights."""

    def __post_init__(self) -> None:
        check_scales(self.scales)
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        check_activation(self.activation, self.adaptive, self.adaptive_factor, self.first_activation)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "Mscale1":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return Mscale1(self, in_dim, out_dim, generator)


class Mscale1(AbstractBackbone):
    """An MLP with `K = (a_1, ..., a_1, a_2, ..., a_N)` on the first neurons; with one scale of 1, the MLP itself."""

    def __init__(self, config: Mscale1Config, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        shapes = [(config.width,)] * config.depth
        self.activations = Activations(
            config.activation, config.adaptive, config.adaptive_factor, shapes, config.first_activation
        )
        self.derivative_order = self.activations.derivative_order
        first, *others = self.activations.of_layer
        scales = torch.tensor([float(a) for a in config.scales])
        self.scales: torch.Tensor
        if config.trainable_scales:
            self.scales = torch.nn.Parameter(scales)
        else:
            self.register_buffer("scales", scales)
        group = torch.arange(config.width) * len(config.scales) // config.width
        self.register_buffer("group", group)
        self.group: torch.Tensor
        self.first = dense(in_dim, config.width, first.gain, generator)
        self.hidden = torch.nn.ModuleList(
            dense(config.width, config.width, activation.gain, generator) for activation in others
        )
        self.output = dense(config.width, out_dim, OUTPUT_GAIN, generator)
        with torch.no_grad():
            scaled = self.scales[group, None] * self.first.weight
            self.first.bias.copy_(spread_bias(scaled.T, first.centre, generator)[0])

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        with exact_where_coordinates(features):
            scaled = self.scales[self.group] * torch.nn.functional.linear(features, self.first.weight)
            h = self.activations(scaled + self.first.bias, 0)
        for i, layer in enumerate(self.hidden, 1):
            h = self.activations(layer(h), i)
        return self.output(h)
