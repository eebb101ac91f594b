"""When to stop: a network fits a noisy picture's low frequencies, the picture's own, before the noise.

y = u + noise of standard deviation σ on all pixels; a random tenth is held out. The clean error `mean (h − u)²` over
all pixels is what matters and nobody knows; the rule sees the held-out noisy pixels alone.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int

from nfield.backbones import MLPConfig
from nfield.core.seeding import generator
from nfield.encodings import GaussianConfig
from nfield.lab.cures.training import Encoded
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import follow_tuned
from nfield.lab.samples import camera_man, pixel_centres
from nfield.reports.colours import COLOURS
from nfield.reports.plots import curve_with_spread, level, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOISES = (0.05, 0.1, 0.2)
"""Standard deviations, of values within [0, 1]."""
HELD_OUT = 0.1
CLOSE = 0.5
"""Decibels."""
RISE = 0.5
"""Decibels that count as a minimum on the way: the clean error at the end is so much worse than at its best."""


@dataclass(frozen=True, kw_only=True)
class _Settings:
    side: int
    width: int
    steps: int
    every: int
    seeds: int


SIZES = Sized(
    quick=_Settings(side=16, width=16, steps=60, every=10, seeds=2),
    default=_Settings(side=64, width=64, steps=600, every=10, seeds=5),
    full=_Settings(side=128, width=256, steps=3000, every=10, seeds=10),
)


def best_evaluation(held_out: Float[np.ndarray, " evaluations"]) -> int:
    """The rule: the evaluation with the least held-out error, smoothed over three, since few pixels are noisy."""
    padded = np.concatenate([held_out[:1], held_out, held_out[-1:]])
    return int(np.argmin((padded[:-2] + padded[1:-1] + padded[2:]) / 3))


def discrepancy_evaluation(training: Float[np.ndarray, " evaluations"], noise: float) -> int:
    """The discrepancy principle: the first one with a training error of no more than the noise; else the last."""
    below = np.flatnonzero(training <= noise**2)
    return int(below[0]) if len(below) else len(training) - 1


def decibels(errors: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """`-10 log10` of mean squared errors of values in [0, 1]."""
    return np.asarray(-10 * np.log10(np.maximum(errors, 1e-12)))


def noisy_pictures(
    picture: np.ndarray, noise: float, seeds: range
) -> tuple[Float[torch.Tensor, "members n 1"], Int[torch.Tensor, "members n"]]:
    """Noisy values of each seed, and each seed's order of the pixels, whose first tenth is held out."""
    clean = torch.from_numpy(picture.reshape(-1)).float()
    draws = [generator(seed, f"noise {noise}") for seed in seeds]
    values = torch.stack([clean + noise * torch.randn(len(clean), generator=draw) for draw in draws])
    order = torch.stack([torch.randperm(len(clean), generator=draw) for draw in draws])
    return values[..., None], order


def run(setting: Setting) -> Outcome:
    """Train at each noise, and compare where the rules stop with the best that was there."""
    sizes = SIZES.of(setting.size)
    picture = camera_man(sizes.side)
    points = pixel_centres(sizes.side)
    clean = torch.from_numpy(picture.reshape(-1, 1)).float()
    network: Any = Encoded(
        encoding=GaussianConfig(scale=sizes.side / 16, frequencies=sizes.width),
        network=MLPConfig(width=sizes.width, depth=2),
    )
    seeds = setting.seeds(sizes.seeds)
    held = round(HELD_OUT * len(points))
    evaluated = [*range(0, sizes.steps, sizes.every), sizes.steps]
    courses: dict[float, dict[str, np.ndarray]] = {}
    losses: dict[str, list[list[float]]] = {"held-out": [], "discrepancy": [], "end": []}
    pictures: list[np.ndarray] = []
    rates: list[float] = []
    for noise in NOISES:
        values, order = noisy_pictures(picture, noise, seeds)
        kept = order[:, held:]
        x = points[kept].to(setting.device)
        y = torch.gather(values, 1, kept[..., None]).to(setting.device)
        followed = follow_tuned(
            network, x, y, lambda now: now.curves(points.to(setting.device)), setting, seeds=sizes.seeds,
            steps=sizes.steps, trial={"rates": (1e-3, 3e-3, 1e-2), "steps": max(sizes.steps // 6, 1)},
            record=evaluated, name=f"early-stopping: noise {noise:g}",
        )  # fmt: skip
        rates.append(followed.rate)
        outputs = followed.seen
        mistakes = (outputs - values[..., 0].numpy()) ** 2
        by_order = np.take_along_axis(mistakes, order.numpy()[None], 2)
        course = {
            "clean": ((outputs - clean[:, 0].numpy()) ** 2).mean(2),
            "held-out": by_order[..., :held].mean(2),
            "training": by_order[..., held:].mean(2),
        }
        courses[noise] = course
        best = decibels(course["clean"]).max(0)
        chosen = {
            "held-out": [best_evaluation(course["held-out"][:, i]) for i in range(len(seeds))],
            "discrepancy": [discrepancy_evaluation(course["training"][:, i], noise) for i in range(len(seeds))],
            "end": [len(evaluated) - 1] * len(seeds),
        }
        for rule, at in chosen.items():
            reached = decibels(course["clean"][at, np.arange(len(seeds))])
            losses[rule].append((best - reached).tolist())
        if noise == NOISES[-1]:
            shown = (values[0, :, 0].numpy(), outputs[chosen["held-out"][0], 0], outputs[-1, 0])
            pictures = [one.reshape(picture.shape) for one in shown]
    worst = float(np.max(losses["held-out"]))
    rises = [float(np.min(row)) for row in losses["end"]]
    holds = worst <= CLOSE and min(rises) >= RISE
    return Outcome(
        holds=holds,
        verdict=(
            f"Held-out pixels stop {worst:.2f} dB at the most, and {np.median(losses['held-out']):.2f} dB in the "
            f"median, below the best step, over noises {', '.join(f'{n:g}' for n in NOISES)} and {sizes.seeds} seeds; "
            f"the discrepancy principle, which knows the noise, {np.max(losses['discrepancy']):.2f} dB at the most. "
            f"Training to the end loses at least {', '.join(f'{rise:.2f}' for rise in rises)} dB."
        ),
        figures={
            "noises": list(NOISES),
            "decibels_below_best": losses,
            "best_psnr": [decibels(courses[n]["clean"]).max(0).tolist() for n in NOISES],
            "best_step": [[evaluated[i] for i in courses[n]["clean"].argmin(0)] for n in NOISES],
            "noisy_psnr": [float(decibels(np.array(n**2))) for n in NOISES],
            "learning_rates": rates,
            "parameters": followed.ensemble.parameters_of_one,
        },
        plot=_plot(evaluated, courses, losses, pictures),
        notes=(
            "The held-out tenth is not trained on, at the stop neither: a user would train on all pixels for as long.",
            "The network has Gaussian features, so that it can fit the noise at all within these steps; a plain one "
            "does not get that far.",
            "The rule looks back over the whole training, which costs the steps after the best one.",
        ),
    )


def _plot(
    evaluated: list[int],
    courses: dict[float, dict[str, np.ndarray]],
    losses: dict[str, list[list[float]]],
    pictures: list[np.ndarray],
) -> "Figure":
    figure, axes = panels(2, 3)
    course, training, rules = axes[:3]
    steps = [max(step, 0.5 * evaluated[1]) for step in evaluated]
    for colour, (noise, errors) in zip((COLOURS[0], COLOURS[1], COLOURS[2]), courses.items(), strict=True):
        curve_with_spread(course, steps, decibels(errors["clean"]).T, f"noise {noise:g}", colour)
        curve_with_spread(training, steps, np.sqrt(errors["training"]).T / noise, f"training, {noise:g}", colour)
        training.plot(
            steps, np.sqrt(np.median(errors["held-out"], 1)) / noise, "--", color=colour, label=f"held out, {noise:g}"
        )
        stop = int(np.median([best_evaluation(column) for column in errors["held-out"].T]))
        course.axvline(steps[stop], color=colour, linestyle=":")
    course.set(xscale="log", xlabel="step", ylabel="PSNR of the clean picture", title="Clean error (dotted: the stop)")
    training.set(xscale="log", yscale="log", xlabel="step", ylabel="error / noise", title="What the rules see")
    level(training, 1, line="-")
    for axis in (course, training):
        axis.legend(fontsize=8)
    for i, (rule, colour) in enumerate(zip(losses, (COLOURS[0], COLOURS[1], COLOURS[3]), strict=True)):
        for j, row in enumerate(losses[rule]):
            rules.plot([j + 0.2 * (i - 1)] * len(row), row, "o", color=colour, label=rule if j == 0 else None)
    level(rules, CLOSE)
    rules.set_xticks(range(len(courses)), [f"{noise:g}" for noise in courses])
    rules.set(xlabel="noise", ylabel="dB below the best step", title="Where each rule stops", yscale="symlog")
    rules.set_yticks([0, 0.5, 1, 2, 5, 10], ["0", "0.5", "1", "2", "5", "10"])
    rules.legend(fontsize=8)
    for axis, picture, title in zip(
        axes[3:], pictures, ("Noisy picture", "Stopped by held-out pixels", "Trained to the end"), strict=True
    ):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axis.set(title=title, xticks=[], yticks=[])
    return figure


EXPERIMENT = Experiment(
    title="Early stopping",
    claim=(
        f"Fitting a noisy picture, the error to the clean one is at least {RISE:g} dB better on the way than at the "
        f"end, and the step with the least error at held-out noisy pixels is within {CLOSE:g} dB of the best, for "
        f"noises {', '.join(f'{n:g}' for n in NOISES)} and every seed."
    ),
    source="Xu, Zhang, Xiao: Training behavior of deep neural network in frequency domain (2018), arXiv 1807.01251",
    run=run,
)
