"""Compression in the information plane, explained by the order of frequencies.

Target `f(x) = α Round(x/α)`, a staircase, on [-1, 1]; beside it f(x) = x. The output T is sorted into bins of width b,
`T_b = b Round(T/b)`, and its entropy H(T_b), which is the information of T_b on x, is followed over training. A network
learns the slope, a low frequency, first: T takes many values, and H rises; with the steps it takes few, and H falls.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch

from nfield.backbones import MLPConfig
from nfield.lab.experiment import Experiment, NetworkSizes, Outcome, Setting, Sized
from nfield.lab.learning import follow_tuned, record_steps
from nfield.lab.phenomena.information import binned, entropy, entropy_bias, mutual_information, mutual_information_bias
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, panels, shown_steps, target_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BIN = 0.05
RATES = (3e-4, 1e-3, 3e-3, 1e-2)
STEP = 0.5
"""α of the staircase: five values."""
FALL = 1.0
"""Bits that the entropy falls from its peak for the staircase."""
STAYS = 0.2
"""Bits that it may fall for the slope."""


SIZES = Sized(
    quick=NetworkSizes(samples=101, width=30, depth=2, steps=300, seeds=2),
    default=NetworkSizes(samples=401, width=60, depth=3, steps=3000, seeds=5),
    full=NetworkSizes(samples=1001, width=200, depth=4, steps=10_000, seeds=10),
)


def run(setting: Setting) -> Outcome:
    """Train on the staircase and on the slope, and follow the entropy of the output."""
    sizes = SIZES.of(setting.size)
    # In double precision: single rounds 0.25/0.5 to either side of the edge of a step.
    x = np.linspace(-1, 1, sizes.samples)
    targets = {"staircase": STEP * np.round(x / STEP), "slope": x}
    points = torch.from_numpy(x[:, None]).float().to(setting.device)
    network = MLPConfig(width=sizes.width, depth=sizes.depth, activation="tanh")
    steps = record_steps(sizes.steps, 60)
    outputs: dict[str, np.ndarray] = {}
    rates: dict[str, float] = {}
    for name, truth in targets.items():
        values = torch.from_numpy(truth[:, None]).float().to(setting.device)
        course = follow_tuned(
            network, points, values, lambda now: now.curves(points).astype(np.float64), setting, seeds=sizes.seeds,
            steps=sizes.steps, trial={"rates": RATES, "steps": sizes.steps // 6, "schedule": "cosine"},
            schedule="cosine", record=steps, name=f"compression: {name}",
        )  # fmt: skip
        outputs[name], rates[name] = course.seen, course.rate
    bits = {name: np.array([[entropy(binned(one, BIN)) for one in row] for row in outputs[name]]) for name in targets}
    label = {name: binned(truth, BIN) for name, truth in targets.items()}
    shared = {
        name: np.array([[mutual_information(binned(one, BIN), label[name]) for one in row] for row in outputs[name]])
        for name in targets
    }
    peak = {name: bits[name].max(0) for name in targets}
    falls = {name: (peak[name] - bits[name][-1]).tolist() for name in targets}
    rises = {name: (peak[name] - bits[name][0]).tolist() for name in targets}
    at_peak = [outputs["staircase"][i, member] for member, i in enumerate(bits["staircase"].argmax(0))]
    biases = {
        "entropy_at_peak": float(np.mean([entropy_bias(binned(one, BIN)) for one in at_peak])),
        "entropy_at_end": float(np.mean([entropy_bias(binned(one, BIN)) for one in outputs["staircase"][-1]])),
        "mutual_information_at_peak": float(
            np.mean([mutual_information_bias(binned(one, BIN), label["staircase"]) for one in at_peak])
        ),
    }
    holds = min(falls["staircase"]) >= FALL and min(rises["staircase"]) >= FALL and max(falls["slope"]) <= STAYS
    return Outcome(
        holds=holds,
        verdict=(
            f"For the staircase the entropy rises by {min(rises['staircase']):.2f} bits at the least to "
            f"{np.median(peak['staircase']):.2f} bits in the median, and falls by {min(falls['staircase']):.2f} at the "
            f"least over {sizes.seeds} seeds, towards the target's {entropy(label['staircase']):.2f}; for the slope it "
            f"falls by {max(falls['slope']):.2f} at the most."
        ),
        figures={
            "bin": BIN,
            "entropy_of_target": {name: entropy(label[name]) for name in targets},
            "peak": {name: peak[name].tolist() for name in targets},
            "rise": rises,
            "fall": falls,
            "final_mutual_information": {name: shared[name][-1].tolist() for name in targets},
            "expected_bias": biases,
            "learning_rates": rates,
        },
        plot=_plot(x, targets, steps, outputs, bits, shared, {name: entropy(label[name]) for name in targets}),
        notes=(
            f"Plug-in estimates from {sizes.samples} samples. Were these drawn at random, entropies would be off by "
            f"about {biases['entropy_at_peak']:+.2f} bits at the peak and {biases['entropy_at_end']:+.2f} at the end, "
            f"so that the true fall would be larger, and I(T; f) by {biases['mutual_information_at_peak']:+.2f} bits "
            "at the peak; samples on an even grid err less.",
            "The fall comes from the target's few values, and its amount depends on the width of the bins.",
        ),
    )


def _plot(
    x: np.ndarray,
    targets: dict[str, np.ndarray],
    steps: list[int],
    outputs: dict[str, np.ndarray],
    bits: dict[str, np.ndarray],
    shared: dict[str, np.ndarray],
    of_target: dict[str, float],
) -> "Figure":
    figure, (signal, course, plane) = panels(1, 3)
    peak = int(bits["staircase"][:, 0].argmax())
    target_line(signal, x, targets["staircase"], "staircase")
    for place, colour in ((peak, COLOURS[0]), (len(steps) - 1, COLOURS[1])):
        signal.plot(x, outputs["staircase"][place, 0], color=colour, label=f"step {steps[place]}")
    signal.set(xlabel="x", title="Output at the peak and at the end")
    signal.legend()
    for name, colour in (("staircase", COLOURS[0]), ("slope", COLOURS[2])):
        curve_with_spread(course, shown_steps(steps), bits[name].T, name, colour)
        course.axhline(of_target[name], color=colour, linestyle=":")
    course.set(xscale="log", xlabel="step", ylabel="H(T), bits", title="Entropy of the output (dotted: the target's)")
    course.legend()
    for name, colour in (("staircase", COLOURS[0]), ("slope", COLOURS[2])):
        for member in range(bits[name].shape[1]):
            plane.plot(bits[name][:, member], shared[name][:, member], color=colour, alpha=0.6, linewidth=1)
        plane.plot(bits[name][-1], shared[name][-1], "o", color=colour, label=f"{name}, at the end")
    plane.set(xlabel="H(T), bits", ylabel="I(T; f), bits", title="Information plane")
    plane.legend()
    return figure


EXPERIMENT = Experiment(
    title="Compression in the information plane",
    claim=(
        f"Fitting a staircase, the entropy of the output rises by {FALL:g} bit or more and then falls by {FALL:g} bit "
        f"or more, for every seed; fitting a slope, it falls by {STAYS:g} bits at the most."
    ),
    source="Xu, Zhang, Xiao: Training behavior of deep neural network in frequency domain (2018), arXiv 1807.01251",
    run=run,
)
