"""The order of learning belongs to the continuum limit: the same curves from narrow networks to wide ones.

Mean-field scaling, h(x) = (1/m) Σ a_i tanh(w_i x + b_i), trained by gradient descent at the rate m·η: as m grows this
becomes the gradient flow of a density of neurons, in which time is η times the number of steps. Δ(k) as in order-1d.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import RunError
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import follow, learn, record_steps
from nfield.lab.order.two_layer import TwoLayerConfig
from nfield.lab.orders import least_order, orders
from nfield.lab.samples import periodic_points
from nfield.reports.colours import COLOURS, REFERENCE
from nfield.reports.plots import curve_with_spread, level, panels
from nfield.spectral import fourier_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FREQUENCIES = (1, 2, 3)
THRESHOLD = 0.1
LEAST = 0.95
AGREEMENT = 0.05
RATES = (0.03, 0.1, 0.3)
"""Rates η of the flow that are tried, at the narrowest width; every width has the one chosen."""


@dataclass(frozen=True, kw_only=True)
class _Settings:
    samples: int
    widths: tuple[int, ...]
    time: float
    """η times the number of steps."""
    seeds: int


SIZES = Sized(
    quick=_Settings(samples=32, widths=(32, 64), time=220, seeds=2),
    default=_Settings(samples=64, widths=(64, 256, 1024, 4096), time=300, seeds=5),
    full=_Settings(samples=128, widths=(64, 128, 256, 512, 1024, 2048, 4096), time=1500, seeds=10),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Course:
    width: int
    times: list[float]
    errors: np.ndarray
    """By time, member and frequency."""

    @property
    def orders(self) -> list[float | None]:
        """Order statistic of each member."""
        return orders(self.times, self.errors, THRESHOLD)

    @property
    def crossings(self) -> np.ndarray:
        """Time to the threshold, by member and frequency."""
        members, waves = self.errors.shape[1:]
        times = np.array(self.times)
        return np.array([[crossing(times, self.errors[:, i, j]) for j in range(waves)] for i in range(members)])


def crossing(times: Float[np.ndarray, " n"], errors: Float[np.ndarray, " n"], threshold: float = THRESHOLD) -> float:
    """Time at which an error comes below the threshold for good, linear between evaluations; inf if it never does."""
    above = np.flatnonzero(errors >= threshold)
    if len(above) == 0:
        return float(times[0])
    last = above[-1]
    if last + 1 == len(times):
        return float("inf")
    share = (errors[last] - threshold) / (errors[last] - errors[last + 1])
    return float(times[last] + share * (times[last + 1] - times[last]))


def distance(crossings: Float[np.ndarray, "members waves"], limit: Float[np.ndarray, "others waves"]) -> float:
    """Greatest over the frequencies of the mean |log(T/T*)| over members, T* the median over the limit's members."""
    reference = np.median(limit, 0)
    if not (np.isfinite(crossings).all() and np.isfinite(reference).all()):
        return float("inf")
    found: float = np.abs(np.log(crossings / reference)).mean(0).max()
    return float(found)


def run(setting: Setting) -> Outcome:
    """Train every width for the same time of the flow, and compare the times of learning."""
    sizes = SIZES.of(setting.size)
    rate = _rate(sizes, setting)
    courses = [_course(width, rate, sizes.time, sizes, setting) for width in sizes.widths]
    limit = courses[-1].crossings
    distances = [distance(course.crossings, limit) for course in courses]
    least, least_text = least_order([order for course in courses for order in course.orders])
    kept = least is not None and least >= LEAST
    near = distances[-2] <= AGREEMENT and distances[-2] < distances[0]
    medians = np.median(limit, 0)
    texts = ", ".join(f"{time:.3g}" for time in medians)
    return Outcome(
        holds=bool(kept and near),
        verdict=(
            f"Widths {sizes.widths[0]} to {sizes.widths[-1]}, {sizes.seeds} seeds: the rank correlation is "
            f"{least_text}; times of learning differ from those of the widest by {distances[0]:.1%} at width "
            f"{sizes.widths[0]} and {distances[-2]:.1%} at width {sizes.widths[-2]} (there k = 1, 2, 3 "
            f"after times {texts})."
        ),
        figures={
            "widths": list(sizes.widths),
            "spearman": [course.orders for course in courses],
            "times_below_threshold": [course.crossings for course in courses],
            "distance_to_widest": distances,
            "final_errors": [course.errors[-1] for course in courses],
            "threshold": THRESHOLD,
            "rate": rate,
        },
        plot=_plot(courses, distances),
        notes=(
            "Distance: for each frequency the mean over seeds of |log(T/T*)|, T* the median time of the widest; the "
            "greatest of the frequencies counts. At the widest it is its own scatter over seeds.",
            "With width 1024 as the widest the last but one differed by more than is claimed: 1024 is itself a few per "
            "cent from the limit.",
            "The rate η is tuned once, at the narrowest width; each width trains at m·η, for the same time η·steps.",
            "Differences fall like 1/√width, as those of averages over m random neurons do.",
        ),
    )


def target(points: Float[torch.Tensor, "n 1"]) -> Float[torch.Tensor, "n 1"]:
    """sin πx + sin 2πx + sin 3πx."""
    return sum((torch.sin(torch.pi * k * points) for k in FREQUENCIES), torch.zeros_like(points))


def _network(width: int) -> TwoLayerConfig:
    return TwoLayerConfig(width=width, activation="tanh", exponent=1.0, inner=4.0, outer=2.0)


def _rate(sizes: _Settings, setting: Setting) -> float:
    """The rate η with the least error after a tenth of the time, over all seeds at the narrowest width."""
    points = periodic_points(sizes.samples, setting.device)
    found: dict[float, float] = {}
    width = sizes.widths[0]
    for rate in RATES:
        ensemble = Ensemble(_network(width), 1, 1, setting.seeds(sizes.seeds), device=setting.device)
        steps = round(sizes.time / 10 / rate)
        try:
            errors = learn(ensemble, points, target(points), steps=steps, rate=rate * width, optimizer="descent")
            found[rate] = float(errors.mean())
        except RunError:
            continue
    if not found:
        raise RunError(f"gradient-flow: training diverged at every rate of {', '.join(map(str, RATES))}.")
    # For the same time of the flow a larger rate is no better, only cheaper: the largest that loses nothing.
    least = min(found.values())
    return max(rate for rate, error in found.items() if error <= 1.05 * least)


def _course(width: int, rate: float, time: float, sizes: _Settings, setting: Setting) -> _Course:
    points = periodic_points(sizes.samples, setting.device)
    values = target(points)
    truth = values[:, 0].cpu().numpy()

    def measure(now: Ensemble) -> list[np.ndarray]:
        return [fourier_error(truth, h, np.array(FREQUENCIES)) for h in now.curves(points)]

    steps = round(time / rate)
    course = follow(
        Ensemble(_network(width), 1, 1, setting.seeds(sizes.seeds), device=setting.device),
        points,
        values,
        measure,
        steps=steps,
        rate=rate * width,
        optimizer="descent",
        record=record_steps(steps, 120),
        setting=setting,
        name=f"gradient-flow, width {width}",
    )
    return _Course(width=width, times=[rate * step for step in course.steps], errors=course.seen)


def _plot(courses: list[_Course], distances: list[float]) -> "Figure":
    figure, (curves, crossings, far) = panels(1, 3)
    styles: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
    for colour, course in zip(COLOURS, (courses[0], courses[-1]), strict=False):
        for j, k in enumerate(FREQUENCIES):
            shown = [max(t, course.times[1] / 2) for t in course.times]
            label = f"k = {k}, width {course.width}"
            curve_with_spread(curves, shown, course.errors[:, :, j].T, label, colour)
            curves.lines[-1].set_linestyle(styles[j])
    level(curves, THRESHOLD)
    curves.set(xscale="log", yscale="log", xlabel="time η·steps", ylabel="Δ(k)", title="Narrowest and widest")
    curves.legend(fontsize="x-small", loc="lower left")
    widths = [course.width for course in courses]
    for j, k in enumerate(FREQUENCIES):
        rows = np.array([course.crossings[:, j] for course in courses]).T
        curve_with_spread(crossings, widths, np.where(np.isfinite(rows), rows, np.nan), f"k = {k}", COLOURS[j])
    crossings.set(xscale="log", yscale="log", xlabel="width m", ylabel=f"time to Δ(k) < {THRESHOLD:g}")
    crossings.set(title="Times of learning", xticks=widths, xticklabels=[str(width) for width in widths])
    crossings.minorticks_off()
    crossings.legend(loc="upper right", bbox_to_anchor=(1, 0.8))
    far.plot(widths, distances, "o-", color=COLOURS[0], label="measured")
    if np.isfinite(distances[0]):
        slope = distances[0] * np.sqrt(widths[0] / np.array(widths))
        far.plot(widths, slope, ":", color=REFERENCE, label="1/√m")
    level(far, AGREEMENT, "claim, at the last but one", "--")
    far.set(xscale="log", yscale="log", xlabel="width m", ylabel="difference from the widest, |log T/T*|")
    far.set(title="Convergence to the limit", xticks=widths, xticklabels=[str(width) for width in widths])
    far.minorticks_off()
    far.legend(fontsize="small")
    return figure


EXPERIMENT = Experiment(
    title="The order of learning from narrow networks to the continuum limit",
    claim=(
        "With mean-field scaling the order is the same at every width (Spearman correlation of frequency and time of "
        f"learning {LEAST:g} or more for every seed), and times to an error of {THRESHOLD:g} converge: at the last "
        f"width but one they differ from the widest by {AGREEMENT:.0%} at most, and by less than at the narrowest."
    ),
    source="E, Ma, Wu: Machine Learning from a Continuous Viewpoint (2019), arXiv 1912.12777",
    run=run,
)
