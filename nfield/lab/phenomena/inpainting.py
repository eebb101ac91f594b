"""Filling holes by the preference for low frequencies, beside biharmonic inpainting.

A network trained on the known pixels has some value in every hole: between what it has seen it continues by low
frequencies. Biharmonic inpainting solves `Δ²u = 0` in the holes instead. Square holes lie in cells of one colour of a
checkerboard, others for each seed; the kind of network and the step at which to stop are chosen on the other colour.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float

from nfield.backbones import MLPConfig
from nfield.core.seeding import generator
from nfield.encodings import GaussianConfig
from nfield.lab.cures.training import Encoded
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Experiment, Outcome, Setting, Sized
from nfield.lab.learning import follow, tuned_rate
from nfield.lab.samples import camera_man, pixel_centres
from nfield.reports.colours import COLOURS, REFERENCE
from nfield.reports.plots import panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WITHIN = 1.0
"""Decibels below biharmonic inpainting that the network may be."""
CELLS = 8
"""The picture is a checkerboard of so many cells along a side; a hole fills one."""
HOLES = 10


@dataclass(frozen=True, kw_only=True)
class _Settings:
    side: int
    width: int
    steps: int
    every: int
    seeds: int
    trials: int


SIZES = Sized(
    quick=_Settings(side=32, width=16, steps=40, every=10, seeds=2, trials=1),
    default=_Settings(side=64, width=64, steps=1200, every=60, seeds=5, trials=2),
    full=_Settings(side=128, width=128, steps=2000, every=50, seeds=10, trials=5),
)


def hole_masks(side: int, seed: int, colour: Literal[0, 1]) -> Bool[np.ndarray, "holes side side"]:
    """Square holes in cells of one colour of the checkerboard, none at the border: no two have a side in common."""
    cells = [(i, j) for i in range(1, CELLS - 1) for j in range(1, CELLS - 1) if (i + j) % 2 == colour]
    chosen = torch.randperm(len(cells), generator=generator(seed, f"holes {colour}"))[:HOLES]
    size = side // CELLS
    masks = np.zeros((HOLES, side, side), dtype=bool)
    for mask, at in zip(masks, chosen.tolist(), strict=True):
        i, j = cells[at]
        mask[i * size : (i + 1) * size, j * size : (j + 1) * size] = True
    return masks


def psnr_in_holes(
    prediction: Float[np.ndarray, "side side"],
    truth: Float[np.ndarray, "side side"],
    masks: Bool[np.ndarray, "holes side side"],
) -> list[float]:
    """PSNR inside each hole, of values within [0, 1]."""
    squares = (prediction - truth) ** 2
    return [float(-10 * np.log10(max(squares[mask].mean(), 1e-12))) for mask in masks]


def together(decibels: Float[np.ndarray, "seeds holes"]) -> Float[np.ndarray, " seeds"]:
    """PSNR of all holes of each seed together: of their mean squared error, to which flat holes add little."""
    return np.asarray(-10 * np.log10((10 ** (-decibels / 10)).mean(1)))


def candidates(width: int) -> dict[str, Any]:
    """Kinds of networks among which the choice is made: plain ones, and Gaussian features of a low scale."""
    network = MLPConfig(width=width, depth=2)
    return {
        "plain tanh": MLPConfig(width=width, depth=3, activation="tanh"),
        "plain ReLU": MLPConfig(width=width, depth=3),
        "Gaussian features": Encoded(encoding=GaussianConfig(scale=1.0, frequencies=width), network=network),
    }


def train(
    config: Any, rate: float, picture: np.ndarray, masks: list[np.ndarray], seeds: range, steps: int, every: int,
    setting: Setting, name: str,
) -> tuple[list[int], np.ndarray]:  # fmt: skip
    """Steps, and the pictures of all members there; each member has holes of its own."""
    side = len(picture)
    points = pixel_centres(side).to(setting.device)
    values = torch.from_numpy(picture.reshape(-1, 1)).float().to(setting.device) - 0.5
    known = [torch.from_numpy(np.flatnonzero(~mask.any(0))).to(setting.device) for mask in masks]
    ensemble = Ensemble(config, 2, 1, seeds, device=setting.device)
    evaluated = [*range(every, steps, every), steps]
    seen = follow(
        ensemble,
        torch.stack([points[rows] for rows in known]),
        torch.stack([values[rows] for rows in known]),
        lambda now: now.curves(points).reshape(-1, side, side) + 0.5,
        steps=steps,
        rate=rate,
        record=evaluated,
        setting=setting,
        name=f"inpainting: {name}",
    ).seen
    return evaluated, np.clip(seen, 0, 1)


def run(setting: Setting) -> Outcome:
    """Choose a kind and a step on holes of other seeds, then fill those that count, and compare."""
    from skimage.restoration import inpaint_biharmonic

    sizes = SIZES.of(setting.size)
    picture = camera_man(sizes.side)
    trial_masks = [hole_masks(sizes.side, seed, 1) for seed in setting.seeds(sizes.trials)]
    trials: dict[str, tuple[float, int, float]] = {}
    kinds = candidates(sizes.width)
    points = pixel_centres(sizes.side).to(setting.device)
    values = torch.from_numpy(picture.reshape(-1, 1)).float().to(setting.device) - 0.5
    known = torch.from_numpy(np.flatnonzero(~trial_masks[0].any(0))).to(setting.device)
    for name, config in kinds.items():
        rate = tuned_rate(
            config, points[known], values[known], setting, rates=(1e-3, 3e-3, 1e-2), steps=max(sizes.steps // 8, 1)
        ).rate
        steps, seen = train(
            config, rate, picture, trial_masks, setting.seeds(sizes.trials), sizes.steps, sizes.every, setting, name
        )
        means = [
            float(np.mean([psnr_in_holes(one, picture, mask) for one, mask in zip(pictures, trial_masks, strict=True)]))
            for pictures in seen
        ]
        best = int(np.argmax(means))
        trials[name] = (means[best], steps[best], rate)
    chosen = max(trials, key=lambda name: trials[name][0])
    _, stop, rate = trials[chosen]
    masks = [hole_masks(sizes.side, seed, 0) for seed in setting.seeds(sizes.seeds)]
    _, seen = train(
        kinds[chosen], rate, picture, masks, setting.seeds(sizes.seeds), stop, stop, setting, f"{chosen}, all seeds"
    )
    filled = seen[-1]
    smooth = [np.clip(inpaint_biharmonic(np.where(mask.any(0), 0, picture), mask.any(0)), 0, 1) for mask in masks]
    network = np.array([psnr_in_holes(one, picture, mask) for one, mask in zip(filled, masks, strict=True)])
    biharmonic = np.array([psnr_in_holes(one, picture, mask) for one, mask in zip(smooth, masks, strict=True)])
    gaps = (network - biharmonic).mean(1)
    wins = int((network > biharmonic).sum())
    holds = bool(gaps.min() >= -WITHIN)
    return Outcome(
        holds=holds,
        verdict=(
            f"{chosen}, stopped after {stop} steps, fills holes with {network.mean():.2f} dB, biharmonic inpainting "
            f"with {biharmonic.mean():.2f} dB: {gaps.mean():+.2f} dB in the mean over {network.size} holes and "
            f"{gaps.min():+.2f} dB for the worst of {sizes.seeds} seeds; it is the better one in {wins} holes."
        ),
        figures={
            "network_psnr": network.tolist(),
            "biharmonic_psnr": biharmonic.tolist(),
            "gap_by_seed": gaps.tolist(),
            "network_psnr_together": together(network).tolist(),
            "biharmonic_psnr_together": together(biharmonic).tolist(),
            "holes_won": wins,
            "chosen": chosen,
            "trials": {name: {"psnr": t[0], "step": t[1], "learning_rate": t[2]} for name, t in trials.items()},
        },
        plot=_plot(picture, masks[0], filled[0], smooth[0], network, biharmonic),
        notes=(
            "Means of decibels weigh holes in flat sky, which biharmonic inpainting fills almost exactly, as much as "
            "all others. With the squared errors of a seed's holes together the network is "
            f"{', '.join(f'{gap:+.2f}' for gap in together(network) - together(biharmonic))} dB from it.",
            "The kind of network, its rate and its step were chosen on other places of the same picture; biharmonic "
            "inpainting has nothing to choose.",
            f"Holes are {sizes.side // CELLS} pixels wide in a picture of {sizes.side}; larger ones were not tried. "
            "All lie in 18 places, so that seeds share some of them.",
        ),
    )


def _plot(
    picture: np.ndarray,
    masks: np.ndarray,
    filled: np.ndarray,
    smooth: np.ndarray,
    network: np.ndarray,
    biharmonic: np.ndarray,
) -> "Figure":
    figure, axes = panels(2, 3)
    hole = masks.any(0)
    shown = {
        "Known pixels": np.where(hole, 1.0, picture),
        "Filled by the network": np.where(hole, filled, picture),
        "Filled by biharmonic inpainting": smooth,
        "Truth": picture,
    }
    for axis, (title, image) in zip(axes, shown.items(), strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=1)
        axis.contour(hole, levels=[0.5], colors=[COLOURS[4]], linewidths=0.8)
        axis.set(title=title, xticks=[], yticks=[])
    pairs, bars = axes[4:]
    low, high = min(network.min(), biharmonic.min()) - 1, max(network.max(), biharmonic.max()) + 1
    pairs.plot([low, high], [low, high], color=REFERENCE, linestyle=":")
    pairs.plot(biharmonic.ravel(), network.ravel(), "o", color=COLOURS[0], alpha=0.6)
    pairs.set(xlabel="biharmonic, dB", ylabel="network, dB", title="Each hole (above the line: network better)")
    seeds = np.arange(len(network))
    bars.bar(seeds - 0.2, network.mean(1), 0.4, color=COLOURS[0], label="network")
    bars.bar(seeds + 0.2, biharmonic.mean(1), 0.4, color=COLOURS[1], label="biharmonic")
    bars.set(xlabel="seed", ylabel="mean PSNR in the holes, dB", title="Mean of each seed's holes", xticks=seeds)
    bars.set_ylim(top=1.25 * max(network.mean(1).max(), biharmonic.mean(1).max()))
    bars.legend(loc="upper center", ncols=2)
    return figure


EXPERIMENT = Experiment(
    title="Inpainting by the preference for low frequencies",
    claim=(
        f"A network trained on the known pixels fills square holes with a mean PSNR of no more than {WITHIN:g} dB "
        f"below that of biharmonic inpainting, for every seed's {HOLES} holes."
    ),
    source=(
        "Preference for low frequencies: Xu, Zhang, Luo, Xiao, Ma (2019), arXiv 1901.06523; biharmonic inpainting: "
        "Damelin, Hoang: On surface completion and image inpainting by biharmonic functions (2018), as in scikit-image"
    ),
    run=run,
)
