"""A field in stages, each of which has learned the residual of those before it.

`u(x) = Σ_n ε_n u_n(x)` (Wang & Lai, Multi-stage neural networks, arXiv 2307.08934): ε_n is the root mean square of the
residual of stages 1 … n−1, so that every network learns values of order one, however small its part of the sum is.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.backbones.activations import ACTIVATIONS
from nfield.backbones.mscale1 import Mscale1Config
from nfield.backbones.multistage import stage_network, sum_of_stages
from nfield.core.checks import at_least, positive
from nfield.encodings.identity import Identity
from nfield.fields.base import Field, count_parameters


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageConfig:
    """The network of one stage: `sin(κ(Wx + b))`, further sine layers, and a linear output.

    With `scales`, an MscaleDNN: `sin(K ⊙ (Wx) + b)`, a group of neurons for each scale, W from N(0, 1/d).
    """

    kappa: float
    """κ: the first layer starts with angular frequencies up to it along every axis."""
    width: int
    """Neurons per hidden layer."""
    depth: int = 1
    """Hidden layers."""
    groups: int = 0
    """Groups of first neurons, each of its own scale; 0 gives all of them the reach κ."""
    scales: tuple[float, ...] = ()
    """Angular frequencies of the groups: from the residual, once that is known."""

    def __post_init__(self) -> None:
        positive(self.kappa, "kappa")
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        at_least(self.groups, 0, "groups")

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> Field:
        """The network in float64, its weights drawn from the generator."""
        if self.scales:
            scales = tuple(scale / ACTIVATIONS["sine"].gain for scale in self.scales)
            config = Mscale1Config(scales=scales, width=self.width, depth=self.depth, activation="sine")
            return Field(Identity(in_dim), config.build(in_dim, out_dim, generator)).double()
        # Methods of second order want later sines as wide as a signal of order one.
        network = stage_network(in_dim, width=self.width, depth=self.depth, kappa=self.kappa, hidden_omega=1.0)
        return Field(Identity(in_dim), network.build(in_dim, out_dim, generator)).double()

    def parameters(self, in_dim: int, out_dim: int) -> int:
        """Number of trained numbers."""
        sizes = [in_dim, *[self.width] * self.depth, out_dim]
        return sum((a + 1) * b for a, b in itertools.pairwise(sizes))


class StagedField(torch.nn.Module):
    """`Σ ε_n u_n` over the stages so far, in float64; zero before the first."""

    def __init__(self, in_dim: int, out_dim: int, configs: Sequence[StageConfig] = ()) -> None:
        """With `configs`, stages of weights and scales that `load_state_dict` is to replace."""
        super().__init__()
        self.in_dim, self.out_dim = in_dim, out_dim
        self.configs: list[StageConfig] = []
        self.stages = torch.nn.ModuleList()
        self.register_buffer("scales", torch.zeros(0, dtype=torch.float64))
        self.scales: torch.Tensor
        for config in configs:
            self.append(config, config.build(in_dim, out_dim, torch.Generator().manual_seed(0)), 1.0)

    def append(self, config: StageConfig, field: Field, scale: float) -> None:
        """Add a stage, whose values count `scale` times."""
        self.configs.append(config)
        self.stages.append(field)
        self.scales = torch.cat([self.scales, self.scales.new_tensor([scale])])

    def drop(self) -> None:
        """Take the last stage away."""
        self.configs.pop()
        del self.stages[-1]
        self.scales = self.scales[:-1].clone()

    def first(self, count: int) -> "StagedField":
        """The sum of the first `count` stages alone; their networks are shared, not copied."""
        part = StagedField(self.in_dim, self.out_dim)
        for config, stage, scale in zip(self.configs[:count], self.stages, self.scales, strict=False):
            part.append(config, stage, float(scale))  # type: ignore[arg-type]
        return part

    @property
    def derivative_order(self) -> float:
        """How many derivatives with respect to the coordinates are right: all."""
        return math.inf

    def _summed(self, values: Sequence[torch.Tensor]) -> torch.Tensor:
        return sum_of_stages(scale * value for scale, value in zip(self.scales.flip(0), reversed(values), strict=True))

    def forward(self, points: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., c) at points of shape (..., d)."""
        points = points.to(self.scales.dtype)
        if not self.stages:
            return points.new_zeros(*points.shape[:-1], self.out_dim)
        return self._summed([stage(points) for stage in self.stages])

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "..."]:
        """Values of shape (n_1, ..., n_d, c) at the tensor product of coordinate vectors."""
        axes = [axis.to(self.scales.dtype) for axis in axes]
        if not self.stages:
            return axes[0].new_zeros(*map(len, axes), self.out_dim)
        return self._summed([stage.on_grid(axes) for stage in self.stages])  # type: ignore[operator]

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: all stages alike."""
        return [{"name": "network", "params": list(self.parameters()), "rate": 1.0}]

    def count_parameters(self) -> int:
        """Number of trained numbers of all stages."""
        return count_parameters(self)
