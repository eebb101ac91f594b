"""Spatio-temporal multiscale Fourier features (Wang, Wang, Perdikaris, arXiv 2012.10047, section 3.3)."""

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
class SpacetimeConfig:
    """Encodings of space and of time pass one trunk and are multiplied, each scale of one with each of the other."""

    space_scales: tuple[float, ...] = (1.0, 10.0)
    """Standard deviations of the frequencies in space, in cycles per unit of x."""
    time_scales: tuple[float, ...] = (1.0,)
    """Standard deviations of the frequencies in time, the last coordinate, in cycles per unit."""
    frequencies: int = 64
    """Number m of wave vectors per scale; the trunk takes 2m features."""
    width: int = 100
    """Neurons per hidden layer of the trunk."""
    depth: int = 3
    """Number of hidden layers of the trunk."""
    activation: str = "tanh"
    """Activation by name."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for the network, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""

    def __post_init__(self) -> None:
        check_scales(self.space_scales, "space_scales")
        check_scales(self.time_scales, "time_scales")
        for name in ("frequencies", "width", "depth"):
            at_least(getattr(self, name), 1, name)
        check_activation(self.activation, self.adaptive, self.adaptive_factor)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "SpacetimeNetwork":
        """The module for coordinates of dimension `in_dim`, the last of them time."""
        return SpacetimeNetwork(self, in_dim, out_dim, generator)


class SpacetimeNetwork(AbstractBackbone):
    """`W [trunk(γ_i(x)) ⊙ trunk(η_j(t)) for all pairs i, j] + b`; of one coordinate only, `W [trunk(γ_i(x))] + b`."""

    def __init__(self, config: SpacetimeConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        self.space = max(1, in_dim - 1)
        waves = gaussian_frequencies(config.space_scales, config.frequencies, self.space, generator)
        self.in_space = torch.nn.ModuleList(PlaneWaves(w.clone()) for w in waves)
        self.in_time = torch.nn.ModuleList()
        if in_dim > 1:
            waves = gaussian_frequencies(config.time_scales, config.frequencies, 1, generator)
            self.in_time.extend(PlaneWaves(w.clone()) for w in waves)
        shapes = [(config.width,)] * config.depth
        self.activations = Activations(config.activation, config.adaptive, config.adaptive_factor, shapes)
        self.derivative_order = self.activations.derivative_order
        gain = self.activations.of_layer[0].gain
        sizes = [2 * config.frequencies] + [config.width] * config.depth
        self.trunk = torch.nn.ModuleList(dense(a, b, gain, generator) for a, b in itertools.pairwise(sizes))
        joined = config.width * len(self.in_space) * max(1, len(self.in_time))
        self.output = dense(joined, out_dim, OUTPUT_GAIN, generator)

    def forward(self, features: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        h = torch.stack([branch(features[..., : self.space]) for branch in self.in_space], -2)
        if len(self.in_time):
            time = torch.stack([branch(features[..., self.space :]) for branch in self.in_time], -2)
            h = torch.cat([h, time], -2)
        for i, layer in enumerate(self.trunk):
            h = self.activations(layer(h), i)
        if len(self.in_time):
            split = len(self.in_space)
            h = (h[..., :split, None, :] * h[..., None, split:, :]).flatten(-3, -2)
        return self.output(h.flatten(-2))
