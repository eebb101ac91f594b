"""MscaleDNN-2: a sum of separate networks, each of which sees the input at its own scale (Liu et al., 2007.11207)."""

import itertools
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

from nfield.backbones.activations import Activations, check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN, spread_bias
from nfield.core.checks import at_least
from nfield.encodings.coordinates import exact_where_coordinates
from nfield.encodings.plane_waves import check_scales


@dataclass(frozen=True, kw_only=True)
class Mscale2Config:
    """`f(x) = Σ_i f_i(a_i x)` with one network f_i for each scale a_i, all of the same size."""

    scales: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    """Factors a_i on the input, one for each network."""
    width: int = 64
    """Neurons per hidden layer of each network."""
    depth: int = 3
    """Number of hidden layers of each network."""
    activation: str = "phi"
    """Activation by name; the method is made for those of compact support: srelu, phi, s2relu."""
    first_activation: str | None = None
    """Activation of the first hidden layer, by name; none takes the same as in the others. Sines there turn each scale
    into a short Fourier series, which the other layers combine (Li, Xu, Zhang, 2112.06660)."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for all networks, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""
    trainable_scales: bool = False
    """Train the scales along with the weights."""

    def __post_init__(self) -> None:
        check_scales(self.scales)
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        check_activation(self.activation, self.adaptive, self.adaptive_factor, self.first_activation)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "Mscale2":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return Mscale2(self, in_dim, out_dim, generator)


class Mscale2(AbstractBackbone):
    """The networks' layers lie in one tensor (networks, fan-in, fan-out), so that a layer of all is one product."""

    def __init__(self, config: Mscale2Config, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        count = len(config.scales)
        shapes = [(count, 1, config.width)] * config.depth
        self.activations = Activations(
            config.activation, config.adaptive, config.adaptive_factor, shapes, config.first_activation
        )
        self.derivative_order = self.activations.derivative_order
        first, *others = self.activations.of_layer
        scales = torch.tensor([float(a) for a in config.scales])
        if config.trainable_scales:
            self.scales = torch.nn.Parameter(scales)
        else:
            self.register_buffer("scales", scales)
        sizes = [in_dim] + [config.width] * config.depth + [out_dim]
        # The outputs add up: each network starts with its share of the variance.
        gains = [first.gain, *(activation.gain for activation in others), OUTPUT_GAIN * count**-0.5]
        self.weights = torch.nn.ParameterList()
        self.biases = torch.nn.ParameterList()
        device = generator.device
        for (fan_in, fan_out), gain in zip(itertools.pairwise(sizes), gains, strict=True):
            weight = torch.randn(count, fan_in, fan_out, generator=generator, device=device)
            bias = torch.rand(count, 1, fan_out, generator=generator, device=device) * 2 - 1
            self.weights.append(torch.nn.Parameter(weight * (gain / fan_in**0.5)))
            self.biases.append(torch.nn.Parameter(bias / fan_in**0.5))
        with torch.no_grad():
            scaled = self.scales[:, None, None] * self.weights[0]
            self.biases[0].copy_(spread_bias(scaled, first.centre, generator))

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        flat = features.reshape(-1, self.in_dim)
        h = self.scales[:, None, None] * flat
        with exact_where_coordinates(flat):
            h = self.activations(torch.baddbmm(self.biases[0], h, self.weights[0]), 0)
        last = len(self.weights) - 1
        for i in range(1, last + 1):
            h = torch.baddbmm(self.biases[i], h, self.weights[i])
            h = h if i == last else self.activations(h, i)
        return h.sum(0).reshape(*features.shape[:-1], self.out_dim)
