"""Runs of nfield's default, each with its own time budget, on the clock of whoever waits for them."""

import time
from dataclasses import dataclass, field
from typing import Any

from nfield.bench.images.curve import Point
from nfield.core.image import Image
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.image.source import ImageData
from nfield.jobs.run import run
from nfield.jobs.table import JOBS
from nfield.training.progress import Progress


@dataclass
class Stopwatch:
    """Hands everything on to another progress display, and notes when training ended."""

    inner: Progress
    name: str
    """What the run is called there."""
    finished: float = field(default=0.0)

    def start(self, run: str) -> None:
        """Training begins."""
        self.inner.start(self.name)

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        """Show how it stands."""
        self.inner.update(step=step, fraction=fraction, loss=loss, quality=quality)

    def warn(self, text: str) -> None:
        """Show a message."""
        self.inner.warn(text)

    def info(self, text: str) -> None:
        """Show what goes on."""
        self.inner.info(text)

    def finish(self) -> None:
        """Training has ended."""
        self.finished = time.perf_counter()
        self.inner.finish()


@dataclass(frozen=True, kw_only=True)
class OwnRun:
    """One run with a budget."""

    budget: float
    """Seconds that were allowed."""
    elapsed: float
    """Seconds from the image at hand to the final weights: set-up, training and evaluations."""
    points: list[Point]
    """The evaluations during training, on that clock."""
    psnr: float | None
    """Of the whole image at the end; None where there is no error at all."""
    metrics: dict[str, Any]


def own_run(image: Image, budget: float, *, seed: int, device: str, progress: Progress) -> OwnRun:
    """Fit nfield's default, without its baseline, within a budget of seconds."""
    watch = Stopwatch(progress, f"nfield, {budget:g} s")
    began = time.perf_counter()
    options = ImageOptions(seconds=budget, seed=seed, device=device, baseline=False)
    result = run(JOBS["image"], ImageData(image=image), options, progress=watch)
    elapsed = watch.finished - began
    return OwnRun(
        budget=budget,
        elapsed=elapsed,
        points=waiting_times(result.history, result.metrics, elapsed),
        psnr=result.metrics["psnr"],
        metrics=result.metrics,
    )


def waiting_times(history: list[dict[str, Any]], metrics: dict[str, Any], elapsed: float) -> list[Point]:
    """The history's evaluations on the clock of whoever waits.

    The history counts training alone. To it come the set-up, which is what remains of `elapsed` without training
    and evaluations, and the evaluations up to and with the one itself, each taken to last equally long.
    """
    set_up = max(0.0, elapsed - metrics["seconds_fit"] - metrics["diagnostics_seconds"])
    each = metrics["diagnostics_seconds"] / max(len(history), 1)
    return [
        Point(set_up + line["seconds"] + number * each, line["step"], line["psnr"])
        for number, line in enumerate(history, start=1)
        if line["psnr"] is not None
    ]
