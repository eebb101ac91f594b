"""Activations, plain and adaptive.

Notation: σ, the activation; x₊ = max(0, x). `derivative_order` k means that derivatives up to the k-th, taken piece by
piece, are the true ones: the (k-1)-th is continuous, so no jump is lost. weights start with the standard
deviation gain/√fan_in.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float

from nfield.backbones.compact import phi, s2relu, srelu
from nfield.core.checks import at_least, choice

AdaptiveScope = Literal["global", "layer", "neuron"]


@dataclass(frozen=True, kw_only=True)
class Activation:
    """An activation with what has to be known to build networks from it."""

    function: Callable[[torch.Tensor], torch.Tensor]
    """Elementwise function, differentiable by autograd."""
    derivative_order: float
    """Highest derivative that is right almost everywhere without missing jumps."""
    gain: float
    """The smaller of 1/√E[σ(z)²] and 1/√E[σ'(z)²] for z ~ N(0, 1): neither the signal nor its gradient grows from layer
    to layer. For ReLU both are √2 (He et al., 1502.01852)."""
    centre: float = 0.0
    """Middle of what is active: the kink, or the middle of a compact support."""


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(function=torch.relu, derivative_order=1, gain=math.sqrt(2)),
    "tanh": Activation(function=torch.tanh, derivative_order=math.inf, gain=1.4674),
    "sine": Activation(function=torch.sin, derivative_order=math.inf, gain=1.3273),
    "gelu": Activation(function=torch.nn.functional.gelu, derivative_order=math.inf, gain=1.4811),
    "softplus": Activation(function=torch.nn.functional.softplus, derivative_order=math.inf, gain=1.0419),
    "srelu": Activation(function=srelu, derivative_order=1, gain=3.0021, centre=0.5),
    "phi": Activation(function=phi, derivative_order=2, gain=1.2592, centre=1.5),
    "s2relu": Activation(function=s2relu, derivative_order=2, gain=1.8819, centre=0.5),
}
"""Every activation by name."""


class Activations(torch.nn.Module):
    """The activation of all hidden layers of a network: σ(x), or adaptive σ(n a x) with a trained (1906.01170).

    `a` starts at 1/n, so that an adaptive network starts as the plain one; larger n lets the slope n a learn faster.
    There is one a for the network (global), for each layer, or for each neuron.
    """

    def __init__(
        self,
        name: str,
        scope: AdaptiveScope | None,
        factor: float,
        layers: Sequence[tuple[int, ...]],
        first: str | None = None,
    ) -> None:
        """`layers` holds, for each hidden layer, the shape that broadcasts over its neurons, such as (width,).

        The first of them has the activation `first`, if that is named.
        """
        super().__init__()
        self.of_layer = [ACTIVATIONS[first or name]] + [ACTIVATIONS[name]] * (len(layers) - 1)
        self.derivative_order = min(activation.derivative_order for activation in self.of_layer)
        self.scope, self.factor = scope, factor
        shapes: dict[AdaptiveScope | None, list[tuple[int, ...]]] = {
            None: [],
            "global": [()],
            "layer": [()] * len(layers),
            "neuron": list(layers),
        }
        self.slopes = torch.nn.ParameterList([torch.full(shape, 1 / factor) for shape in shapes[scope]])

    def forward(self, x: Float[torch.Tensor, "*shape"], layer: int) -> Float[torch.Tensor, "*shape"]:
        """σ of a hidden layer's values."""
        if self.scope is not None:
            x = self.factor * self.slopes[0 if self.scope == "global" else layer] * x
        return self.of_layer[layer].function(x)


def check_activation(name: str, scope: str | None, factor: float, first: str | None = None) -> None:
    """Raise a `UserError` for an unknown activation (of all or of the first layer) or scope, or a factor below 1."""
    choice(name, ACTIVATIONS, "activation")
    if first is not None:
        choice(first, ACTIVATIONS, "first_activation")
    if scope is not None:
        choice(scope, ["global", "layer", "neuron"], "scope of adaptive activations")
    at_least(factor, 1, "adaptive_factor")
