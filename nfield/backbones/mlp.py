"""Plain multilayer perceptron: the baseline that everything is set beside."""

import itertools
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

from nfield.backbones.activations import Activations, check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.dense import OUTPUT_GAIN, dense
from nfield.core.checks import at_least
from nfield.encodings.coordinates import exact_where_coordinates


@dataclass(frozen=True, kw_only=True)
class MLPConfig:
    """Fully connected layers, each followed by the activation, and a linear output."""

    width: int = 256
    """Neurons per hidden layer."""
    depth: int = 4
    """Number of hidden layers."""
    activation: str = "relu"
    """Activation by name."""
    adaptive: Literal["global", "layer", "neuron"] | None = None
    """Train the activation's slope: one for the network, per layer or per neuron; none keeps it plain."""
    adaptive_factor: float = 5.0
    """Fixed factor n of an adaptive activation σ(n a x); larger lets the slope learn faster."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        check_activation(self.activation, self.adaptive, self.adaptive_factor)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "MLP":
        """The module with its weights drawn from the generator."""
        return MLP(self, in_dim, out_dim, generator)


class MLP(AbstractBackbone):
    """`W_D σ(... σ(W_0 x + b_0) ...) + b_D`."""

    def __init__(self, config: MLPConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        shapes = [(config.width,)] * config.depth
        self.activations = Activations(config.activation, config.adaptive, config.adaptive_factor, shapes)
        self.derivative_order = self.activations.derivative_order
        gain = self.activations.of_layer[0].gain
        sizes = [in_dim] + [config.width] * config.depth
        self.hidden = torch.nn.ModuleList(dense(a, b, gain, generator) for a, b in itertools.pairwise(sizes))
        self.output = dense(config.width, out_dim, OUTPUT_GAIN, generator)

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""
        first, *others = self.hidden
        with exact_where_coordinates(features):
            h = self.activations(first(features), 0)
        for i, layer in enumerate(others, 1):
            h = self.activations(layer(h), i)
        return self.output(h)
