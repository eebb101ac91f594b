"""`nfield bench image`: nfield's default beside peers on the same pixels, machine and wall time."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from nfield.bench.images.curve import Point, best, psnr_at, seconds_to
from nfield.bench.images.own_runs import own_run
from nfield.bench.images.peer_training import PeerRun, PeerTraining
from nfield.bench.images.peers import PEERS
from nfield.bench.page import begun, marks_of
from nfield.core.checks import UserError, at_least, choice, finite_or_none, positive
from nfield.core.device import choose_device
from nfield.core.image import Image
from nfield.training.progress import Progress, SilentProgress

MARKS = (2.0, 5.0, 10.0, 30.0)
"""Seconds at which PSNR is compared, as far as the run lasts."""
TARGETS = (25.0, 30.0, 35.0, 40.0)
"""PSNR (dB) to which the time is measured."""
MOST_PIXELS = 1 << 26
"""The peers hold coordinates and values of all pixels in memory."""
OWN = "nfield"

RULES = (
    "All methods run one after the other in one process, on the same pixels and with the same wall time.",
    "PSNR is over all pixels and channels, values cut to [0, 1], peak 1.",
    "nfield: everything after the image is read counts, set-up and evaluations included. Its learning rate falls to "
    "the end of its budget, so the PSNR at each mark comes from a run of its own with that budget; the times to a "
    "PSNR come from the evaluations during the longest run.",
    "Peers: only training steps count, neither set-up nor evaluations; one run each with a constant rate, measured at "
    "the first step that ends after the mark. Plain PyTorch in float32, 16,384 random pixels a step (all pixels of "
    "smaller images): the papers take all pixels, which makes far fewer steps in the same time.",
    "The plain MLP's rate is the best of three, each tried for a third of the time outside the clock.",
    "Times to a PSNR are those of the first evaluation that reaches it.",
)


@dataclass(frozen=True, kw_only=True)
class ImageBenchOptions:
    """Options of the image suite."""

    seconds: float = 30.0
    """Time for each method on each image."""
    peers: tuple[str, ...] = tuple(PEERS)
    """Networks to compare with: siren, gaussian, mlp."""
    seed: int = 0
    """Seed of weights and batches."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def __post_init__(self) -> None:
        positive(self.seconds, "--seconds")
        at_least(self.seed, 0, "--seed")
        for name in self.peers:
            choice(name, PEERS, "peer")

    @property
    def marks(self) -> list[float]:
        """Times at which PSNR is compared; the last is the whole time."""
        return marks_of(MARKS, self.seconds)


def bench_image(
    images: Sequence[Image],
    options: ImageBenchOptions | None = None,
    *,
    command: str = "",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure all methods on all images; the result is the content of bench.json.

    Takes about `seconds` per peer, as much again to tune the plain MLP, and the sum of the marks for nfield. Raises
    `UserError` for images with too many pixels, before anything is run.
    """
    options, progress = options or ImageBenchOptions(), progress or SilentProgress()
    for image in images:
        if image.height * image.width > MOST_PIXELS:
            raise UserError(
                f"{image.source} has {image.height} x {image.width} pixels, but the peers hold all of them in memory: "
                f"{MOST_PIXELS:,} at the most. Give a part of it."
            )
    device = choose_device(options.device)
    found: dict[str, Any] = {
        **begun("image", command, options, device),
        "marks": options.marks,
        "targets": list(TARGETS),
        "rules": list(RULES),
        "images": [_one_image(image, options, device, progress) for image in images],
    }
    found["mean_psnr_at"] = mean_psnr_at(found["images"]) if len(images) > 1 else None
    return finite_or_none(found)


def mean_psnr_at(images: Sequence[dict[str, Any]]) -> dict[str, list[float | None]]:
    """Per method, the mean over images of the PSNR at each mark; None where one image has none."""
    means = {}
    for methods in zip(*(entry["methods"] for entry in images), strict=True):
        columns = zip(*(method["psnr_at"] for method in methods), strict=True)
        means[methods[0]["name"]] = [
            None if any(value is None for value in column) else sum(column) / len(column) for column in columns
        ]
    return means


def _one_image(image: Image, options: ImageBenchOptions, device: torch.device, progress: Progress) -> dict[str, Any]:
    methods = [_own_method(image, options, progress)]
    values = torch.from_numpy(image.full())
    for name in dict.fromkeys(options.peers):
        peer = PEERS[name]
        training = PeerTraining(name, peer, values, seed=options.seed, device=device, progress=progress)
        methods.append(_peer_method(name, training.run(options.seconds, options.marks), options))
    return {
        "source": image.source,
        "height": image.height,
        "width": image.width,
        "channels": image.channels,
        "methods": methods,
    }


def _own_method(image: Image, options: ImageBenchOptions, progress: Progress) -> dict[str, Any]:
    runs = [own_run(image, mark, seed=options.seed, device=options.device, progress=progress) for mark in options.marks]
    longest = runs[-1]
    at = [math.inf if run.psnr is None else run.psnr for run in runs]
    return _method(OWN, OWN, at, longest.points, options) | {
        "settings": f"the default preset, {longest.metrics['precision']}",
        "parameters": longest.metrics["parameters"],
        "steps": longest.metrics["steps"],
        "runs": [
            {"budget": r.budget, "seconds": r.elapsed, "seconds_of_steps": r.metrics["seconds_fit"]}
            | {"steps": r.metrics["steps"], "psnr": r.psnr}
            for r in runs
        ],
    }


def _peer_method(name: str, run: PeerRun, options: ImageBenchOptions) -> dict[str, Any]:
    peer = PEERS[name]
    tuned = f", rate {run.learning_rate:g} of {', '.join(f'{r:g}' for r in peer.rates)}" if len(peer.rates) > 1 else ""
    at = [psnr_at(run.points, mark) for mark in options.marks]
    return _method(name, peer.title, at, run.points, options) | {
        "settings": f"{peer.settings}{tuned}, {run.batch_pixels:,} pixels a step",
        "parameters": run.parameters,
        "steps": run.points[-1].step,
        "learning_rate": run.learning_rate,
    }


def _method(
    name: str, title: str, at: Sequence[float | None], points: Sequence[Point], options: ImageBenchOptions
) -> dict[str, Any]:
    times = [seconds_to(points, target) for target in TARGETS]
    why = {}
    for mark, value in zip(options.marks, at, strict=True):
        if value is not None and not math.isfinite(value):
            why[f"psnr_at {mark:g} s"] = "no error at all" if value == math.inf else "training diverged"
    reached = best(points)
    at_most = f"{reached:.2f} dB at the most" if math.isfinite(reached) else "training diverged"
    for target, when in zip(TARGETS, times, strict=True):
        if when is None:
            why[f"seconds_to {target:g} dB"] = f"not reached within {options.seconds:g} s: {at_most}"
    return {
        "name": name,
        "title": title,
        "psnr_at": at,
        "seconds_to": times,
        "why": why,
        "history": [asdict(point) for point in points],
    }
