"""Cures of the preference for low frequencies, each beside the plain network: the comparison that all of them share.

Two targets, the same for all: a signal of six octaves, and a photograph. Every kind of network may choose among its
settings and rates by the same short search, then trains for the same number of steps with the same samples in each.
E_b is the relative error of band b on the probe grid; the upper bands are the upper half of those that carry energy,
and their pooled error is `sqrt(Σ_b E_b² e_b / Σ_b e_b)`, e_b the band's share of the energy.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones import BackboneConfig, MLPConfig
from nfield.core.seeding import generator
from nfield.encodings import EncodingConfig
from nfield.fields.base import Field, count_parameters
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Outcome, Setting, Sized
from nfield.lab.learning import learn, record_steps, tuned_rate
from nfield.lab.plots import COLOURS, PLAIN, curve_with_spread, panels
from nfield.spectral import BandErrors, time_to_threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OCTAVES = (1, 2, 4, 8, 16, 32)
"""Cycles over the whole of [-1, 1) of the signal's waves."""
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
THRESHOLD = 0.2
LEAST_ENERGY = 1e-4
PLAIN_NAME = "plain"


@dataclass(frozen=True, kw_only=True)
class CureSizes:
    """How large a comparison is."""

    samples: int
    """Of the signal; it is looked at on twice as many."""
    side: int
    """Pixels of the photograph along each side."""
    width: int
    depth: int
    signal_steps: int
    image_steps: int
    seeds: int
    trial: int
    """The search for settings and rates takes this part of the steps: one in so many. Short trials choose rates
    that are fast at first and too high later: with a sixth of the steps, some came out three to ten times higher."""


SIZES = Sized(
    quick=CureSizes(samples=128, side=16, width=16, depth=2, signal_steps=40, image_steps=30, seeds=2, trial=4),
    default=CureSizes(samples=256, side=64, width=48, depth=3, signal_steps=1500, image_steps=250, seeds=5, trial=2),
    full=CureSizes(samples=512, side=128, width=128, depth=4, signal_steps=20_000, image_steps=2000, seeds=10, trial=2),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """What is learned, and the grid on which it is looked at."""

    name: str
    points: Float[torch.Tensor, "n d"]
    values: Float[torch.Tensor, "n 1"]
    probe: Float[torch.Tensor, "m d"]
    truth: Float[np.ndarray, "*grid"]
    bands: BandErrors
    steps: int

    @property
    def used(self) -> list[int]:
        """Bands that carry energy."""
        return [b for b, energy in enumerate(self.bands.energy) if energy >= LEAST_ENERGY]

    @property
    def upper(self) -> list[int]:
        """The upper half of them."""
        return self.used[len(self.used) // 2 :]

    def pooled(self, errors: Float[np.ndarray, "*rows bands"]) -> Float[np.ndarray, "*rows"]:
        """Error of the upper bands together."""
        energy = np.array([self.bands.energy[b] for b in self.upper])
        return np.asarray(np.sqrt((errors[..., self.upper] ** 2 * energy).sum(-1) / energy.sum()))


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A network behind an encoding, as one configuration."""

    encoding: EncodingConfig
    network: BackboneConfig

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> Field:
        """The module, its features and weights drawn from the generator."""
        encoding = self.encoding.build(in_dim, generator)
        return Field(encoding, self.network.build(encoding.out_dim, out_dim, generator))


Settings = Mapping[str, Sequence[Any]]
"""Name of each kind of network, and the configurations among which it may choose."""
Contenders = Callable[[CureSizes, int], Settings]
"""The kinds for a size and a number of coordinates."""


def signal(setting: Setting, sizes: CureSizes) -> Target:
    """Six waves an octave apart, of equal size and with random phases, on [-1, 1)."""
    phases = torch.rand(len(OCTAVES), generator=setting.generator("phases"), dtype=torch.float64) * 2 * math.pi

    def at(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        # The end point is the first one of the next period.
        x = torch.arange(count, dtype=torch.float64) / count * 2 - 1
        waves = [torch.sin(math.pi * k * x + phase) for k, phase in zip(OCTAVES, phases, strict=True)]
        y = torch.stack(waves).sum(0) * (2 / len(OCTAVES)) ** 0.5
        return x[:, None].float().to(setting.device), y[:, None].float().to(setting.device)

    points, values = at(sizes.samples)
    probe, truth = at(2 * sizes.samples)
    grid = truth[:, 0].cpu().numpy()
    octaves = [(float(k), 2.0 * k) for k in OCTAVES]
    bands = BandErrors(grid, spacing=1 / len(grid), bands=octaves, window=False)
    return Target(
        name="signal", points=points, values=values, probe=probe, truth=grid, bands=bands, steps=sizes.signal_steps
    )


def photograph(setting: Setting, sizes: CureSizes) -> Target:
    """The camera man, averaged down, its values within ±1 about their mean."""
    from skimage import data  # on first use: a second

    picture = data.camera().astype(np.float64) / 255
    factor = len(picture) // sizes.side
    picture = picture.reshape(sizes.side, factor, sizes.side, factor).mean((1, 3))
    picture = ((picture - picture.mean()) / np.abs(picture - picture.mean()).max()).astype(np.float32)
    axis = (torch.arange(sizes.side, device=setting.device) + 0.5) / sizes.side * 2 - 1
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    values = torch.from_numpy(picture).reshape(-1, 1).to(setting.device)
    bands = BandErrors(picture, spacing=1 / sizes.side)
    return Target(
        name="image", points=points, values=values, probe=points, truth=picture, bands=bands, steps=sizes.image_steps
    )


def parameters_of(config: Any, in_dim: int) -> int:
    """Trained numbers of a network with one output."""
    return count_parameters(config.build(in_dim, 1, generator(0)))


def plain_settings(sizes: CureSizes, in_dim: int, rivals: Settings) -> list[MLPConfig]:
    """ReLU and tanh networks of the size's depth and width, widened to as many numbers as any rival has."""
    wanted = max(parameters_of(config, in_dim) for kind in rivals.values() for config in kind)
    width = sizes.width
    while parameters_of(MLPConfig(width=width, depth=sizes.depth), in_dim) < wanted:
        width += 4
    return [MLPConfig(width=width, depth=sizes.depth, activation=name) for name in ("relu", "tanh")]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """One kind of network on one target."""

    config: Any
    rate: float
    parameters: int
    steps: list[int]
    errors: Float[np.ndarray, "looks members bands"]
    final: Float[np.ndarray, "members ..."]

    def times(self, threshold: float) -> list[list[float | None]]:
        """Steps to the threshold by member and band."""
        return [time_to_threshold(self.steps, self.errors[:, i], threshold) for i in range(self.errors.shape[1])]


def train(target: Target, kinds: Sequence[Any], sizes: CureSizes, setting: Setting, name: str) -> Trained:
    """Choose among a kind's settings and rates by trials of one seed, then train members of all seeds."""
    trials = {
        i: tuned_rate(
            config,
            target.points,
            target.values,
            setting,
            rates=RATES,
            steps=max(target.steps // sizes.trial, 1),
            schedule="cosine",
        )
        for i, config in enumerate(kinds)
    }
    best = min(trials, key=lambda i: trials[i].errors[trials[i].rate])
    config = kinds[best]
    ensemble = Ensemble(config, target.points.shape[1], 1, setting.seeds(sizes.seeds), device=setting.device)
    steps: list[int] = []
    seen: list[list[list[float]]] = []

    def outputs() -> np.ndarray:
        return ensemble.in_blocks(target.probe)[..., 0].cpu().numpy().reshape(-1, *target.truth.shape)

    def look(step: int, now: Ensemble) -> None:
        del now
        steps.append(step)
        seen.append([[math.nan if e is None else e for e in target.bands(one)] for one in outputs()])

    learn(
        ensemble,
        target.points,
        target.values,
        steps=target.steps,
        rate=trials[best].rate,
        schedule="cosine",
        record=record_steps(target.steps, 50),
        look=look,
        setting=setting,
        name=f"{target.name}: {name}",
    )
    return Trained(
        config=config,
        rate=trials[best].rate,
        parameters=ensemble.parameters_of_one,
        steps=steps,
        errors=np.array(seen),
        final=outputs(),
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


def claim_of(cure: str, least: float) -> str:
    """The claim that `compare` checks, in words."""
    return (
        f"In the upper bands of a signal and of a photograph, {cure} reach the error that a plain network of no fewer "
        f"parameters ends with in 1/{least:g} of its steps or less, for every seed."
    )


def compare(setting: Setting, contenders: Contenders, least: float) -> Outcome:
    """All kinds on both targets; the claim holds where every cure, target and seed has a speed-up of `least`."""
    sizes = SIZES.of(setting.size)
    figures: dict[str, Any] = {"threshold": THRESHOLD, "least": least, "seeds": sizes.seeds, "targets": {}}
    shown, told = [], []
    worst = math.inf
    for target in (signal(setting, sizes), photograph(setting, sizes)):
        dimension = target.points.shape[1]
        rivals = contenders(sizes, dimension)
        kinds: dict[str, Sequence[Any]] = {PLAIN_NAME: plain_settings(sizes, dimension, rivals), **rivals}
        trained = {name: train(target, options, sizes, setting, name) for name, options in kinds.items()}
        gains = {name: speed_ups(trained[PLAIN_NAME], one, target) for name, one in trained.items()}
        figures["targets"][target.name] = target_figures(target, trained, gains)
        shown.append((target, trained))
        cures = [name for name in trained if name != PLAIN_NAME]
        worst = min(worst, *(min(gains[name]) for name in cures))
        told.append(
            f"{'the signal' if target.name == 'signal' else 'the photograph'}: "
            + ", ".join(f"{name} {np.median(gains[name]):.3g} ({min(gains[name]):.3g})" for name in cures)
        )
    figures["speed_up_least"] = worst
    return Outcome(
        holds=worst >= least,
        verdict=(
            "Times fewer steps to the error that the plain network ends with in the upper bands, as median and least "
            f"over {sizes.seeds} seeds, for {'; for '.join(told)}."
        ),
        figures=figures,
        plot=draw(shown),
        notes=(
            "Steps are equal and rates tuned for all; a step of a larger network takes longer. The plain network has "
            "at least as many parameters as any rival and takes the better of ReLU and tanh.",
            "The photograph is looked at on the pixels that were trained on, the signal also halfway between samples.",
            "A speed-up below 1 is a ratio of errors at the end: the cure never got to the plain network's error.",
        ),
    )


def target_figures(target: Target, trained: Mapping[str, Trained], gains: Mapping[str, list[float]]) -> dict[str, Any]:
    """The figures of one target, with the same keys for all cures, so that one table can hold them all."""
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
                "speed_up": gains[name],
            }
            for name, one in trained.items()
        },
    }


def median_times(one: Trained, target: Target) -> list[float]:
    """Median steps to the threshold of each band that carries energy; inf where half of the members never got there."""
    times = np.array(one.times(THRESHOLD), dtype=np.float64)[:, target.used]
    # Sorted by hand: the mean of two infinities, which np.median takes, is not a number for it.
    return [float(sorted(column)[len(column) // 2]) for column in times.T]


def draw(shown: Sequence[tuple[Target, Mapping[str, Trained]]]) -> "Figure":
    """One row for each target: errors at the end, time to threshold, and the upper bands over training."""
    figure, axes = panels(len(shown), 3)
    for row, (target, trained) in enumerate(shown):
        final, times, course = axes[3 * row : 3 * row + 3]
        labels = [f"{target.bands.bands[b][0]:g}–{target.bands.bands[b][1]:g}" for b in target.used]
        places = list(range(len(labels)))
        for name, colour in zip(trained, colours(trained), strict=True):
            one = trained[name]
            curve_with_spread(final, places, one.errors[-1][:, target.used], name, colour)
            median = [t if math.isfinite(t) else 2.0 * target.steps for t in median_times(one, target)]
            times.plot(places, np.maximum(median, 1), "o-", color=colour, label=name)
            curve_with_spread(course, [max(s, 0.5) for s in one.steps], target.pooled(one.errors).T, name, colour)
        level = float(np.median(target.pooled(trained[PLAIN_NAME].errors[-1])))
        course.axhline(level, color=PLAIN, linestyle=":")
        times.axhline(2.0 * target.steps, color="#888888", linestyle=":")
        times.annotate("never", (0, 2.0 * target.steps), textcoords="offset points", xytext=(0, 4), color="#555555")
        title = "Signal" if target.name == "signal" else "Photograph"
        final.set(yscale="log", ylabel="relative error", title=f"{title}: error after {target.steps} steps")
        times.set(
            yscale="log", ylim=(0.8, 5.0 * target.steps), ylabel="step", title=f"Steps to an error of {THRESHOLD:g}"
        )
        course.set(xscale="log", yscale="log", xlabel="step", title="Error of the upper bands")
        for axis in (final, times):
            _band_axis(axis, places, labels)
        final.legend()
    return figure


def colours(names: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """The plain network's own colour, and the others' in order."""
    others = iter(colour for colour in COLOURS if colour != PLAIN)
    return [PLAIN if name == PLAIN_NAME else next(others) for name in names]


def _band_axis(axis: "Axes", places: list[int], labels: list[str]) -> None:
    axis.set_xticks(places, labels, rotation=30)
    axis.set_xlabel("cycles per side")
