"""How fast learning fades with frequency: a power set by the activation's kinks, and two exact powers for wide
networks.

1. Share of the change of the loss that lies above a frequency η, |dL_{>η}/dt| / |dL/dt|, for networks of one hidden
   layer on the line with a Gaussian density of points: L = ∫ |h − f|² ρ dx, r = (h − f) √ρ, L_{>η} = Σ_{|k|>η}
   |r̂_k|², so dL_{>η}/dt = 2 Re Σ conj(r̂_k) dr̂_k/dt. Where the j-th derivative of σ is the first that jumps, r̂_k
   falls like k^−(j+1) and dr̂_k/dt, which holds σ', like k^−j: summed above η at most η^−2j. That is −2 for ReLU and
   sReLU (kinks, j = 1), −4 for φ (j = 2), and faster than any power for tanh.
2. Two layers of ReLU in the linear regime, d = 1: the residual at frequency ξ decays at a rate c₁|ξ|^−4 + c₂|ξ|^−2; the
   first term is the doing of the outer weights, the second one of the inner weights and biases.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone, BackboneConfig
from nfield.backbones.mlp import MLPConfig
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import follow_tuned, learn, record_steps
from nfield.lab.order.two_layer import TwoLayerConfig
from nfield.lab.samples import periodic_points
from nfield.reports.colours import COLOURS, REFERENCE
from nfield.reports.plots import curve_with_spread, panels
from nfield.spectral import tangent_kernel, tangent_spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOUNDS = {"relu": -2.0, "srelu": -2.0, "phi": -4.0, "tanh": -np.inf}
"""Slopes that theory allows at most, by activation."""
NAMES = {"relu": "ReLU", "srelu": "sReLU", "phi": "φ", "tanh": "tanh"}
DEVIATION = 0.12
"""Standard deviation of √ρ: its own spectrum is below all kinks from 8 cycles per unit length on."""
ROUNDING = 1e-26
"""Shares below are rounding in float64: a product of two transforms, each exact to about 1e-15."""
PARTS: dict[str, tuple[str, ...]] = {
    "all weights": ("outer", "inner", "bias"),
    "outer weights": ("outer",),
    "inner weights": ("inner", "bias"),
}
"""What is trained in the linear regime."""
TOLERANCE = 0.3
WAVE_DEVIATION = 0.25


@dataclass(frozen=True, kw_only=True)
class _Settings:
    width: int
    samples: int
    steps: int
    seeds: int
    wide: int
    wide_samples: int
    wide_steps: int
    waves: tuple[float, ...]
    """Frequencies in the linear regime, in cycles per unit length."""


_WAVES = (3.0, 4.0, 5.5, 8.0, 11.0, 16.0)
SIZES = Sized(
    quick=_Settings(
        width=24, samples=256, steps=15, seeds=3, wide=400, wide_samples=96, wide_steps=5, waves=(3.0, 4.5, 7.0)
    ),
    default=_Settings(
        width=100, samples=1024, steps=300, seeds=8, wide=1000, wide_samples=256, wide_steps=15, waves=_WAVES
    ),
    full=_Settings(
        width=400,
        samples=2048,
        steps=3000,
        seeds=20,
        wide=4000,
        wide_samples=512,
        wide_steps=50,
        waves=(*_WAVES, 23.0, 32.0),
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Weighted:
    """A network times √ρ, so that the plain mean of squares is the loss under the density ρ."""

    inside: BackboneConfig

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "_WeightedNetwork":
        return _WeightedNetwork(self.inside.build(in_dim, out_dim, generator))


class _WeightedNetwork(AbstractBackbone):
    def __init__(self, inside: AbstractBackbone) -> None:
        super().__init__()
        self.inside, self.in_dim, self.out_dim = inside, inside.in_dim, inside.out_dim

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        return self.inside(features) * bell(features, DEVIATION)


def bell(x: Float[torch.Tensor, "*batch 1"], deviation: float) -> Float[torch.Tensor, "*batch 1"]:
    """A Gaussian of height 1."""
    return torch.exp(-x.square() / (2 * deviation**2))


def target(x: Float[torch.Tensor, "*batch 1"]) -> Float[torch.Tensor, "*batch 1"]:
    """sin 2πx + ½ cos πx: nothing above a cycle per unit length, so that what is seen there is the network's own."""
    return torch.sin(2 * torch.pi * x) + 0.5 * torch.cos(torch.pi * x)


def shares_above(
    residual: Float[np.ndarray, "members n"],
    change: Float[np.ndarray, "members n"],
    length: float,
    etas: Float[np.ndarray, " etas"],
) -> Float[np.ndarray, "members etas"]:
    """`|dL_{>η}/dt| / |dL/dt|` from a residual and its change in time on a regular grid of a given length."""
    n = residual.shape[1]
    terms = 2 * (np.conj(np.fft.rfft(residual, axis=1)) * np.fft.rfft(change, axis=1)).real
    # All but the first, and the last of an even number, stand for two frequencies, ±k.
    terms[:, 1 : (n + 1) // 2] *= 2
    frequencies = np.fft.rfftfreq(n, length / n)
    above = np.stack([terms[:, frequencies > eta].sum(1) for eta in etas], 1)
    shares: np.ndarray = np.abs(above) / np.abs(terms.sum(1, keepdims=True))
    return shares


def power(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], least: float = 0.0) -> float:
    """Slope of log y against log x where y is above `least`; NaN where fewer than 3 values are."""
    kept = y > least
    return float(np.polyfit(np.log(x[kept]), np.log(y[kept]), 1)[0]) if kept.sum() >= 3 else float("nan")


def interval(values: list[float], seed: int) -> tuple[float, float]:
    """95 % bootstrap confidence interval of the mean."""
    rng = np.random.default_rng(seed)
    means = rng.choice(np.array(values), (4000, len(values))).mean(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def flow(
    ensemble: Ensemble, points: Float[torch.Tensor, "n 1"], values: Float[torch.Tensor, "n 1"]
) -> tuple[Float[np.ndarray, "members n"], Float[np.ndarray, "members n"]]:
    """Residuals, and their exact change in time under gradient flow, dr/dt = −J ∇L."""
    weights = list(ensemble.parameters.values())
    outputs = ensemble(points)
    loss = (outputs - values).square().mean((1, 2)).sum()
    gradients = torch.autograd.grad(loss, weights, retain_graph=True)
    # J times a direction, by differentiating Jᵀv in v: forward mode is missing for φ.
    v = torch.zeros_like(outputs, requires_grad=True)
    pulled = torch.autograd.grad(outputs, weights, v, create_graph=True)
    (change,) = torch.autograd.grad(pulled, v, [-g for g in gradients])
    residual = (outputs - values).detach()
    return residual[..., 0].cpu().numpy(), change[..., 0].cpu().numpy()


def run(setting: Setting) -> Outcome:
    """Measure the slopes of both, with confidence intervals over seeds."""
    sizes = SIZES.of(setting.size)
    # From where the bell has faded to a sixteenth of the sampling rate.
    etas = np.geomspace(8, max(sizes.samples / 16, 16), 25)
    shares: dict[str, np.ndarray] = {}
    rates: dict[str, float] = {}
    for activation in BOUNDS:
        rates[activation], shares[activation] = _shares(activation, etas, sizes, setting)
    slopes = {name: [power(etas, one, ROUNDING) for one in rows] for name, rows in shares.items()}
    spans = {name: interval(values, setting.seed) for name, values in slopes.items()}
    decay = {part: _decay(part, sizes, setting) for part in PARTS}
    waves = np.array(sizes.waves)
    linear = {part: [power(waves, one) for one in rows] for part, rows in decay.items()}
    linear_spans = {part: interval(values, setting.seed) for part, values in linear.items()}
    kinks_above_phi = min(spans["relu"][0], spans["srelu"][0]) > spans["phi"][1]
    ordered = kinks_above_phi and spans["phi"][0] > spans["tanh"][1]
    # An interval that lies above its bound as a whole would refute it.
    bounded = all(spans[name][0] <= bound for name, bound in BOUNDS.items() if np.isfinite(bound))
    apart = (
        abs(np.mean(linear["outer weights"]) + 4) <= TOLERANCE
        and abs(np.mean(linear["inner weights"]) + 2) <= TOLERANCE
        and linear_spans["all weights"][0] > -4
        and linear_spans["all weights"][1] < -2
    )
    seen = ", ".join(f"{NAMES[name]} {_slope_text(slopes[name], spans[name])}" for name in BOUNDS)
    wide = ", ".join(f"{part} {_slope_text(linear[part], linear_spans[part])}" for part in PARTS)
    return Outcome(
        holds=bool(ordered and bounded and apart),
        verdict=f"Slopes of the share above η, with 95 % intervals: {seen}. Wide ReLU, rate of decay: {wide}.",
        figures={
            "share_slopes": slopes,
            "share_intervals": spans,
            "bounds_of_theory": BOUNDS,
            "ordered": bool(ordered),
            "within_bounds": bool(bounded),
            "etas": etas,
            "median_shares": {name: np.median(rows, 0) for name, rows in shares.items()},
            "learning_rates": rates,
            "linear_slopes": linear,
            "linear_intervals": linear_spans,
            "linear_holds": bool(apart),
            "linear_rates": {part: np.median(rows, 0) for part, rows in decay.items()},
            "linear_coefficients": _coefficients(waves, np.median(decay["all weights"], 0)),
            "waves": waves,
        },
        plot=_plot(etas, shares, waves, decay),
        notes=(
            "The theorem (Luo et al. 2019) bounds shares from above; the powers follow from the kinks as derived in "
            "the head of the code. What is measured may be steeper, since terms of random sign partly cancel.",
            "tanh falls to the rounding of float64 within a few η: its slope is that of the range before, with the "
            "Gaussian density's own fall in it, so 'at least as steep as this'.",
            "The median over the steps of training is taken for each seed. Gradient descent only, at rates of 0.3 and "
            "less, since the theorem is on gradient flow.",
            "The linear regime starts from a windowed wave as the residual, and sees the first steps of its decay. Its "
            "outer weights were made small enough for the bend between both powers to lie amid the waves: with others "
            "one of the two terms would cover the other.",
        ),
    )


def _slope_text(values: list[float], span: tuple[float, float]) -> str:
    return f"{np.mean(values):.2f} ({span[0]:.2f} to {span[1]:.2f})"


def _shares(activation: str, etas: np.ndarray, sizes: _Settings, setting: Setting) -> tuple[float, np.ndarray]:
    """Rate of learning, and the median share over training by member and η."""
    n = sizes.samples
    points = periodic_points(n, setting.device, torch.float64)
    values = target(points) * bell(points, DEVIATION)
    values = values / values.std()
    network = _Weighted(inside=MLPConfig(width=sizes.width, depth=1, activation=activation))
    course = follow_tuned(
        network, points, values, lambda now: shares_above(*flow(now, points, values), 2.0, etas), setting,
        trial={"rates": (0.03, 0.1, 0.3), "steps": max(sizes.steps // 8, 5), "optimizer": "descent"},
        seeds=sizes.seeds, steps=sizes.steps, optimizer="descent", record=record_steps(sizes.steps, 25),
        name=f"decay-rate, {NAMES[activation]}",
    )  # fmt: skip
    return course.rate, np.median(course.seen, 0)


def _decay(part: str, sizes: _Settings, setting: Setting) -> np.ndarray:
    """Measured rate of decay per unit of time, by seed and wave, where a part of the weights is trained."""
    n = sizes.wide_samples
    points = periodic_points(n, setting.device, torch.float64)
    # Outer weights this small give both terms of the rate the same size amid the waves.
    network = TwoLayerConfig(width=sizes.wide, outer=0.03)
    seeds = setting.seeds(sizes.seeds)
    members = [seed for seed in seeds for _ in sizes.waves]
    ensemble = Ensemble(network, 1, 1, members, dtype=torch.float64, device=setting.device)
    for name, value in ensemble.parameters.items():
        value.requires_grad_(name in PARTS[part])
    waves = torch.stack([torch.sin(2 * torch.pi * k * points) for k in sizes.waves]) * bell(points, WAVE_DEVIATION)
    start = waves.repeat(len(seeds), 1, 1)
    values = ensemble.in_blocks(points) - start
    chosen = {name: value for name, value in ensemble.parameters_of_member(0).items() if name in PARTS[part]}
    others = {name: value for name, value in ensemble.parameters_of_member(0).items() if name not in PARTS[part]}
    function = cast(Callable[..., torch.Tensor], ensemble.member(0))
    kernel = tangent_kernel(lambda weights, x: function({**others, **weights}, x), points, chosen)
    rate = 0.5 * tangent_spectrum(kernel).greatest_rate()
    learn(ensemble, points, values, steps=sizes.wide_steps, rate=rate, optimizer="descent", setting=setting, name=part)
    left = ((ensemble.in_blocks(points) - values) * start).sum((1, 2)) / start.square().sum((1, 2))
    rates: np.ndarray = -np.log(left.cpu().numpy()).reshape(len(seeds), -1) / (rate * sizes.wide_steps)
    return rates


def _coefficients(waves: Float[np.ndarray, " n"], rates: Float[np.ndarray, " n"]) -> dict[str, float]:
    """c₁ and c₂ ≥ 0 of c₁ξ^−4 + c₂ξ^−2 with the least relative error, and the greatest relative error of the fit."""
    from scipy.optimize import nnls

    scaled = np.stack([waves**-4.0, waves**-2.0], 1) / rates[:, None]
    found, _ = nnls(scaled, np.ones(len(rates)))
    return {"c1": found[0], "c2": found[1], "greatest_relative_error": np.abs(scaled @ found - 1).max()}


def _plot(etas: np.ndarray, shares: dict[str, np.ndarray], waves: np.ndarray, decay: dict[str, np.ndarray]) -> "Figure":
    figure, (left, right) = panels(1, 2, width=5.4, height=4.2)
    for colour, (name, rows) in zip(COLOURS, shares.items(), strict=False):
        curve_with_spread(left, etas.tolist(), np.maximum(rows, 1e-32), NAMES[name], colour)
    for slope, style, start in ((-2, ":", 1e-4), (-4, "--", 1e-5)):
        left.plot(etas, start * (etas / etas[0]) ** slope, style, color=REFERENCE, label=f"slope {slope}")
    left.axhspan(1e-32, ROUNDING, color=REFERENCE, alpha=0.15, linewidth=0, label="rounding")
    left.set(xscale="log", yscale="log", xlabel="η, cycles per unit length", ylabel="share of |dL/dt| above η")
    left.set(title="Smoother activations fade faster", ylim=(1e-32, 1))
    left.legend(fontsize="small", loc="center right")
    for colour, (part, rows) in zip(COLOURS, decay.items(), strict=False):
        curve_with_spread(right, waves.tolist(), rows / rows[:, :1], part, colour)
    for slope, style in ((-2, ":"), (-4, "--")):
        right.plot(waves, (waves / waves[0]) ** slope, style, color=REFERENCE, label=f"slope {slope}")
    right.set(xscale="log", yscale="log", xlabel="ξ, cycles per unit length", ylabel="rate of decay, first one = 1")
    right.set(title="Wide two-layer ReLU: between −2 and −4")
    right.legend(fontsize="small", loc="lower left")
    return figure


EXPERIMENT = Experiment(
    title="How fast learning fades with frequency",
    claim=(
        "The share of the loss change above frequency η falls like a power of η: 95 % intervals of the mean slope "
        "reach or go below -2 for ReLU and sReLU and -4 for φ, and φ is steeper than both and tanh steepest, "
        "intervals apart; "
        f"and in wide ReLU networks residuals decay at rates with slope -4 ± {TOLERANCE:g} by the outer weights, "
        f"-2 ± {TOLERANCE:g} by the inner ones, and in between by all."
    ),
    source="Luo, Ma, Xu, Zhang: Theory of the Frequency Principle for General Deep Neural Networks (2019), "
    "arXiv 1906.09235; linear regime: Luo, Ma, Xu, Zhang: On the Exact Computation of Linear Frequency Principle "
    "Dynamics (2020), arXiv 2010.08153",
    run=run,
)
