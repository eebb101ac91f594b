"""What a job says of its next stage, to the engine that trains it.

For regression stage n learns (y − u_{<n}) / ε, ε the root mean square of what is left over. For a linear equation
L u = g the error e obeys L e = r with r the residual, so that a wave of size |r| in r is one of |r| over the gain of L
in e, about (2π f)^m for an operator of order m: that is ε then (after Wang & Lai, arXiv 2307.08934), and stage n learns
L u_n = r / ε.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from nfield.fields.staged import StageConfig, StagedField

LEAST_KAPPA = 5.0
"""Reach of the first layer where what is left over hardly waves: about one cycle over [−1, 1]."""


def kappa_of(frequency: float) -> float:
    """κ = 2π f: with f counted over the whole of [−1, 1] this is the π f_d of the paper."""
    return max(LEAST_KAPPA, 2 * math.pi * frequency)


@dataclass(frozen=True, kw_only=True, eq=False)
class StagePlan:
    """One stage as its problem wants it."""

    task: Any
    """What the network, of values of order one, is trained on; with residuals."""
    config: StageConfig
    """The network, its κ from what is left over."""
    scale: float
    """ε: what the network's values count in the sum."""
    frequency: float
    """Dominant frequency of what is left over, in cycles per unit of the coordinates."""
    samples: int
    """Points of a batch."""
    per_half_wave: float
    """Samples per half wave of what is left over, along an axis."""
    notes: tuple[str, ...] = ()
    """What the user should know, such as that data could not be sampled more finely."""


@runtime_checkable
class StageProblem(Protocol):
    """A job that can be done in stages."""

    in_dim: int
    out_dim: int

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage after those in `found`, or None where what is left over is rounding.

        `config` has the width and depth to take, and a κ to replace. Must depend on nothing but `found`.
        """
        ...

    def error(self, found: StagedField) -> float:
        """How far the field is from what is wanted, measured where it was not trained."""
        ...
