"""How much to smooth a cloud, told by points that were left out of the fit."""

import time
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int

from nfield.points.lattice import Level
from nfield.points.smooth_distance import LEAST_GRADIENT, Sample, Smoothing, evaluate_levels, solve_levels

FIRST = 0.3
"""Smoothing length, in spacings, of the fit that is judged. Judging a second fit, with the length found so, changed
that by up to 5 % on scans of two shapes, and by 14 % on one of them with 3,000 exact points: not worth the time."""
HELD_OUT = 0.2
MOST_POINTS = 16_000
"""Larger clouds are judged by their part around a random point."""
STEP_PER_LENGTH = 1.2
"""A surface smoothed over some length needs no finer step."""
EXACT, GROWTH, POWER = 0.1, 1.25, 0.85
"""Smoothing length in spacings: EXACT + GROWTH · noise^POWER, the noise in spacings too.

Measured on scans of four shapes with 3,000 to 100,000 points and noise from none to one spacing, where the best length
was about 0.1, 0.6, 0.75 and 1.2 spacings for noise of 0, 0.28, 0.55 and 0.87.
"""
SIGMA_PER_MEDIAN = 1.4826
"""Standard deviation of a normal variable over the median of its absolute value."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The smoothing that suits a cloud, and the noise that asks for it."""

    smoothing: Smoothing
    noise: float
    """Standard deviation of left-out points about the surface of the others, in the unit of the positions: noise, and
    what the points are too sparse to show."""
    draft: list[Level] | None
    """The fit that was judged, to four points in five; None where it covers a part of the cloud."""
    seconds: float
    """Time that this fit took."""


def choose_smoothing(sample: Sample, spacing: float, generator: torch.Generator) -> Judged:
    """Measure how far one point in five lies from the surface of the others, and smooth accordingly."""
    part = _part(sample, generator)
    order = torch.randperm(len(part.points), generator=generator).to(part.points.device)
    count = max(1, int(HELD_OUT * len(order)))
    held_out, fitted = _take(part, order[:count]), _take(part, order[count:])
    fitted = replace(fitted, areas=fitted.areas / (1 - HELD_OUT))
    began = time.perf_counter()
    levels = solve_levels(fitted, smoothing_of(FIRST, spacing))
    seconds = time.perf_counter() - began
    points = held_out.points.clone().requires_grad_(True)
    value = evaluate_levels(levels, points)
    (slope,) = torch.autograd.grad(value.sum(), points)
    # Smoothing flattens the function: only relative to its slope is it a distance.
    distance = value.detach().abs() / slope.norm(dim=-1).clamp(min=LEAST_GRADIENT)
    noise = SIGMA_PER_MEDIAN * float(distance.median()) / spacing
    length = length_for(noise)
    draft = levels if part is sample else None
    return Judged(smoothing=smoothing_of(length, spacing), noise=noise * spacing, draft=draft, seconds=seconds)


def length_for(noise: float) -> float:
    """Smoothing length in spacings for noise in spacings."""
    return EXACT + GROWTH * noise**POWER


def smoothing_of(length: float, spacing: float) -> Smoothing:
    """The smoothing over `length` spacings, on a lattice that resolves it."""
    return Smoothing(step=spacing * max(1.0, STEP_PER_LENGTH * length), length=length * spacing)


def _take(sample: Sample, rows: Int[torch.Tensor, " m"]) -> Sample:
    return Sample(
        points=sample.points[rows],
        normals=sample.normals[rows],
        areas=sample.areas[rows],
        weights=sample.weights[rows],
    )


def _part(sample: Sample, generator: torch.Generator) -> Sample:
    count = len(sample.points)
    if count <= MOST_POINTS:
        return sample
    middle = sample.points[int(torch.randint(count, (1,), generator=generator))]
    distance: Float[torch.Tensor, " p"] = (sample.points - middle).square().sum(-1)
    return _take(sample, distance.topk(MOST_POINTS, largest=False).indices)
