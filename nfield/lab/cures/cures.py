"""Cures of the preference for low frequencies, each beside the plain network: the comparison that all of them share.

Two targets, the same for all, in `cure_targets`; the rules of training are in `cure_training`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nfield.lab.cures.plots import draw
from nfield.lab.cures.targets import SIZES, CureSizes, Target, photograph, signal
from nfield.lab.cures.training import (
    PLAIN,
    RATES,
    THRESHOLD,
    Settings,
    Trained,
    largest_of,
    median_times,
    plain_settings,
    speed_ups,
    train,
)
from nfield.lab.experiment import Experiment, Outcome, Setting

Contenders = Callable[[CureSizes, Target], Settings]
"""The kinds of network for a size and a target, of which they may ask the dimension and the samples' spectrum."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """All kinds on one target."""

    target: Target
    trained: Mapping[str, Trained]
    gains: Mapping[str, list[float]]
    """Speed-up of each kind for each seed."""

    @property
    def cures(self) -> list[str]:
        """All but the plain network."""
        return [name for name in self.trained if name != PLAIN]


def comparisons(setting: Setting, contenders: Contenders) -> list[Comparison]:
    """All kinds trained on both targets."""
    sizes = SIZES.of(setting.size)
    found = []
    for target in (signal(setting, sizes), photograph(setting, sizes)):
        rivals = contenders(sizes, target)
        plain = plain_settings(sizes.width, sizes.depth, target.dimension, largest_of(rivals, target.dimension))
        kinds: dict[str, Sequence[Any]] = {PLAIN: plain, **rivals}
        found.append(
            compared(target, {name: train(target, options, sizes, setting, name) for name, options in kinds.items()})
        )
    return found


def compared(target: Target, trained: Mapping[str, Trained]) -> Comparison:
    """Kinds that are trained, the plain network among them, with their speed-ups."""
    gains = {name: speed_ups(trained[PLAIN], one, target) for name, one in trained.items()}
    return Comparison(target=target, trained=trained, gains=gains)


def experiment(title: str, cure: str, contenders: Contenders, least: float, source: str) -> Experiment:
    """An experiment that is this comparison; `cure` names the networks in its claim."""
    return Experiment(
        title=f"Cure: {title}",
        claim=(
            f"In the upper bands of a signal and of a photograph, {cure} reach the error that a plain network of no "
            f"fewer parameters ends with in 1/{least:g} of its steps or less, for every seed."
        ),
        source=source,
        run=partial(compare, contenders=contenders, least=least),
    )


def compare(setting: Setting, contenders: Contenders, least: float) -> Outcome:
    """All kinds on both targets; the claim holds where every cure, target and seed has a speed-up of `least`."""
    found = comparisons(setting, contenders)
    seeds = SIZES.of(setting.size).seeds
    worst = min(min(one.gains[name]) for one in found for name in one.cures)
    return Outcome(
        holds=worst >= least,
        verdict=(
            "Times fewer steps to the error that the plain network ends with in the upper bands, as median and least "
            f"over {seeds} seeds, for {'; for '.join(map(speed_up_text, found))}."
        ),
        figures={"least": least, "speed_up_least": worst, "seeds": seeds, **figures_of(found)},
        plot=draw([(one.target, one.trained) for one in found]),
        notes=(
            "Steps are equal and rates tuned for all; a step of a larger network takes longer. The plain network has "
            "at least as many parameters as any rival and takes the better of ReLU and tanh.",
            "The photograph is measured on the pixels that were trained on, the signal also halfway between samples.",
            "A speed-up below 1 is a ratio of errors at the end: the cure never got to the plain network's error.",
        ),
    )


def speed_up_text(one: Comparison) -> str:
    """Median and least speed-up of each cure, in words."""
    shown = (f"{name} {np.median(one.gains[name]):.3g} ({min(one.gains[name]):.3g})" for name in one.cures)
    return f"the {one.target.name}: {', '.join(shown)}"


def figures_of(found: Sequence[Comparison]) -> dict[str, Any]:
    """The figures of all targets, with the same keys for all cures, so that one table can hold them all."""
    return {"threshold": THRESHOLD, "targets": {one.target.name: target_figures(one) for one in found}}


def target_figures(found: Comparison) -> dict[str, Any]:
    """The figures of one target."""
    target = found.target
    return {
        "steps": target.steps,
        "bands": [list(target.bands.bands[b]) for b in target.used],
        "energy": [target.bands.energy[b] for b in target.used],
        "upper_bands": [target.used.index(b) for b in target.upper],
        "networks": {
            name: {
                "settings": repr(one.config),
                "parameters": one.parameters,
                "learning_rate": one.rate,
                "rate_at_edge": one.rate in (RATES[0], RATES[-1]),
                "final_errors": np.median(one.errors[-1], 0)[target.used].tolist(),
                "final_upper_error": target.pooled(one.errors[-1]).tolist(),
                "relative_l2": [
                    float(np.linalg.norm(values - target.truth) / np.linalg.norm(target.truth)) for values in one.final
                ],
                "steps_below_threshold": median_times(one, target),
                "speed_up": found.gains[name],
            }
            for name, one in found.trained.items()
        },
    }
