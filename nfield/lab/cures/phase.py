"""PhaseDNN beside the plain network, on a signal of high frequencies alone.

Coupled: `Σ_m A_m(x) cos ω_m x + B_m(x) sin ω_m x`, trained on the signal; parallel: `Re Σ_j e^{iω_j x} T_j(x)`, each
T_j trained on its band of the data. The wave vectors ω come from the samples' spectrum, not from the signal's formula.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones import AbstractBackbone, MLPConfig, PhaseConfig, PhaseParallel, PhaseParallelConfig
from nfield.core.seeding import generator
from nfield.lab.cures.cures import comparisons, figures_of, speed_up_text
from nfield.lab.cures.plots import draw_times, network_colours
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.cures.training import PLAIN, Settings, parameters_of, plain_settings
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, NetworkSizes, Outcome, Setting, Sized
from nfield.lab.learning import follow, record_steps, tuned_rate
from nfield.lab.orders import band_table, median_times, times_to
from nfield.reports.plots import curve_with_spread, panels, shown_steps, target_line
from nfield.spectral import BandErrors, dominant_shifts
from nfield.training.phase_bands import band_targets

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAVES = (12, 30, 58, 92)
"""Cycles over [-1, 1) of the signal's fast waves; each has a slow amplitude of one cycle."""
EDGES = (2, 20, 44, 75, 110)
"""Bands around them, in cycles over [-1, 1)."""
RADIUS = 5.0
"""Least distance of two wave vectors, in cycles over [-1, 1)."""
RADIUS_SHARED = 2.0
"""The same on the targets that all cures share."""
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
THRESHOLD = 0.1
LEAST = 10.0
TRIAL = 5
"""PhaseDNN's search for rates takes one in so many of the steps; the plain network's takes all."""


SIZES = Sized(
    quick=NetworkSizes(samples=256, width=6, depth=1, steps=20, seeds=2),
    default=NetworkSizes(samples=320, width=12, depth=2, steps=800, seeds=5),
    full=NetworkSizes(samples=1024, width=40, depth=2, steps=10_000, seeds=10),
)


@dataclass(frozen=True, kw_only=True)
class _Bands:
    """The parallel form as a network whose values are its bands, so that it learns them like any other values."""

    network: PhaseParallelConfig

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "_BandValues":
        """The module with its weights drawn from `generator`."""
        shifts = len(self.network.shifts)
        return _BandValues(self.network.build(in_dim, out_dim // (2 * shifts), generator))


class _BandValues(AbstractBackbone):
    def __init__(self, network: PhaseParallel) -> None:
        super().__init__()
        self.network, self.in_dim = network, network.in_dim
        self.out_dim = 2 * len(network.shifts) * network.out_dim

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Real and imaginary parts of all bands in a row."""
        flat = features.reshape(-1, self.in_dim)
        return self.network.bands(flat).flatten(1).reshape(*features.shape[:-1], self.out_dim)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seen:
    """One kind of network over training."""

    rate: float
    parameters: int
    steps: list[int]
    errors: Float[np.ndarray, "steps members bands"]
    whole: Float[np.ndarray, "steps members"]
    final: Float[np.ndarray, "members n"]

    def times(self) -> list[float]:
        """Median step to the threshold for each band; infinite where half of the members never get there."""
        return median_times(times_to(self.steps, self.errors, THRESHOLD))


def target(x: np.ndarray, phases: Sequence[float]) -> np.ndarray:
    """`Σ_k (1 + ½ cos(πx + φ_k)) sin(πkx + 2φ_k)`."""
    total: np.ndarray = sum(
        (
            (1 + 0.5 * np.cos(math.pi * x + phase)) * np.sin(math.pi * k * x + 2 * phase)
            for k, phase in zip(WAVES, phases, strict=True)
        ),
        np.zeros_like(x),
    )
    return total


def run(setting: Setting) -> Outcome:
    """Train the three kinds with the same samples and steps, each at its own best rate."""
    sizes = SIZES.of(setting.size)
    phases = torch.rand(len(WAVES), generator=setting.generator("phases"), dtype=torch.float64) * 2 * math.pi
    # The end point is the first one of the next period: it would count twice.
    spacing = 2 / sizes.samples
    x = -1 + spacing * np.arange(sizes.samples)
    # Errors are those of the values in between, too, which no network has seen.
    probe = -1 + spacing / 2 * np.arange(2 * sizes.samples)
    truth = target(probe, phases.tolist())
    values = target(x, phases.tolist())
    found = dominant_shifts(values, len(WAVES) + 1, spacing, radius=RADIUS * math.pi)
    shifts = tuple((float(shift),) for shift in found[:, 0])
    bands = BandErrors(
        truth, spacing=1 / len(probe), bands=[(float(a), float(b)) for a, b in itertools.pairwise(EDGES)], window=False
    )
    points = torch.tensor(x[:, None], dtype=torch.float32, device=setting.device)
    targets = torch.tensor(values[:, None], dtype=torch.float32, device=setting.device)
    everywhere = torch.tensor(probe[:, None], dtype=torch.float32, device=setting.device)
    coupled = PhaseConfig(shifts=shifts, width=sizes.width, depth=sizes.depth)
    parallel = PhaseParallelConfig(shifts=shifts, width=sizes.width, depth=sizes.depth)
    joiner = parallel.build(1, 1, generator(0)).to(setting.device)
    places, band_values = band_targets(joiner, values, spacing, -1.0)

    def join(outputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.stack([joiner.joined(one.unflatten(-1, (-1, 1, 2)), everywhere) for one in outputs])

    def same(outputs: torch.Tensor) -> torch.Tensor:
        return outputs

    def trained(name: str, config: Any, x: torch.Tensor, y: torch.Tensor, rate: float, read: Any) -> _Seen:
        ensemble = Ensemble(config, 1, y.shape[1], setting.seeds(sizes.seeds), device=setting.device)
        course = follow(
            ensemble, x, y, lambda now: read(now.in_blocks(everywhere))[..., 0].cpu().numpy(), steps=sizes.steps,
            rate=rate, schedule="cosine", record=record_steps(sizes.steps, 40), setting=setting, name=f"phase: {name}",
        )  # fmt: skip
        return _Seen(
            rate=rate,
            parameters=ensemble.parameters_of_one,
            steps=course.steps,
            errors=np.array([band_table(bands, one) for one in course.seen]),
            whole=np.array([np.linalg.norm(one - truth, axis=1) / np.linalg.norm(truth) for one in course.seen]),
            final=course.seen[-1],
        )

    def tune(config: Any, x: torch.Tensor, y: torch.Tensor, one_in: int = TRIAL) -> Any:
        steps = max(sizes.steps // one_in, 1)
        return tuned_rate(config, x, y, setting, rates=RATES, steps=steps, schedule="cosine")

    plain = plain_settings(8, sizes.depth + 1, 1, parameters_of(coupled, 1))
    trials = {config: tune(config, points, targets, 1) for config in plain}
    chosen = min(trials, key=lambda config: trials[config].errors[trials[config].rate])
    seen = {
        PLAIN: trained(PLAIN, chosen, points, targets, trials[chosen].rate, same),
        "coupled": trained("coupled", coupled, points, targets, tune(coupled, points, targets).rate, same),
    }
    flat, each = band_values.flatten(1), _Bands(network=parallel)
    seen["parallel"] = trained("parallel", each, places, flat, tune(each, places, flat).rate, join)
    outcome = outcome_of(seen, chosen, [shift / math.pi for (shift,) in shifts], probe, truth)
    shared = comparisons(setting, contenders)
    also = f"On what all cures are compared on, times fewer steps: {'; '.join(map(speed_up_text, shared))}."
    return replace(outcome, figures={**outcome.figures, **figures_of(shared)}, notes=(also, *outcome.notes))


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """The coupled form with few or more wave vectors from the samples' spectrum, of about the same size in all."""
    grid = target.values.cpu().numpy().reshape((target.side,) * target.dimension)
    return {
        "PhaseDNN": [
            PhaseConfig(
                shifts=tuple(
                    tuple(one)
                    for one in dominant_shifts(grid, count, 2 / target.side, radius=RADIUS_SHARED * math.pi).tolist()
                ),
                width=max(4, round(sizes.width * share)),
                depth=max(1, sizes.depth - 1),
            )
            for count, share in ((6, 0.4), (14, 0.25))
        ]
    }


def outcome_of(
    seen: dict[str, _Seen], plain: MLPConfig, cycles: list[float], x: np.ndarray, truth: np.ndarray
) -> Outcome:
    """Verdict, figures and plot."""
    ratios = {name: (seen[PLAIN].whole[-1] / seen[name].whole[-1]).tolist() for name in ("coupled", "parallel")}
    least = min(min(ratio) for ratio in ratios.values())

    def steps(times: Sequence[float]) -> str:
        return ", ".join(f"{time:g}" if math.isfinite(time) else "never" for time in times)

    waves = ", ".join(map(str, WAVES))
    return Outcome(
        holds=least >= LEAST,
        verdict=(
            f"Over {len(ratios['coupled'])} seeds the plain network's error is "
            f"{np.median(seen[PLAIN].whole[-1]):.2g}, "
            f"{np.median(ratios['coupled']):.3g} times that of the coupled form ({min(ratios['coupled']):.3g} at the "
            f"least) and {np.median(ratios['parallel']):.3g} times that of the parallel one "
            f"({min(ratios['parallel']):.3g}). Median steps to an error of {THRESHOLD:g} around {waves} cycles: "
            + "; ".join(f"{name} {steps(one.times())}" for name, one in seen.items())
            + "."
        ),
        figures={
            "threshold": THRESHOLD,
            "least": LEAST,
            "ratio_least": least,
            "ratios": ratios,
            "bands": [list(pair) for pair in itertools.pairwise(EDGES)],
            "shifts_in_cycles": cycles,
            "networks": {
                name: {
                    "parameters": one.parameters,
                    "learning_rate": one.rate,
                    "rate_at_edge": one.rate in (RATES[0], RATES[-1]),
                    "relative_l2": one.whole[-1].tolist(),
                    "final_errors": np.median(one.errors[-1], 0).tolist(),
                    "steps_below_threshold": one.times(),
                }
                for name, one in seen.items()
            },
            "plain_settings": repr(plain),
        },
        plot=_plot(seen, x, truth),
        notes=(
            "PhaseDNN is given the signal's frequencies, from its spectrum; the plain network is not. The "
            "parallel form also trains on bands of the samples instead of the samples.",
            "Steps are equal and rates tuned for all, the plain network's by trainings in full. It has at least as "
            "many parameters as the coupled form and takes the better of ReLU and tanh. Errors are those of twice as "
            "many points as are trained on.",
            "The signal has few frequencies: of one with energy everywhere, some would lie far from all wave vectors.",
        ),
    )


def _plot(seen: dict[str, _Seen], x: np.ndarray, truth: np.ndarray) -> "Figure":
    figure, (signal, curves, times) = panels(1, 3)
    colours = network_colours(list(seen))
    part = np.abs(x) < 0.15
    target_line(signal, x[part], truth[part])
    labels = [str(k) for k in WAVES]
    for name, one in seen.items():
        signal.plot(x[part], one.final[0][part], color=colours[name], label=name)
        curve_with_spread(curves, shown_steps(one.steps), one.whole.T, name, colours[name])
    draw_times(times, {name: one.times() for name, one in seen.items()}, colours, seen[PLAIN].steps[-1], THRESHOLD)
    signal.set(xlabel="x", title="After the last step, in part")
    curves.set(xscale="log", yscale="log", xlabel="step", ylabel="relative error", title="Error over training")
    times.set_xticks(range(len(WAVES)), labels)
    times.set_xlabel("cycles over [-1, 1)")
    for axes in (signal, curves, times):
        axes.legend()
    return figure


EXPERIMENT = Experiment(
    title="Cure: shifts of phase",
    claim=(
        f"After equal steps at tuned rates, both forms of PhaseDNN have an error at least {LEAST:g} times smaller than "
        "a plain network of no fewer parameters, on a signal of four high frequencies, for every seed."
    ),
    source="Cai, Li, Liu: A Phase Shift Deep Neural Network for High Frequency Approximation (2019), arXiv 1909.11759",
    run=run,
)
