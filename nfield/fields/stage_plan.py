"""What a job says of its next stage, to the engine that trains it, and how finely a stage is sampled.

For regression stage n learns (y − u_{<n}) / ε, ε the root mean square of that residual. For a linear equation
L u = g the error e obeys L e = r with r the residual, so that a wave of size |r| in r is one of |r| over the gain of L
in e, about (2π f)^m for an operator of order m: that is ε then (after Wang & Lai, arXiv 2307.08934), and stage n learns
L u_n = r / ε.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float

from nfield.fields.staged import StageConfig, StagedField

PER_HALF_WAVE = 3
"""Samples per half wave of the residual, at the least (Wang & Lai, arXiv 2307.08934)."""
PER_PARAMETER = 2
"""Samples per trained number, at the least: networks then have nothing to be free between samples with."""
MOST_SAMPLES = 1 << 14
"""Samples of a stage at the most: derivatives of so many residuals are still computed in seconds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StagePlan:
    """One stage as its problem wants it."""

    task: Any
    """What the network, of values of order one, is trained on; with residuals."""
    config: StageConfig
    """The network, its κ from the residual."""
    scale: float
    """ε: what the network's values count in the sum."""
    frequency: float
    """Dominant frequency of the residual, in cycles per unit of the coordinates."""
    samples: int
    """Points of a batch."""
    per_half_wave: float
    """Samples per half wave of the residual, along an axis."""
    notes: tuple[str, ...] = ()
    """What the user should know, such as that data could not be sampled more finely."""


@runtime_checkable
class StageProblem(Protocol):
    """A job that can be done in stages."""

    in_dim: int
    out_dim: int

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage after those in `found`, or None where the residual is rounding.

        `config` has the width and depth to take, and a κ to replace. Must depend on nothing but `found`.
        """
        ...

    def error(self, found: StagedField) -> float:
        """How far the field is from what is wanted, measured where it was not trained."""
        ...


def samples_per_axis(frequency: float, kappa: float, parameters: int, dimension: int) -> int:
    """Samples wanted along each axis of [−1, 1]^d for a residual of that frequency and a network of that κ and size.

    Chebyshev's points, which keep networks from swinging near the boundary, are π/2 times as far apart in the middle as
    equidistant ones. A wave of frequency f has 4f half waves over [−1, 1].
    """
    half_waves = 4 * max(frequency, kappa / (2 * math.pi))
    by_waves = math.floor(PER_HALF_WAVE * half_waves * math.pi / 2) + 1
    by_size = math.ceil((PER_PARAMETER * parameters) ** (1 / dimension))
    return max(by_waves, by_size, 8)


def most_per_axis(dimension: int) -> int:
    """Samples that a stage may have along each axis."""
    return math.floor(MOST_SAMPLES ** (1 / dimension))


def chebyshev_per_half_wave(side: int, frequency: float) -> float:
    """Of so many Chebyshev's points along an axis, those to a half wave in the middle."""
    return side / (4 * max(frequency, 1e-9) * math.pi / 2)


def chebyshev_points(side: int, dimension: int) -> Float[torch.Tensor, "n d"]:
    """The tensor product of Chebyshev's points cos(π (i + ½) / side) on [−1, 1]^d, in float64."""
    return product_of([torch.cos(math.pi * (torch.arange(side, dtype=torch.float64) + 0.5) / side)] * dimension)


def product_of(axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "n d"]:
    """The tensor product of coordinates, the last axis fastest."""
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
