"""Low frequencies before high ones in one dimension.

f(x) = sin x + sin 3x + sin 5x on [-π, π), fitted by tanh networks; Δ(k) = |ĥ_k − f̂_k| / |f̂_k|, complex, at k = 1, 3, 5.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.lab.experiment import Experiment, NetworkSizes, Outcome, Setting, Sized
from nfield.lab.learning import follow_tuned, record_steps
from nfield.lab.orders import least_order, median_times, orders, times_to
from nfield.lab.samples import periodic_points
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, error_map, level, panels, shown_steps, target_line
from nfield.spectral import fourier_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREQUENCIES = (1, 3, 5)
THRESHOLD = 0.1
LEAST = 0.95


SIZES = Sized(
    quick=NetworkSizes(samples=64, width=40, depth=2, steps=300, seeds=2),
    default=NetworkSizes(samples=128, width=100, depth=3, steps=4000, seeds=5),
    full=NetworkSizes(samples=201, width=200, depth=4, steps=10_000, seeds=10),
)


def target(x: torch.Tensor) -> torch.Tensor:
    """sin x + sin 3x + sin 5x."""
    return sum((torch.sin(k * x) for k in FREQUENCIES), torch.zeros_like(x))


def run(setting: Setting) -> Outcome:
    """Train, and rank the frequencies by the time at which each is learned."""
    sizes = SIZES.of(setting.size)
    points = periodic_points(sizes.samples, setting.device)
    values = target(torch.pi * points)
    network = MLPConfig(width=sizes.width, depth=sizes.depth, activation="tanh")
    course = follow_tuned(
        network, points, values, lambda now: now.curves(points), setting, seeds=sizes.seeds, steps=sizes.steps,
        trial={"rates": (3e-4, 1e-3, 3e-3), "steps": sizes.steps // 10}, record=record_steps(sizes.steps, 60),
        name="order-1d",
    )  # fmt: skip
    truth = values[:, 0].cpu().numpy()
    errors = np.array([[fourier_error(truth, h, np.array(FREQUENCIES)) for h in outputs] for outputs in course.seen])
    found = orders(course.steps, errors, THRESHOLD)
    times = times_to(course.steps, errors, THRESHOLD)
    least, least_text = least_order(found)
    learned = ", ".join(
        f"k = {k} is learned after {_steps_text(at)}" for k, at in zip(FREQUENCIES, median_times(times), strict=True)
    )
    return Outcome(
        holds=least is not None and least >= LEAST,
        verdict=(
            f"Over {sizes.seeds} seeds the rank correlation of frequency and time of learning is "
            f"{least_text}; in the median {learned}."
        ),
        figures={
            "spearman": found,
            "spearman_least": least,
            "steps_below_threshold": times,
            "threshold": THRESHOLD,
            "final_errors": errors[-1].tolist(),
            "learning_rate": course.rate,
        },
        plot=_plot(points[:, 0].cpu().numpy() * np.pi, truth, course.steps, course.seen, errors),
    )


def _steps_text(step: float) -> str:
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
