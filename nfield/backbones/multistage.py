"""Several networks, one after the other: each learns the residual of those before it.

`u(x) = Σ_n ε_n u_n(x)` (Wang & Lai, Multi-stage neural networks, arXiv 2307.08934): ε_n is the root mean square of the
residual of stages 1 … n−1, κ_n the reach of the first layer of stage n, from that residual's frequency. While a stage
is trained those before it stay as they are, and those behind it are not there yet. Training opens stage after stage
(`nfield.training.stage_switch`); ε and κ are saved with the weights. A stage's network and the sum are those of
`nfield.fields.staged` too.
"""

import functools
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.siren import SIRENConfig
from nfield.core.checks import UserError, at_least, positive


def stage_network(in_dim: int, *, width: int, depth: int, kappa: float, hidden_omega: float) -> SIRENConfig:
    """The network of a stage: `sin(κ(Wx + b))`, sine layers behind it and a linear output.

    SIREN draws the first weights from ±1/d: times κ d, angular frequencies start up to κ along every axis.
    """
    return SIRENConfig(width=width, depth=depth, first_omega=kappa * in_dim, hidden_omega=hidden_omega)


def sum_of_stages(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    """Σ ε_n u_n of its parts in falling order of n: added one by one to the largest, small ones would lose digits."""
    return functools.reduce(operator.add, parts)


@dataclass(frozen=True, kw_only=True)
class MultistageConfig:
    """Networks `sin(κ(Wx + b))` with further sine layers and a linear output, which learn one after the other."""

    stages: int = 3
    """Networks; each is trained for the same share of the run."""
    width: int = 192
    """Neurons per hidden layer of each."""
    depth: int = 2
    """Sine layers of each, the first included."""
    kappa: float = 30.0
    """κ of the first stage: its first layer starts with angular frequencies up to it. Later ones follow the
    residual."""
    hidden_omega: float = 30.0
    """ω₀ of the layers behind the first, as in SIREN."""

    def __post_init__(self) -> None:
        at_least(self.stages, 1, "stages")
        at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        positive(self.kappa, "kappa")
        positive(self.hidden_omega, "hidden_omega")

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "Multistage":
        """The module with its weights drawn from the generator."""
        return Multistage(self, in_dim, out_dim, generator)


class Multistage(AbstractBackbone):
    """The sum of the stages that are open, of which the last one learns."""

    def __init__(self, config: MultistageConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        # Later κ are not known yet: those of π see features times κ/π, their phases spread over whole turns at any κ.
        network = stage_network(
            in_dim, width=config.width, depth=config.depth, kappa=math.pi, hidden_omega=config.hidden_omega
        )
        self.stages = torch.nn.ModuleList([network.build(in_dim, out_dim, generator) for _ in range(config.stages)])
        self.register_buffer("scales", torch.tensor([1.0] + [0.0] * (config.stages - 1)))
        self.register_buffer("kappas", torch.tensor([config.kappa] + [0.0] * (config.stages - 1)))
        self.scales: torch.Tensor
        self.kappas: torch.Tensor
        self.opened = 1
        self.register_load_state_dict_post_hook(_recount)

    def open(self, scale: float, kappa: float) -> None:
        """Let the next stage learn; its values count `scale` times, its first layer reaches up to `kappa`.

        Raises UserError where there is none, or the numbers are not positive.
        """
        if self.opened == len(self.stages):
            raise UserError(f"All {self.opened} stages are open.")
        positive(scale, "The scale of a stage")
        positive(kappa, "kappa")
        self.scales[self.opened], self.kappas[self.opened] = scale, kappa
        self.opened += 1

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at features of shape (..., in_dim)."""
        return sum_of_stages(self._stage(number, features) for number in reversed(range(self.opened)))

    def _stage(self, number: int, features: torch.Tensor) -> torch.Tensor:
        """The stage's part of the sum; its weights get no gradient once another one is open."""
        network: Any = self.stages[number]
        near = features * (self.kappas[number] / math.pi)
        if number == self.opened - 1 or not torch.is_grad_enabled():
            return self.scales[number] * network(near)
        fixed = {name: weight.detach() for name, weight in network.named_parameters()}
        return self.scales[number] * torch.func.functional_call(network, fixed, (near,))


def _recount(module: torch.nn.Module, _: Any) -> None:
    """Weights that were loaded know how many stages they have."""
    if not isinstance(module, Multistage):
        raise AssertionError("the hook belongs to a Multistage")
    module.opened = int((module.scales > 0).sum())
