"""Sphere tracing: where rays meet a shape that is given by its distance function.

Steps as long as the distance f never pass the surface (Hart, "Sphere tracing", 1996), but towards a surface that is met
at a flat angle they get ever shorter. Where the second derivative of f along lines is never below -K, longer steps are
as safe: after a step h the slope g of f is at least (f - f₀) / h - K h / 2, so that f stays positive up to the zero of

    f + g s - K s² / 2,    s = 2 f / (√(g² + 2 K f) - g).

K is 0 for convex solids, whose distance is a convex function; the formula is then the secant method.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.scenes.shape import Bounds, Shape
from nfield.scenes.shapes import Box, Capsule, Gyroid, Sphere, Torus

STEPS = 400
"""The most steps: only rays that graze a surface need more than a few dozen."""
CROWDED = 0.7
"""Share of rays still under way below which the others' rows are dropped."""


def bend(shape: Shape) -> tuple[float, float]:
    """The bound K, and the distance and length of a step up to which it holds: 0 where no bound is known."""
    if isinstance(shape, (Sphere, Box, Capsule)):
        return 0.0, math.inf
    if isinstance(shape, Torus):
        # Inside the ring the distance bends by the inverse of what is left to the axis; up to half way at the most.
        inside = shape.large - shape.small
        return 2 / inside, inside / 4
    if isinstance(shape, Gyroid):
        # Rows of the Hessian of the sum of sines have entries that sum up to 4 squared wave numbers at the most.
        return 4 / math.sqrt(3) * 2 * math.pi / shape.period, math.inf
    return 0.0, 0.0


def clip(
    bounds: Bounds, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"], margin: float
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Where rays enter and leave a box with a margin, not before their origins; in the wrong order if they miss it."""
    low, high = origins.new_tensor(bounds[0] - margin), origins.new_tensor(bounds[1] + margin)
    # A direction along a face divides by zero: a tiny slope gives the same answer without NaN.
    tiny = torch.finfo(directions.dtype).eps ** 2
    slopes = torch.where(directions.abs() < tiny, tiny, directions)
    first, second = (low - origins) / slopes, (high - origins) / slopes
    return torch.minimum(first, second).amax(-1).clamp(min=0), torch.maximum(first, second).amin(-1)


def march(
    shape: Shape,
    origins: Float[Tensor, "n 3"],
    directions: Float[Tensor, "n 3"],
    near: Float[Tensor, " n"],
    far: Float[Tensor, " n"],
    tolerance: float,
) -> Float[Tensor, " n"]:
    """Distances from `near` on at which rays come within the tolerance of a shape, infinite if not before `far`."""
    bound, reach = bend(shape)
    found = torch.full_like(near, torch.inf)
    rows = torch.arange(len(near), device=near.device)
    along, under_way = near, torch.ones_like(near, dtype=torch.bool)
    step = before = torch.full_like(near, torch.nan)
    # Rounding grows with the distance: a fixed tolerance could never be met far away.
    rounding = 4 * torch.finfo(near.dtype).eps
    for _ in range(STEPS):
        value = shape(torch.addcmul(origins, along[:, None], directions))
        noise = rounding * along
        arrived = under_way & (value <= noise.clamp(min=tolerance))
        found[rows[arrived]] = along[arrived]
        length = value
        if reach:
            slope = (value - before - noise) / step - bound / 2 * step
            longer = 2 * value / ((slope.square() + 2 * bound * value).sqrt() - slope)
            # The first step has nothing to compare with: its NaN is in no order with anything.
            length = torch.where((longer > value) & (torch.maximum(value, step) <= reach), longer, value)
            length = torch.minimum(length, value.clamp(min=reach))
        along = along + length
        under_way = under_way & ~arrived & (along < far)
        step, before = length, value
        left = int(under_way.sum())
        if not left:
            break
        if left < CROWDED * len(rows):
            rows, along, step, before = (t[under_way] for t in (rows, along, step, before))
            origins, directions, far = (t[under_way] for t in (origins, directions, far))
            under_way = torch.ones_like(rows, dtype=torch.bool)
    return found


@contextmanager
def one_thread() -> Iterator[None]:
    """Thousands of short operations: threads gain little from sharing one, and on a busy machine wait long for it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
