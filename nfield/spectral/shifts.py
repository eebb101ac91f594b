"""Wave vectors that carry most of a signal's energy: the shifts of PhaseDNN, from the data.

Notation: ω, a wave vector in radians per unit of the coordinates; samples x_i = x_0 + i·h in a box of sides L = n·h,
whose transform knows the wave vectors 2π j / L. ω and −ω are the same wave, so one of them stands for both.
"""

import math

import numpy as np
from jaxtyping import Float, Shaped

from nfield.core.checks import UserError, at_least, positive
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, spacing_per_axis
from nfield.spectral.spectrum import half_transform, hann_window, tapered

RADIUS_IN_WAVES = 3.0
"""Default radius in waves per longest side: the window smears a wave over one bin on both sides."""


def dominant_shifts(
    values: Shaped[AnyArray, "..."],
    count: int,
    spacing: PerAxis = 1.0,
    *,
    radius: float | None = None,
    window: bool = True,
    channels_last: bool = False,
) -> Float[np.ndarray, "shifts d"]:
    """Up to `count` wave vectors in radians per unit: the zero vector, then the strongest of all others, in turn.

    Greedy: the wave vector with the greatest power, summed over channels, is taken, and all within `radius` (in radians
    per unit, default three waves per longest side) of it or of its opposite are left out from then on; so are those
    around zero. Fewer come back where nothing is left. `window` applies Hann: switch it off only for periodic signals.
    The mean is removed first. Raises `UserError` for empty, complex or non-finite values.
    """
    at_least(count, 1, "count")
    array = channels_first(values, channels_last, "values")
    if not np.isfinite(array).all():
        raise UserError("values hold NaN or infinity: replace them before asking for their waves.")
    shape = array.shape[1:]
    steps = spacing_per_axis(spacing, len(shape))
    longest = max(n * h for n, h in zip(shape, steps, strict=True))
    reach = RADIUS_IN_WAVES * 2 * math.pi / longest if radius is None else radius
    positive(reach, "radius")
    spectrum = half_transform(tapered(array, hann_window(shape) if window else None))
    power = (spectrum.real**2 + spectrum.imag**2).sum(0)
    # What rounding leaves of a constant, or far from the only wave, is no wave: see Parseval for the size.
    rounding = (16 * np.finfo(np.float64).eps * float(np.abs(array).max()) * array[0].size) ** 2
    vectors = grid_wave_vectors(shape, spacing, half=True)
    found = [np.zeros(len(shape))]
    while True:
        latest = found[-1]
        for centre in (latest, -latest):
            power[periodic_distances(vectors, centre, steps) <= reach * (1 + 1e-9)] = 0
        best = np.unravel_index(np.argmax(power), power.shape)
        if len(found) == count or power[best] <= rounding:
            return np.stack(found)
        vector = vectors[best]
        # Of the two signs the one whose first number above rounding is positive.
        leading = vector[np.abs(vector) > 1e-12 / longest][0]
        found.append(vector * np.sign(leading) + 0.0)


def grid_wave_vectors(
    shape: tuple[int, ...], spacing: PerAxis = 1.0, *, half: bool = False
) -> Float[np.ndarray, "*grid d"]:
    """Wave vector of every bin of `fftn` over a grid of that shape, or with `half` of `rfftn`, in radians per unit."""
    steps = spacing_per_axis(spacing, len(shape))
    last = len(shape) - 1
    axes = [
        2 * math.pi * (np.fft.rfftfreq(n, h) if half and axis == last else np.fft.fftfreq(n, h))
        for axis, (n, h) in enumerate(zip(shape, steps, strict=True))
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def periodic_distances(
    vectors: Float[np.ndarray, "*grid d"], centre: Float[np.ndarray, " d"], spacing: tuple[float, ...]
) -> Float[np.ndarray, "*grid"]:
    """|vector − centre|, the shortest way round: samples h apart are the same for ω and ω + 2π / h."""
    period = 2 * math.pi / np.array(spacing)
    apart = vectors - centre
    apart -= period * np.round(apart / period)
    distances: np.ndarray = np.sqrt((apart**2).sum(-1))
    return distances
