"""Multiscale Fourier-feature network: several Gaussian encodings through one shared trunk (Wang et al., 2012.10047)."""

import itertools
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

from nfield.backbones.activations import Activations, check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN, dense
from nfield.core.checks import at_least
from nfield.encodings.plane_waves import PlaneWaves, check_scales, gaussian_frequencies


@dataclass(frozen=True, kw_only=True)
class FourierConfig:
    """Branches that differ only in the scale of their random frequencies, joined before the last linear layer."""

    scales: tuple[float, ...] = (1.0, 5.0, 20.0)
    """Standard deviations of each branch's frequencies, in cycles per unit of x."""
    frequencies: int = 128
    """Number m of wave vectors per branch; the trunk takes 2m features."""
    width: int = 128
    """Neurons per hidden layer of the trunk."""
    depth: int = 2
    """Number of hidden layers of the trunk."""
    activation: str = "sine"
    """Activation by name; on a photograph sine and tanh came out ahead of ReLU and GELU."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for the network, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""

    def __post_init__(self) -> None:
        check_scales(self.scales)
        for name in ("frequencies", "width", "depth"):
            at_least(getattr(self, name), 1, name)
        check_activation(self.activation, self.adaptive, self.adaptive_factor)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "FourierNetwork":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return FourierNetwork(self, in_dim, out_dim, generator)


class FourierNetwork(AbstractBackbone):
    """`W [trunk(γ_1(x)), ..., trunk(γ_S(x))] + b`, γ_i a Gaussian encoding of scale s_i."""

    def __init__(self, config: FourierConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        waves = gaussian_frequencies(config.scales, config.frequencies, in_dim, generator)
        self.branches = torch.nn.ModuleList(PlaneWaves(w.clone()) for w in waves)
        shapes = [(config.width,)] * config.depth
        self.activations = Activations(config.activation, config.adaptive, config.adaptive_factor, shapes)
        self.derivative_order = self.activations.derivative_order
        gain = self.activations.of_layer[0].gain
        sizes = [2 * config.frequencies] + [config.width] * config.depth
        self.trunk = torch.nn.ModuleList(dense(a, b, gain, generator) for a, b in itertools.pairwise(sizes))
        self.output = dense(config.width * len(config.scales), out_dim, OUTPUT_GAIN, generator)

    def forward(self, features: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        h = torch.stack([branch(features) for branch in self.branches], -2)
        for i, layer in enumerate(self.trunk):
            h = self.activations(layer(h), i)
        return self.output(h.flatten(-2))
