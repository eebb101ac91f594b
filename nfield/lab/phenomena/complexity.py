"""Complexity of the output grows over training.

Of a signal of waves an octave apart: the spectral centroid `Σ_k k |ĥ_k|² / Σ_k |ĥ_k|²` of the output h (k > 0, cycles
over the samples), its total variation `Σ_j |h_{j+1} − h_j|` around the period, and the effective rank of the last
hidden features, `exp(−Σ_i p_i ln p_i)` with p_i the singular values divided by their sum (Roy and Vetterli, 2007).
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones import MLPConfig
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, NetworkSizes, Outcome, Setting, Sized
from nfield.lab.learning import follow_tuned, record_steps
from nfield.lab.samples import periodic_points
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, level, panels, shown_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAVES = (1, 2, 4, 8)
LEAST = 0.8
MEASURES = ("spectral centroid", "total variation", "effective rank")


SIZES = Sized(
    quick=NetworkSizes(samples=64, width=30, depth=2, steps=200, seeds=2),
    default=NetworkSizes(samples=128, width=80, depth=3, steps=3000, seeds=5),
    full=NetworkSizes(samples=512, width=200, depth=4, steps=20_000, seeds=10),
)


def spectral_centroid(values: Float[np.ndarray, " n"]) -> float:
    """Mean frequency in cycles per period, weighted by power; 0 for a constant."""
    power = np.abs(np.fft.rfft(values))[1:] ** 2
    total = float(power.sum())
    # What rounding leaves of a constant is no power.
    if total <= (len(values) * 1e-12 * float(np.abs(values).max())) ** 2:
        return 0.0
    return float((np.arange(1, len(power) + 1) * power).sum() / total)


def total_variation(values: Float[np.ndarray, " n"]) -> float:
    """Sum of the differences of neighbours around the period, without sign."""
    return float(np.abs(np.diff(values, append=values[:1])).sum())


def effective_rank(features: Float[np.ndarray, "n width"]) -> float:
    """`exp` of the entropy of the singular values' shares, after each feature's mean is taken away; 1 to the rank."""
    centred = features - features.mean(0)
    singular = np.linalg.svd(centred, compute_uv=False)
    if singular[0] <= 1e-12 * max(float(np.abs(features).max()), 1e-300):
        return 1.0
    share = singular / singular.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def last_hidden(ensemble: Ensemble, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "members n width"]:
    """Values of the last hidden layer of tanh networks."""
    weights = ensemble.parameters
    depth = sum(name.startswith("hidden.") and name.endswith(".weight") for name in weights)
    with torch.no_grad():
        h = points.expand(ensemble.count, *points.shape)
        for layer in range(depth):
            h = torch.tanh(h @ weights[f"hidden.{layer}.weight"].mT + weights[f"hidden.{layer}.bias"][:, None])
    return h


def growth(course: Float[np.ndarray, " steps"]) -> float:
    """Spearman correlation of a measure with the step; 0 where it never changes."""
    from scipy.stats import spearmanr

    if np.ptp(course) == 0:
        return 0.0
    return float(spearmanr(np.arange(len(course)), course).statistic)


def run(setting: Setting) -> Outcome:
    """Train, and correlate each measure with the step."""
    sizes = SIZES.of(setting.size)
    points = periodic_points(sizes.samples, setting.device)
    phases = torch.rand(len(WAVES), generator=setting.generator("phases")).to(setting.device) * 2 * math.pi
    values = torch.stack([torch.sin(math.pi * k * points + p) for k, p in zip(WAVES, phases, strict=True)]).sum(0)
    network = MLPConfig(width=sizes.width, depth=sizes.depth, activation="tanh")

    def measure(now: Ensemble) -> list[tuple[float, float, float]]:
        outputs = now.curves(points).astype(np.float64)
        hidden = last_hidden(now, points).cpu().numpy().astype(np.float64)
        return [
            (spectral_centroid(h), total_variation(h), effective_rank(z)) for h, z in zip(outputs, hidden, strict=True)
        ]

    followed = follow_tuned(
        network, points, values, measure, setting, seeds=sizes.seeds, steps=sizes.steps, schedule="cosine",
        trial={"rates": (3e-4, 1e-3, 3e-3, 1e-2), "steps": sizes.steps // 6, "schedule": "cosine"},
        record=record_steps(sizes.steps, 50), name="complexity",
    )  # fmt: skip
    course = followed.seen
    truth = values[:, 0].cpu().numpy().astype(np.float64)
    of_target = {MEASURES[0]: spectral_centroid(truth), MEASURES[1]: total_variation(truth)}
    grown = {name: [growth(course[:, i, j]) for i in range(sizes.seeds)] for j, name in enumerate(MEASURES)}
    least = {name: min(values) for name, values in grown.items()}
    return Outcome(
        holds=min(least.values()) >= LEAST,
        verdict=(
            "Least Spearman correlation with the step over "
            f"{sizes.seeds} seeds: {', '.join(f'{name} {value:.2f}' for name, value in least.items())}; from the start "
            "to the end, in the median, "
            + ", ".join(
                f"{name} {np.median(course[0, :, j]):.3g} to {np.median(course[-1, :, j]):.3g}"
                for j, name in enumerate(MEASURES)
            )
            + f" (the target has {of_target[MEASURES[0]]:.3g} and {of_target[MEASURES[1]]:.3g})."
        ),
        figures={
            "spearman": grown,
            "at_start": {name: course[0, :, j].tolist() for j, name in enumerate(MEASURES)},
            "at_end": {name: course[-1, :, j].tolist() for j, name in enumerate(MEASURES)},
            "greatest": {name: course[:, :, j].max(0).tolist() for j, name in enumerate(MEASURES)},
            "of_target": of_target,
            "final_errors": followed.errors.tolist(),
            "learning_rate": followed.rate,
        },
        plot=_plot(followed.steps, course, of_target),
        notes=(
            "Evaluations are spaced evenly in the logarithm of the step, so that the correlation gives the first steps "
            "as much weight as the last.",
            "The centroid of the small random output at the start is of no low frequency: it falls for a few steps, "
            "until the lowest wave is there, and grows from then on.",
            "All three depend on the start: with large initial weights the output is complex before it is trained.",
        ),
    )


def _plot(steps: list[int], course: np.ndarray, of_target: dict[str, float]) -> "Figure":
    figure, axes = panels(1, 3)
    shown = shown_steps(steps)
    for j, (axis, name) in enumerate(zip(axes, MEASURES, strict=True)):
        curve_with_spread(axis, shown, course[:, :, j].T, "network", COLOURS[0])
        if name in of_target:
            level(axis, of_target[name], "target")
        axis.set(xscale="log", xlabel="step", title=name.capitalize())
        axis.legend()
    axes[0].set_ylabel("cycles per period")
    axes[1].set_ylabel("sum of |differences|")
    axes[2].set_ylabel("of the last hidden features")
    return figure


EXPERIMENT = Experiment(
    title="Complexity grows",
    claim=(
        "Over training, the spectral centroid and the total variation of the output and the effective rank of the last "
        f"hidden features grow: the Spearman correlation of each with the step is {LEAST:g} or more for every seed."
    ),
    source=(
        "Kalimeris et al.: SGD on neural networks learns functions of increasing complexity (2019), arXiv 1905.11604; "
        "effective rank: Roy, Vetterli (2007)"
    ),
    run=run,
)
