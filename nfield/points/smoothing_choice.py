"""How much to smooth a cloud, judged by points that were held out of the fit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from nfield.points.lattice import Level, evaluate_levels
from nfield.points.smooth_distance import (
    LEAST_GRADIENT,
    SIGMA_PER_MEDIAN,
    Sample,
    Smoothing,
    shared_levels,
    solve_levels,
)

FIRST = 0.3
"""Smoothing length, in spacings, of the fit that the noise is measured with first."""
HELD_OUT = 0.2
MOST_POINTS = 120_000
"""Larger clouds are judged by their part around a random point."""
QUICK_POINTS = 16_000
"""Points of a part that shows the noise, and what fits take, before time is spent on all."""
INNER = 0.8
"""Of the reach of such a part: beyond, where its neighbours are missing, no point is judged."""
STEP_PER_LENGTH = 1.2
"""A surface smoothed over some length needs no finer step."""
EXACT, GROWTH, POWER = 0.1, 1.25, 0.85
"""Smoothing length in spacings to begin with: EXACT + GROWTH · noise^POWER, the noise in spacings too.

Measured on scans of four shapes with 3,000 to 100,000 points and noise from none to one spacing, where the best length
was about 0.1, 0.6, 0.75 and 1.2 spacings for noise of 0, 0.28, 0.55 and 0.87.
"""
LEAST = 0.12
"""Shorter lengths are not tried: points that were held out of exact scans prefer them by a little, but the surface
between the points wrinkles, which none of these sees. Measured on seven exact scans of three shapes with 3,000 to
100,000 points: lengths of 0.06 to 0.08 have 0 to 25 % more error than the best one, 0.1 to 0.16 at most 17 %."""
RATIO = 1.25
"""Of lengths that are tried one after the other."""
MOST_TRIALS = 7
"""Fits, the first one included."""
FEWER = (1 - HELD_OUT) ** 0.5
"""Best length for exact points over that for four fifths of them, whose spacing is wider: it grows with the spacing."""
BEYOND = 1.1
"""Best length for noisy points over the one that comes closest in the mean square, which counts sharp edges for more
than the mean distance does and waves on flat parts for less. Measured on the scans named above: 0.95 to 1.25, and the
best normals a little beyond."""
NOISY = 0.15
"""Noise, in spacings, half-way between both."""
LEAST_GAIN = 0.5
"""Standard errors of the mean by which another length must come closer than the one to begin with."""
CLIP = 2.5
"""Residuals count up to this many standard deviations, so that outliers do not decide."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The smoothing that suits a cloud, and what is known of its noise."""

    smoothing: Smoothing
    noise: float
    """Standard deviation of held-out points about the surface of the others, in the unit of the positions: noise, and
    what the points are too sparse to show."""
    draft: list[Level] | None
    """The best fit of those that were judged, to four points in five; None where it covers a part of the cloud."""
    seconds: float
    """Time that this fit took."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """A fit with one smoothing length, and how far the held-out points lie from it."""

    length: float
    """In spacings."""
    levels: list[Level] | None
    """Kept where the trial is of all points."""
    distances: Float[torch.Tensor, " h"]
    seconds: float

    @property
    def noise(self) -> float:
        """Robust standard deviation of the held-out points about the surface."""
        return SIGMA_PER_MEDIAN * float(self.distances.median())

    def losses(self, scale: float) -> Float[torch.Tensor, " h"]:
        """Squared distances, clipped."""
        return self.distances.clamp(max=CLIP * scale).square()


def choose_smoothing(
    sample: Sample,
    spacing: float,
    generator: torch.Generator,
    *,
    seconds_left: Callable[[], float] | None = None,
    on_trial: Callable[[int], None] | None = None,
) -> Judged:
    """The smoothing length whose surface comes closest to points that were held out of the fit.

    One point in five is held out. A first fit gives the noise, which gives a length to begin with; the next ones are
    tried in the direction in which the held-out points come closer, until they no longer do. `seconds_left` gives how
    long the whole fit may take from now on: where another trial would not leave time for it, the best so far is taken.
    `on_trial` is called with the number of the trial that begins.
    """
    if seconds_left is not None and len(sample.points) > QUICK_POINTS:
        quick = _Trials(sample, spacing, generator, on_trial, most=QUICK_POINTS)
        first = quick.fit(FIRST)
        # The first two fits to four fifths of what is judged, and the last one to all.
        ahead = first.seconds * (2 * (1 - HELD_OUT) * min(len(sample.points), MOST_POINTS) + len(sample.points))
        if seconds_left() < ahead / len(quick.fitted.points):
            return quick.judged(first, length=length_for(first.noise / spacing))
    trials = _Trials(sample, spacing, generator, on_trial)
    first = trials.fit(FIRST)
    noise = first.noise
    start = length_for(noise / spacing)
    if not trials.affordable(first, seconds_left):
        return trials.judged(first, length=start)
    tried = {0: trials.fit(start)}
    # The first fit's scale for all: each length is judged by the same rule.
    loss = {0: float(tried[0].losses(noise).mean())}
    for way in (1, -1):
        place = 0
        while loss[place] == min(loss.values()) and trials.count < MOST_TRIALS:
            if start * RATIO ** (place + way) < LEAST:
                break
            if not trials.affordable(tried[place], seconds_left):
                break
            place += way
            tried[place] = trials.fit(start * RATIO**place)
            loss[place] = float(tried[place].losses(noise).mean())
        if min(loss, key=lambda at: loss[at]) > 0:
            break
    best = min(loss, key=lambda at: loss[at])
    gained = tried[0].losses(noise) - tried[best].losses(noise)
    if best != 0 and not float(gained.mean()) > LEAST_GAIN * float(gained.std()) / len(gained) ** 0.5:
        return trials.judged(tried[0])
    return trials.judged(
        tried[best], length=_of_all_points(start * RATIO ** (best + _vertex(loss, best)), noise / spacing)
    )


def length_for(noise: float) -> float:
    """Smoothing length in spacings to begin with, for noise in spacings."""
    return max(LEAST, EXACT + GROWTH * noise**POWER)


def smoothing_of(length: float, spacing: float) -> Smoothing:
    """The smoothing over `length` spacings, on a lattice that resolves it."""
    return Smoothing(step=spacing * max(1.0, STEP_PER_LENGTH * length), length=length * spacing)


def _of_all_points(length: float, noise: float) -> float:
    """The best length for all points where `length` is the best for held-out ones, both in spacings as the noise."""
    noisy = noise**2 / (noise**2 + NOISY**2)
    return max(LEAST, length * (FEWER + (BEYOND - FEWER) * noisy))


def _vertex(loss: dict[int, float], best: int) -> float:
    """Where the parabola through the best place and its neighbours is lowest, from the best place; 0 without both."""
    if best - 1 not in loss or best + 1 not in loss:
        return 0.0
    before, after = loss[best - 1] - loss[best], loss[best + 1] - loss[best]
    bend = before + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend > 0 else 0.0


class _Trials:
    """Fits to the same four points in five."""

    def __init__(
        self,
        sample: Sample,
        spacing: float,
        generator: torch.Generator,
        on_trial: Callable[[int], None] | None,
        most: int | None = None,
    ) -> None:
        part, inner = _part(sample, generator, MOST_POINTS if most is None else most)
        self.whole, self.spacing, self.on_trial = part is sample, spacing, on_trial
        order = torch.randperm(len(part.points), generator=generator).to(part.points.device)
        count = max(1, int(HELD_OUT * len(order)))
        judged = order[:count]
        self.held_out = part.points[judged[inner[judged]]]
        fitted = _take(part, order[count:])
        self.fitted = replace(fitted, areas=fitted.areas / (1 - HELD_OUT))
        self.share = len(sample.points) / len(fitted.points)
        self.count = 0
        self._latest: tuple[Smoothing, list[Level]] | None = None

    def fit(self, length: float) -> _Trial:
        """Fit with a smoothing length in spacings."""
        self.count += 1
        if self.on_trial is not None:
            self.on_trial(self.count)
        began = time.perf_counter()
        smoothing = smoothing_of(length, self.spacing)
        known: Sequence[Level] = ()
        if self._latest is not None:
            known = shared_levels(self._latest[1], self._latest[0], smoothing, self.fitted)
        levels = solve_levels(self.fitted, smoothing, coarse=known)
        self._latest = smoothing, levels
        seconds = time.perf_counter() - began
        points = self.held_out.clone().requires_grad_(True)
        value = evaluate_levels(levels, points)
        (slope,) = torch.autograd.grad(value.sum(), points)
        # Smoothing flattens the function: only relative to its slope is it a distance.
        distances = value.detach().abs() / slope.norm(dim=-1).clamp(min=LEAST_GRADIENT)
        kept = levels if self.whole else None
        return _Trial(length=length, levels=kept, distances=distances, seconds=seconds)

    def affordable(self, like: _Trial, seconds_left: Callable[[], float] | None) -> bool:
        """Whether there is time for another trial and the fit to all points."""
        return seconds_left is None or seconds_left() > (1 + self.share) * like.seconds

    def judged(self, trial: _Trial, length: float | None = None) -> Judged:
        """What a trial shows, with another length in spacings where that is better."""
        return Judged(
            smoothing=smoothing_of(trial.length if length is None else length, self.spacing),
            noise=trial.noise,
            draft=trial.levels,
            seconds=trial.seconds,
        )


def _take(sample: Sample, rows: Int[torch.Tensor, " m"]) -> Sample:
    return Sample(
        points=sample.points[rows],
        normals=sample.normals[rows],
        areas=sample.areas[rows],
        weights=sample.weights[rows],
    )


def _part(sample: Sample, generator: torch.Generator, most: int) -> tuple[Sample, Bool[torch.Tensor, " p"]]:
    """At most so many points to judge by, and which of them have all their neighbours among these."""
    count = len(sample.points)
    if count <= most:
        return sample, torch.ones(count, dtype=torch.bool, device=sample.points.device)
    middle = sample.points[int(torch.randint(count, (1,), generator=generator))]
    distance: Float[torch.Tensor, " p"] = (sample.points - middle).square().sum(-1)
    nearest = distance.topk(most, largest=False)
    return _take(sample, nearest.indices), nearest.values <= INNER**2 * nearest.values.max()
