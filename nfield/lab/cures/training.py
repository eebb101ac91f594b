"""Training of a cure and of the plain network on one target, by the same rules.

Every kind of network may choose among its settings and rates by a search, then trains for the same number of steps
with the same samples in each.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones import BackboneConfig, MLPConfig
from nfield.core.seeding import generator
from nfield.encodings import EncodingConfig
from nfield.fields.base import Field, count_parameters
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Setting
from nfield.lab.learning import follow, record_steps, tuned_rate
from nfield.lab.orders import band_table, times_to
from nfield.lab.orders import median_times as medians
from nfield.spectral import time_to_threshold

RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
THRESHOLD = 0.2
"""Of the error of a band, for the times to it."""
PLAIN = "plain"
Settings = Mapping[str, Sequence[Any]]
"""Name of each kind of network, and the configurations among which it may choose."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A network behind an encoding, as one configuration."""

    encoding: EncodingConfig
    network: BackboneConfig

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> Field:
        """The module, its features and weights drawn from the generator."""
        encoding = self.encoding.build(in_dim, generator)
        return Field(encoding, self.network.build(encoding.out_dim, out_dim, generator))


def parameters_of(config: Any, in_dim: int) -> int:
    """Trained numbers of a network with one output."""
    return count_parameters(config.build(in_dim, 1, generator(0)))


def largest_of(rivals: Settings, in_dim: int) -> int:
    """Trained numbers of the largest network among these."""
    return max(parameters_of(config, in_dim) for kind in rivals.values() for config in kind)


def plain_settings(width: int, depth: int, in_dim: int, wanted: int) -> list[MLPConfig]:
    """ReLU and tanh networks of that depth and width, widened to as many trained numbers as are wanted."""
    while parameters_of(MLPConfig(width=width, depth=depth), in_dim) < wanted:
        width += 4
    return [MLPConfig(width=width, depth=depth, activation=name) for name in ("relu", "tanh")]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """One kind of network on one target."""

    config: Any
    rate: float | None
    """None where it is not tuned."""
    parameters: int
    steps: list[int]
    errors: Float[np.ndarray, "steps members bands"]
    final: Float[np.ndarray, "members ..."]


def train(target: Target, kinds: Sequence[Any], sizes: CureSizes, setting: Setting, name: str) -> Trained:
    """Choose among a kind's settings and rates by trials of one seed, then train members of all seeds.

    Trials take a part of the steps; those of the plain network, which must not lose by its rate, take all.
    """
    part = 1 if name == PLAIN else sizes.trial
    trials = {
        i: tuned_rate(
            config,
            target.points,
            target.values,
            setting,
            rates=RATES,
            steps=max(target.steps // part, 1),
            schedule="cosine",
        )
        for i, config in enumerate(kinds)
    }
    best = min(trials, key=lambda i: trials[i].errors[trials[i].rate])
    config = kinds[best]
    ensemble = Ensemble(config, target.points.shape[1], 1, setting.seeds(sizes.seeds), device=setting.device)

    def outputs(now: Ensemble) -> np.ndarray:
        return now.curves(target.probe).reshape(-1, *target.truth.shape)

    course = follow(
        ensemble,
        target.points,
        target.values,
        lambda now: band_table(target.bands, outputs(now)),
        steps=target.steps,
        rate=trials[best].rate,
        schedule="cosine",
        record=record_steps(target.steps, 50),
        setting=setting,
        name=f"{target.name}: {name}",
    )
    return Trained(
        config=config,
        rate=trials[best].rate,
        parameters=ensemble.parameters_of_one,
        steps=course.steps,
        errors=course.seen,
        final=outputs(ensemble),
    )


def speed_ups(plain: Trained, cure: Trained, target: Target) -> list[float]:
    """How many times fewer steps a cure needs, for each seed, to the pooled error that the plain network ends with.

    A cure that does not get there by the last step needs as many times more as its error is larger than that: below 1.
    """
    ratios = []
    for member in range(plain.errors.shape[1]):
        level = float(target.pooled(plain.errors[-1, member]))
        curve = target.pooled(cure.errors[:, member])
        first = time_to_threshold(cure.steps, curve[:, None], level * (1 + 1e-9))[0]
        reached = first is not None and math.isfinite(first)
        ratios.append(target.steps / max(first or 0, 1) if reached and first is not None else level / float(curve[-1]))
    return ratios


def median_times(one: Trained, target: Target) -> list[float]:
    """Median steps to the threshold of each band that carries energy; inf where half of the members never got there."""
    return medians(times_to(one.steps, one.errors[..., target.used], THRESHOLD))
