"""Low frequencies before high ones in one dimension.

f(x) = sin x + sin 3x + sin 5x on [-π, π), fitted by tanh networks; Δ(k) = |ĥ_k − f̂_k| / |f̂_k|, complex, at k = 1, 3, 5.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import learn, record_steps, tuned_rate
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, error_map, level, panels, shown_steps, target_line
from nfield.spectral import fourier_error, order_spearman, time_to_threshold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREQUENCIES = (1, 3, 5)
THRESHOLD = 0.1
LEAST = 0.95


@dataclass(frozen=True, kw_only=True)
class _Settings:
    samples: int
    width: int
    depth: int
    steps: int
    seeds: int


SIZES = Sized(
    quick=_Settings(samples=64, width=40, depth=2, steps=300, seeds=2),
    default=_Settings(samples=128, width=100, depth=3, steps=4000, seeds=5),
    full=_Settings(samples=201, width=200, depth=4, steps=10_000, seeds=10),
)


def target(x: torch.Tensor) -> torch.Tensor:
    """sin x + sin 3x + sin 5x."""
    return sum((torch.sin(k * x) for k in FREQUENCIES), torch.zeros_like(x))


def run(setting: Setting) -> Outcome:
    """Train, and rank the frequencies by the time at which each is learned."""
    sizes = SIZES.of(setting.size)
    # The end point is the first one of the next period: it would count twice.
    points = (torch.arange(sizes.samples, dtype=torch.float32, device=setting.device) / sizes.samples * 2 - 1)[:, None]
    values = target(torch.pi * points)
    network = MLPConfig(width=sizes.width, depth=sizes.depth, activation="tanh")
    rate = tuned_rate(network, points, values, setting, rates=(3e-4, 1e-3, 3e-3), steps=sizes.steps // 10).rate
    ensemble = Ensemble(network, 1, 1, setting.seeds(sizes.seeds), device=setting.device)
    steps: list[int] = []
    seen: list[np.ndarray] = []

    def look(step: int, now: Ensemble) -> None:
        steps.append(step)
        seen.append(now.in_blocks(points)[..., 0].cpu().numpy())

    learn(
        ensemble,
        points,
        values,
        steps=sizes.steps,
        rate=rate,
        record=record_steps(sizes.steps, 60),
        look=look,
        setting=setting,
        name="order-1d",
    )
    truth = values[:, 0].cpu().numpy()
    # By step, member and frequency.
    errors = np.array([[fourier_error(truth, h, np.array(FREQUENCIES)) for h in outputs] for outputs in seen])
    energy = [1 / len(FREQUENCIES)] * len(FREQUENCIES)
    orders = [order_spearman(steps, errors[:, i], energy, threshold=THRESHOLD).value for i in range(sizes.seeds)]
    times = [time_to_threshold(steps, errors[:, i], THRESHOLD) for i in range(sizes.seeds)]
    medians = [float(np.median(column)) for column in zip(*times, strict=True)]
    known = [order for order in orders if order is not None]
    least = min(known) if len(known) == len(orders) else None
    holds = least is not None and least >= LEAST
    return Outcome(
        holds=holds,
        verdict=(
            f"Over {sizes.seeds} seeds the rank correlation of frequency and time of learning is "
            f"{'not known for all' if least is None else f'{least:.2f} at the least'}; in the median "
            f"{', '.join(f'k = {k} is learned after {_told(at)}' for k, at in zip(FREQUENCIES, medians, strict=True))}."
        ),
        figures={
            "spearman": orders,
            "spearman_least": least,
            "steps_below_threshold": times,
            "threshold": THRESHOLD,
            "final_errors": errors[-1].tolist(),
            "learning_rate": rate,
        },
        plot=_plot(points[:, 0].cpu().numpy() * np.pi, truth, steps, np.array(seen), errors),
    )


def _told(step: float) -> str:
    return f"{step:g} steps" if np.isfinite(step) else "more steps than the run has"


def _plot(x: np.ndarray, truth: np.ndarray, steps: list[int], seen: np.ndarray, errors: np.ndarray) -> "Figure":
    figure, (signal, curves, heat) = panels(1, 3)
    target_line(signal, x, truth)
    for colour, share in zip(COLOURS, (0.5, 0.7, 1.0), strict=False):
        place = round(share * (len(steps) - 1))
        signal.plot(x, seen[place, 0], color=colour, label=f"step {steps[place]}")
    signal.set(xlabel="x", title="One network on its way")
    signal.legend()
    for j, k in enumerate(FREQUENCIES):
        curve_with_spread(curves, shown_steps(steps), errors[:, :, j].T, f"k = {k}", COLOURS[j])
    level(curves, THRESHOLD)
    curves.set(xscale="log", yscale="log", xlabel="step", ylabel="Δ(k)", title="Error of each frequency")
    curves.legend()
    error_map(heat, steps, np.median(errors, 1), [str(k) for k in FREQUENCIES])
    heat.set(ylabel="k", title="The same as a map")
    return figure


EXPERIMENT = Experiment(
    title="Low frequencies first, in one dimension",
    claim=(
        "Tanh networks learn sin x + sin 3x + sin 5x from low to high frequency: the Spearman correlation of frequency "
        f"and time to a relative error of {THRESHOLD:g} is {LEAST:g} or more for every seed."
    ),
    source="Xu, Zhang, Luo, Xiao, Ma: Frequency Principle (2019), arXiv 1901.06523",
    run=run,
)
