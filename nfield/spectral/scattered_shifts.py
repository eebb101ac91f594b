"""Wave vectors that carry most of the energy of scattered samples: the non-uniform twin of `dominant_shifts`.

Notation: ω, a wave vector in radians per unit; samples y_j at points x_j in a box of sides L; weights w_j.
"""

import math

import numpy as np
from jaxtyping import Float, Shaped

from nfield.core.checks import UserError, at_least, positive
from nfield.spectral.arrays import AnyArray, to_numpy
from nfield.spectral.shifts import RADIUS_IN_WAVES

MOST_CANDIDATES = 1 << 21
"""Wave vectors at which the samples are transformed, at the most."""
_EXPONENTIALS_AT_ONCE = 1 << 21


def scattered_shifts(
    points: Float[AnyArray, "n d"],
    values: Shaped[AnyArray, " n *channels"],
    count: int,
    *,
    highest: float | None = None,
    radius: float | None = None,
    window: bool = True,
) -> Float[np.ndarray, "shifts d"]:
    """Up to `count` wave vectors of values (n,) or (n, c) at points of 1 to 3 dimensions: zero, then the strongest.

    The transform `Σ_j w_j y_j e^{−iω·x_j}` is taken at whole numbers of waves across each side of the points' box, up
    to `highest` radians per unit along each axis; default π/h, h^d the volume per point, which is what as many points
    on a grid can resolve. `window` makes w the Hann window of the box. All else is as in `dominant_shifts`. Where the
    points lie by chance, about 1/n of the energy is noise at every wave vector: weaker waves cannot be found.

    Raises `UserError` for no points, other dimensions, values that are not finite, and a `highest` that would take
    more than `MOST_CANDIDATES` wave vectors.
    """
    at_least(count, 1, "count")
    x = to_numpy(points).astype(np.float64)
    if len(x) == 0 or not 1 <= x.shape[1] <= 3:
        raise UserError(f"Give at least one point of 1 to 3 dimensions: points has shape {tuple(points.shape)}.")
    y = to_numpy(values).astype(np.float64).reshape(len(x), -1)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UserError("points or values hold NaN or infinity: leave these points out.")
    zero = np.zeros((1, x.shape[1]))
    low, sides = x.min(axis=0), np.ptp(x, axis=0)
    spread = sides > 0
    if not spread.any():
        return zero
    reach = positive(RADIUS_IN_WAVES * 2 * math.pi / float(sides.max()) if radius is None else radius, "radius")
    if highest is None:
        highest = math.pi * (len(x) / float(np.prod(sides[spread]))) ** (1 / int(spread.sum()))
    waves = [math.floor(positive(highest, "highest") * side / (2 * math.pi) + 1e-9) for side in sides]
    if math.prod(2 * n + 1 for n in waves) > 2 * MOST_CANDIDATES:
        raise UserError(f"highest = {highest:g} takes too many wave vectors ({waves} waves each way): make it lower.")
    weights = np.ones(len(x))
    if window:
        weights = np.prod(np.sin(np.pi * (x - low)[:, spread] / sides[spread]) ** 2, axis=1)
    if weights.sum() <= 0:
        return zero
    weighted = weights[:, None] * (y - (weights @ y) / weights.sum())
    last = x.shape[1] - 1
    axes = [
        2 * math.pi / side * np.arange(0 if axis == last else -n, n + 1) if side > 0 else np.zeros(1)
        for axis, (n, side) in enumerate(zip(waves, sides, strict=True))
    ]
    candidates = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, x.shape[1])
    power = _power(x, weighted, axes)
    rounding = (16 * np.finfo(np.float64).eps * float(np.abs(y).max()) * float(weights.sum())) ** 2
    found = [zero[0]]
    while True:
        for centre in (found[-1], -found[-1]):
            power[((candidates - centre) ** 2).sum(axis=1) <= (reach * (1 + 1e-9)) ** 2] = 0
        best = int(np.argmax(power))
        if len(found) == count or power[best] <= rounding:
            return np.stack(found)
        vector = candidates[best]
        found.append(vector * np.sign(vector[np.flatnonzero(vector)[0]]) + 0.0)


def _power(
    points: Float[np.ndarray, "n d"], weighted: Float[np.ndarray, "n channels"], axes: list[Float[np.ndarray, " _"]]
) -> Float[np.ndarray, " candidates"]:
    """|Σ_j w_j y_j e^{−iω·x_j}|², summed over channels, on the mesh of the axes.

    The exponentials of each axis are made once; the last axis is a matrix product, all others share the left factor.
    """
    *others, last = axes
    rows = math.prod(map(len, others))
    block = max(1, _EXPONENTIALS_AT_ONCE // max(rows, len(last)))
    power = np.zeros(rows * len(last))
    for channel in weighted.T:
        total = np.zeros((rows, len(last)), dtype=np.complex128)
        for start in range(0, len(points), block):
            x = points[start : start + block]
            left = channel[start : start + block, None].astype(np.complex128)
            for axis, waves in enumerate(others):
                left = (left[:, :, None] * np.exp(-1j * np.outer(x[:, axis], waves))[:, None]).reshape(len(x), -1)
            total += left.T @ np.exp(-1j * np.outer(x[:, -1], last))
        power += np.abs(total.ravel()) ** 2
    return power
