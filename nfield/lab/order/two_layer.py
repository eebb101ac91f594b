"""Two-layer networks whose limit at infinite width is known: h(x) = m^−e Σ a_i σ(w_i·x + b_i).

Notation: m, the width; e = ½, the scaling in which the network becomes linear in its weights as it widens (Jacot et
al., arXiv 1806.07572); e = 1, mean field, in which h is the average over a density of neurons, and training moves that
density (E, Ma, Wu: machine learning from a continuous viewpoint, arXiv 1912.12777). Gradients of single neurons are of
order m^−e: the rate that means the same at every width is η = m^{2e−1}·(rate), so m·rate in the mean field.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.backbones.activations import ACTIVATIONS, check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.core.checks import at_least, positive


@dataclass(frozen=True, kw_only=True)
class TwoLayerConfig:
    """One hidden layer, w ~ N(0, inner²), a ~ N(0, outer²), no bias at the output."""

    width: int
    """Number of neurons m."""
    activation: str = "relu"
    """Activation by name."""
    exponent: float = 0.5
    """e: ½ for the linear regime, 1 for the mean field."""
    inner: float = 1.0
    """Standard deviation of the weights w."""
    outer: float = 1.0
    """Standard deviation of the weights a."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "width")
        check_activation(self.activation, None, 1.0)
        positive(self.inner, "inner")
        positive(self.outer, "outer")

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "TwoLayer":
        """The module with its weights drawn from the generator."""
        return TwoLayer(self, in_dim, out_dim, generator)


class TwoLayer(AbstractBackbone):
    """`m^−e Σ a_i σ(w_i·x + b_i)`; each b_i puts the kink through a random point of the domain [-1, 1]^d."""

    def __init__(self, config: TwoLayerConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        activation = ACTIVATIONS[config.activation]
        self.derivative_order = activation.derivative_order
        self._function = activation.function
        self._scale = config.width**-config.exponent

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=generator, device=generator.device)

        inner = config.inner * normal(config.width, in_dim)
        places = torch.rand(inner.shape, generator=generator, device=generator.device) * 2 - 1
        self.inner = torch.nn.Parameter(inner)
        self.bias = torch.nn.Parameter(activation.centre - (inner * places).sum(1))
        self.outer = torch.nn.Parameter(config.outer * normal(out_dim, config.width))

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""
        hidden = self._function(torch.nn.functional.linear(features, self.inner, self.bias))
        return self._scale * torch.nn.functional.linear(hidden, self.outer)
