"""Where the order of learning reverses or ends.

Waves `sin(πk(x+1)/2)`, k = 1, 2, 4, 8, on n points inside [-1, 1], and their relative errors |ĥ_k − û_k| / |û_k| by
sine transform, for four trainings of the same network:
- *values*: waves of equal size, squared error of the values: low ones come first.
- *residual*: the same waves, squared error of −u″. In a derivative of order 2 an error at k counts (πk/2)² times, so k⁴
  times in the loss. u″ is the second difference on the points with u = 0 at both ends, which maps each wave to itself
  times a number: relative errors of −u″ are those of u.
- *rising sizes*: waves of size k², squared error of the values.
- *large weights*: waves of equal size, all initial weights and biases several times larger.
And parity, `Π_i x_i` of n bits x_i = ±1, the highest frequency of all there, beside the majority, a low one: trained on
half of all inputs, tested on the others, at every rate: all fit, so that the training error chooses none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.backbones import BackboneConfig, MLPConfig
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import follow, follow_tuned, record_steps
from nfield.lab.orders import orders, times_to
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, level, panels, shown_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAVES = (1, 2, 4, 8)
THRESHOLD = 0.1
GAIN = 5.0
LOW_FIRST = 0.8
NO_ORDER = 0.5
HIGH_FIRST = -0.8
CHANCE = 0.6
LEARNED = 0.9
ROUNDING = 1e-9
RATES = (1e-3, 3e-3, 1e-2, 3e-2)


@dataclass(frozen=True, kw_only=True)
class _Settings:
    samples: int
    width: int
    depth: int
    steps: int
    bits: int
    bit_steps: int
    seeds: int


SIZES = Sized(
    quick=_Settings(samples=31, width=20, depth=2, steps=100, bits=5, bit_steps=60, seeds=2),
    default=_Settings(samples=63, width=60, depth=3, steps=4000, bits=10, bit_steps=400, seeds=5),
    full=_Settings(samples=127, width=200, depth=4, steps=40_000, bits=10, bit_steps=4000, seeds=10),
)


class SecondDifference(torch.nn.Module):
    """`(2h_j − h_{j−1} − h_{j+1}) / (s² c)` of a network's values h at all points in order, 0 beyond them.

    s is the distance of neighbours, c the unit.
    """

    def __init__(self, network: torch.nn.Module, unit: float) -> None:
        super().__init__()
        self.network, self.unit = network, unit

    def forward(self, points: Float[torch.Tensor, "n 1"]) -> Float[torch.Tensor, "n 1"]:
        """−u″ in units of c at all points."""
        h = self.network(points)
        spacing = 2 / (len(points) + 1)
        padded = torch.nn.functional.pad(h, (0, 0, 1, 1))
        return (2 * h - padded[:-2] - padded[2:]) / (spacing**2 * self.unit)


@dataclass(frozen=True, kw_only=True)
class Residual:
    """A network whose −u″ is what is compared."""

    network: BackboneConfig
    unit: float

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> SecondDifference:
        """The module with its weights drawn from the generator."""
        return SecondDifference(self.network.build(in_dim, out_dim, generator), self.unit)


def waves(samples: int) -> Float[np.ndarray, "samples waves"]:
    """The waves at the points, which are evenly between the ends and leave them out."""
    place = np.arange(1, samples + 1) / (samples + 1)
    return np.sin(np.pi * place[:, None] * np.array(WAVES))


def wave_errors(values: Float[np.ndarray, "*rows samples"], truth: Float[np.ndarray, " samples"]) -> np.ndarray:
    """|ĥ_k − û_k| / |û_k| of each wave."""
    basis = waves(len(truth))
    return np.asarray(np.abs((values - truth) @ basis) / np.abs(truth @ basis))


def trainings(sizes: _Settings) -> dict[str, tuple[Any, np.ndarray, float]]:
    """Configuration, target and gain of each training; targets have unit RMS."""
    network = MLPConfig(width=sizes.width, depth=sizes.depth, activation="tanh")
    basis = waves(sizes.samples)
    equal, rising = basis.sum(1), basis @ (np.array(WAVES) ** 2.0)
    scaled = equal / np.sqrt((equal**2).mean())
    # The second difference of a wave is the wave times (2 − 2 cos θ)/s².
    spacing = 2 / (sizes.samples + 1)
    factors = (2 - 2 * np.cos(np.pi * np.array(WAVES) / (sizes.samples + 1))) / spacing**2
    curved = (basis * factors).sum(1) / np.sqrt((equal**2).mean())
    unit = float(np.sqrt((curved**2).mean()))
    return {
        "values": (network, scaled, 1.0),
        "residual": (Residual(network=network, unit=unit), curved / unit, 1.0),
        "rising sizes": (network, rising / np.sqrt((rising**2).mean()), 1.0),
        "large weights": (network, scaled, GAIN),
    }


def on_waves(
    config: Any, truth: np.ndarray, gain: float, sizes: _Settings, setting: Setting, name: str
) -> tuple[list[int], np.ndarray, float]:
    """Steps, errors by step, member and wave, and the rate."""
    place = np.arange(1, sizes.samples + 1) / (sizes.samples + 1)
    points = torch.from_numpy(2 * place - 1)[:, None].to(setting.device)
    values = torch.from_numpy(truth)[:, None].to(setting.device)
    # In double precision, as the points are: second differences take most digits away.
    course = follow_tuned(
        config, points, values, lambda now: wave_errors(now.curves(points), truth), setting, seeds=sizes.seeds,
        steps=sizes.steps, trial={"rates": RATES, "steps": max(sizes.steps // 8, 1), "schedule": "cosine"}, gain=gain,
        schedule="cosine", record=record_steps(sizes.steps, 80), name=f"limits: {name}",
    )  # fmt: skip
    return course.steps, course.seen, course.rate


def parity(bits: torch.Tensor) -> torch.Tensor:
    """Product of all bits ±1."""
    return bits.prod(1, keepdim=True)


def majority(bits: torch.Tensor) -> torch.Tensor:
    """Sign of the sum of the bits but the last where their number is even, so that there is no draw."""
    odd = bits[:, : bits.shape[1] - (bits.shape[1] + 1) % 2]
    return odd.sum(1, keepdim=True).sign()


def all_bits(count: int) -> Float[torch.Tensor, "rows count"]:
    """Every row of `count` bits ±1 once."""
    rows = torch.arange(2**count)[:, None]
    return ((rows >> torch.arange(count)) & 1).float() * 2 - 1


def accuracies(
    rule: Callable[[torch.Tensor], torch.Tensor], rate: float, sizes: _Settings, setting: Setting, name: str
) -> tuple[list[int], np.ndarray]:
    """Steps, and the share of right signs on trained and on other inputs, by step and member."""
    inputs = all_bits(sizes.bits)
    order = torch.randperm(len(inputs), generator=setting.generator("bits"))
    inputs = inputs[order].to(setting.device)
    labels = rule(inputs)
    half = len(inputs) // 2
    network = MLPConfig(width=2 * sizes.width, depth=2, activation="tanh")
    ensemble = Ensemble(network, sizes.bits, 1, setting.seeds(sizes.seeds), device=setting.device)

    def shares(now: Ensemble) -> np.ndarray:
        right = (now.in_blocks(inputs).sign() == labels).float()[..., 0]
        return torch.stack([right[:, :half].mean(1), right[:, half:].mean(1)], 1).cpu().numpy()

    course = follow(
        ensemble, inputs[:half], labels[:half], shares, steps=sizes.bit_steps, rate=rate, schedule="cosine",
        record=record_steps(sizes.bit_steps, 40), setting=setting, name=f"limits: {name}",
    )  # fmt: skip
    return course.steps, course.seen


def judged(orders: dict[str, list[float | None]], right: dict[str, np.ndarray]) -> dict[str, bool]:
    """Each part of the claim by itself. Orders that are not known are none."""
    known = {name: [0.0 if order is None else order for order in row] for name, row in orders.items()}
    return {
        "values": min(known["values"]) >= LOW_FIRST - ROUNDING,
        "residual": max(known["residual"]) <= HIGH_FIRST + ROUNDING,
        "rising sizes": max(known["rising sizes"]) <= HIGH_FIRST + ROUNDING,
        "large weights": max(known["large weights"]) <= NO_ORDER + ROUNDING,
        "parity": bool(right["parity"][..., 0].min() >= LEARNED and right["parity"][..., 1].max() <= CHANCE),
        "majority": bool(right["majority"].min() >= LEARNED),
    }


def run(setting: Setting) -> Outcome:
    """All trainings on the waves, then bits."""
    sizes = SIZES.of(setting.size)
    courses: dict[str, tuple[list[int], np.ndarray]] = {}
    rates: dict[str, float] = {}
    for name, (config, truth, gain) in trainings(sizes).items():
        steps, errors, rates[name] = on_waves(config, truth, gain, sizes, setting, name)
        courses[name] = (steps, errors)
    bits = {
        name: {rate: accuracies(rule, rate, sizes, setting, name) for rate in RATES}
        for name, rule in (("parity", parity), ("majority", majority))
    }
    found = {name: orders(*course, THRESHOLD) for name, course in courses.items()}
    final = {name: np.array([right[-1] for _, right in by_rate.values()]) for name, by_rate in bits.items()}
    best_parity = final["parity"][..., 1].max(1)
    parts = judged(found, final)
    shown = {
        name: " to ".join(f"{end:+.2f}" for end in (min(row), max(row))) if row else "not known"
        for name, row in ((name, [o for o in row if o is not None]) for name, row in found.items())
    }
    failed = [name for name, part in parts.items() if not part]
    return Outcome(
        holds=not failed,
        verdict=(
            f"Order of learning (1 low first, −1 high first) over {sizes.seeds} seeds: "
            f"{', '.join(f'{name} {text}' for name, text in shown.items())}. Parity of {sizes.bits} bits: "
            f"{final['parity'][..., 0].min():.2f} right at the least where trained, elsewhere at the most "
            f"{', '.join(f'{share:.2f} (rate {rate:g})' for share, rate in zip(best_parity, RATES, strict=True))}; "
            f"majority: {final['majority'][..., 1].min():.2f} at the least elsewhere. "
            + (f"Not as claimed: {', '.join(failed)}." if failed else "All as claimed.")
        ),
        figures={
            "order": found,
            "parts": parts,
            "steps_below_threshold": {name: times_to(s, errors, THRESHOLD) for name, (s, errors) in courses.items()},
            "final_errors": {name: np.median(errors[-1], 0).tolist() for name, (_, errors) in courses.items()},
            "accuracy": {
                name: {
                    f"{rate:g}": {"trained": row[:, 0].tolist(), "other": row[:, 1].tolist()}
                    for rate, row in zip(RATES, rows, strict=True)
                }
                for name, rows in final.items()
            },
            "learning_rates": rates,
        },
        plot=_plot(courses, bits),
        notes=(
            "The rate with large weights is the one tuned for usual ones, as the search knows no gain.",
            "Errors are relative to each wave's own size; absolute ones of rising sizes look even more so.",
            "Where parity is right on fewer than half, the network continues smoothly: the nearest inputs, one flip "
            "away, have the other sign. Adam's large steps leave that regime and can find part of the rule.",
        ),
    )


def _plot(
    courses: dict[str, tuple[list[int], np.ndarray]], bits: dict[str, dict[float, tuple[list[int], np.ndarray]]]
) -> "Figure":
    figure, axes = panels(2, 3)
    titles = {
        "values": "Loss of the values: low first",
        "residual": "Loss of −u″",
        "rising sizes": "Sizes rising like k²",
        "large weights": f"Initial weights times {GAIN:g}",
    }
    for axis, (name, (steps, errors)) in zip(axes, courses.items(), strict=False):
        for j, k in enumerate(WAVES):
            curve_with_spread(axis, shown_steps(steps), errors[:, :, j].T, f"k = {k}", COLOURS[j])
        level(axis, THRESHOLD)
        axis.set(
            xscale="log", yscale="log", xlabel="step", ylabel="relative error", title=titles[name], ylim=(1e-4, 10)
        )
        axis.legend(loc="lower left")
    for axis, (name, by_rate) in zip(axes[4:], bits.items(), strict=True):
        for colour, (rate, (steps, right)) in zip(COLOURS, by_rate.items(), strict=False):
            shown = shown_steps(steps)
            axis.plot(shown, np.median(right[:, :, 0], 1), "--", color=colour, linewidth=1)
            curve_with_spread(axis, shown, right[:, :, 1].T, f"rate {rate:g}", colour)
        level(axis, 0.5)
        axis.set(
            xscale="log",
            xlabel="step",
            ylabel="share right",
            title=f"{name.capitalize()}: other inputs (dashed: trained)",
        )
        axis.set_ylim(0.2, 1.05)
        axis.legend(loc="best")
    return figure


EXPERIMENT = Experiment(
    title="Where the order reverses or ends",
    claim=(
        f"For every seed: the order statistic is {LOW_FIRST:g} or more with a loss of the values (low first), "
        f"{HIGH_FIRST:g} or less with a loss of −u″ and with sizes rising like k² (high first), and {NO_ORDER:g} or "
        f"less with initial weights {GAIN:g} times larger; parity, fitted on half of all inputs, is right on at most "
        f"{CHANCE:g} of the others, where majority reaches {LEARNED:g}, at every rate."
    ),
    source=(
        "Parity: Xu, Zhang, Luo, Xiao, Ma: Frequency Principle (2019), arXiv 1901.06523; large weights: Xu: "
        "Understanding training and generalization in deep learning by Fourier analysis (2018), arXiv 1808.04295; "
        "derivatives in the loss: Xu, Zhang, Luo: Overview frequency principle/spectral bias in deep learning (2022), "
        "arXiv 2201.07395"
    ),
    run=run,
)
