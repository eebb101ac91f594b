"""Prediction of training by the tangent kernel, where it holds and where it breaks.

K = J Jᵀ at the start; gradient descent on the mean squared error over N samples at rate η should take the residual's
component along eigenvector i down like e^{−2ηλ_i t/N}. Measured is c_i(t)/c_i(0) of networks of several widths in the
scaling whose limit is linear, h(x) = m^{−1/2} Σ a_i σ(w_i x + b_i).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from jaxtyping import Float

from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import learn, record_steps
from nfield.lab.plots import COLOURS, curve_with_spread, panels
from nfield.lab.two_layer import TwoLayerConfig
from nfield.spectral import tangent_kernel, tangent_spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 0.95
WAVES = (1, 2, 3, 5, 8)
SHARE = 1e-3
"""Components with less than this share of the residual's energy at the start are left out: their ratio is noise."""


@dataclass(frozen=True, kw_only=True)
class _Settings:
    samples: int
    widths: tuple[int, ...]
    steps: int
    seeds: int


SIZES = Sized(
    quick=_Settings(samples=24, widths=(8, 256), steps=60, seeds=2),
    default=_Settings(samples=64, widths=(16, 64, 256, 1024, 4096), steps=2000, seeds=5),
    full=_Settings(samples=128, widths=(16, 64, 256, 1024, 4096, 16_384), steps=20_000, seeds=10),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Course:
    width: int
    steps: list[int]
    predicted: list[np.ndarray]
    measured: list[np.ndarray]
    """Shares of the components that are left, for each member by step and eigenvector."""
    eigenvalues: np.ndarray
    """By member."""
    drift: list[float]
    """‖K(end) − K(start)‖ / ‖K(start)‖ for each member."""

    @property
    def correlations(self) -> list[float]:
        """Correlation of the predicted and the measured shares for each member."""
        return [correlation(p, m) for p, m in zip(self.predicted, self.measured, strict=True)]

    def deviation(self) -> np.ndarray:
        """Root mean square of measured − predicted over the components, by member and step."""
        pairs = zip(self.predicted, self.measured, strict=True)
        return np.array([np.sqrt(((m - p) ** 2).mean(1)) for p, m in pairs])


def correlation(predicted: Float[np.ndarray, "steps n"], measured: Float[np.ndarray, "steps n"]) -> float:
    """Pearson correlation over all components and steps but the first, at which all are 1."""
    return float(np.corrcoef(predicted[1:].ravel(), measured[1:].ravel())[0, 1])


def target(x: Float[torch.Tensor, "n 1"]) -> Float[torch.Tensor, "n 1"]:
    """Σ sin(πkx + k), k = 1, 2, 3, 5, 8."""
    return sum((torch.sin(torch.pi * k * x + k) for k in WAVES), torch.zeros_like(x))


def run(setting: Setting) -> Outcome:
    """Predict the decay of every component at the start, train, and compare, width by width."""
    sizes = SIZES.of(setting.size)
    courses = [_course(width, sizes, setting) for width in sizes.widths]
    widest, narrowest = courses[-1], courses[0]
    least = min(widest.correlations)
    return Outcome(
        holds=bool(least >= LEAST),
        verdict=(
            f"Correlation of predicted and measured decay over {sizes.seeds} seeds: at width {widest.width} at "
            "the least "
            f"{least:.3f}, at width {narrowest.width} in the median {np.median(narrowest.correlations):.3f}. The "
            "kernel "
            f"itself moves by {np.median(widest.drift):.1%} and by {np.median(narrowest.drift):.0%} in training."
        ),
        figures={
            "widths": list(sizes.widths),
            "correlations": [course.correlations for course in courses],
            "kernel_drift": [course.drift for course in courses],
            "drift_slope_with_width": float(
                np.polyfit(np.log(sizes.widths), [np.log(np.median(c.drift)) for c in courses], 1)[0]
            ),
            "final_deviation": [np.median(course.deviation()[:, -1]) for course in courses],
            "components_compared": [[p.shape[1] for p in course.predicted] for course in courses],
            "eigenvalues_of_widest": widest.eigenvalues[0],
            "steps": widest.steps,
        },
        plot=_plot(courses),
        notes=(
            "Where it breaks: narrow networks, from the first steps on, and all of them late, once the kernel "
            "has moved. "
            "The kernel moves about like 1/√width.",
            "The rate is 0.2 of that at which descent diverges: at larger ones descent itself departs from "
            "e^{−2ηλt/N}.",
            f"Components below {SHARE:g} of the energy of the first residual are left out.",
        ),
    )


def _course(width: int, sizes: _Settings, setting: Setting) -> _Course:
    n = sizes.samples
    points = (torch.arange(n, dtype=torch.float64, device=setting.device) / n * 2 - 1)[:, None]
    values = target(points)
    network = TwoLayerConfig(width=width, inner=2.0)
    ensemble = Ensemble(network, 1, 1, setting.seeds(sizes.seeds), dtype=torch.float64, device=setting.device)

    def kernels() -> list[np.ndarray]:
        members = range(ensemble.count)
        functions = [cast(Callable[..., torch.Tensor], ensemble.member(row)) for row in members]
        return [tangent_kernel(functions[row], points, ensemble.parameters_of_member(row)) for row in members]

    before = kernels()
    spectra = [tangent_spectrum(kernel) for kernel in before]
    rate = 0.2 * min(spectrum.greatest_rate() for spectrum in spectra)
    steps: list[int] = []
    components: list[list[np.ndarray]] = []

    def look(step: int, now: Ensemble) -> None:
        steps.append(step)
        residuals = (now.in_blocks(points) - values)[..., 0].cpu().numpy()
        components.append([spectrum.along(r) for spectrum, r in zip(spectra, residuals, strict=True)])

    learn(
        ensemble,
        points,
        values,
        steps=sizes.steps,
        rate=rate,
        optimizer="descent",
        record=record_steps(sizes.steps, 40),
        look=look,
        setting=setting,
        name=f"tangent-kernel, width {width}",
    )
    after = kernels()
    predicted, measured = [], []
    for row, spectrum in enumerate(spectra):
        table = np.array([one[row] for one in components])
        kept = table[0] ** 2 >= SHARE * (table[0] ** 2).sum()
        measured.append((table / table[0])[:, kept])
        predicted.append(spectrum.predicted_decay(rate * np.array(steps))[:, kept])
    return _Course(
        width=width,
        steps=steps,
        predicted=predicted,
        measured=measured,
        eigenvalues=np.array([spectrum.eigenvalues for spectrum in spectra]),
        drift=[float(np.linalg.norm(b - a) / np.linalg.norm(a)) for a, b in zip(before, after, strict=True)],
    )


def _plot(courses: list[_Course]) -> "Figure":
    figure, (spectrum, decay, scatter, drift) = panels(2, 2, width=5.0)
    for colour, course in zip(COLOURS, courses, strict=False):
        index = list(range(1, course.eigenvalues.shape[1] + 1))
        curve_with_spread(spectrum, index, course.eigenvalues, f"width {course.width}", colour)
        curve_with_spread(
            drift, [max(s, 0.5) for s in course.steps], course.deviation(), f"width {course.width}", colour
        )
    greatest = courses[-1].eigenvalues.max()
    spectrum.set(
        xscale="log", yscale="log", xlabel="index i", ylabel="λ_i", title="Spectrum of the kernel at the start"
    )
    spectrum.set_ylim(greatest * 1e-8, greatest * 3)
    spectrum.legend(fontsize="small")
    widest, narrowest = courses[-1], courses[0]
    chosen = np.unique(np.linspace(0, widest.predicted[0].shape[1] - 1, 5).round().astype(int))
    shown = [max(s, 0.5) for s in widest.steps]
    for colour, i in zip(COLOURS, chosen, strict=False):
        decay.plot(shown, widest.measured[0][:, i], color=colour, label=f"component {i + 1}")
        decay.plot(shown, widest.predicted[0][:, i], color="black", linestyle=":", linewidth=1.5)
    decay.set(xscale="log", xlabel="step", ylabel="share left", title=f"Width {widest.width}; dotted: predicted")
    decay.legend(fontsize="small")
    for course, colour in ((narrowest, COLOURS[1]), (widest, COLOURS[0])):
        p, m = course.predicted[0][1:].ravel(), course.measured[0][1:].ravel()
        scatter.plot(p, m, ".", markersize=4, color=colour, alpha=0.6, label=f"width {course.width}")
    scatter.plot([0, 1], [0, 1], color="#888888", linestyle=":")
    scatter.set(xlabel="predicted share left", ylabel="measured", title="Every component and step", ylim=(-1, 2))
    scatter.legend(fontsize="small")
    drift.set(xscale="log", yscale="log", xlabel="step", ylabel="RMS of measured − predicted")
    drift.set(title="Where the prediction breaks", ylim=(1e-5, 3))
    drift.legend(fontsize="small")
    return figure


EXPERIMENT = Experiment(
    title="What the tangent kernel predicts, and where it breaks",
    claim=(
        "In the widest networks the decay e^(−2ηλt/N) that the tangent kernel at the start predicts for each component "
        f"of the residual agrees with gradient descent: a correlation of {LEAST:g} or more for every seed."
    ),
    source="Jacot, Gabriel, Hongler: Neural Tangent Kernel (2018), arXiv 1806.07572",
    run=run,
)
