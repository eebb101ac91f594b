"""The frequency that dominates the residual of a fit: on a grid by its spectrum, elsewhere by its sign changes.

Frequencies are in cycles per unit length, of signals that are not periodic.
"""

import math

import numpy as np
from jaxtyping import Float, Shaped

from nfield.core.checks import UserError
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, to_numpy
from nfield.spectral.spectrum import power_spectrum

MEAN_COSINE = {1: 1.0, 2: 2 / math.pi, 3: 0.5}
"""Mean of |cos| of the angle between a fixed and a random direction, by dimension."""


def grid_frequency(values: Shaped[AnyArray, "..."], spacing: PerAxis = 1.0, *, channels_last: bool = False) -> float:
    """The dominant frequency of values on a regular grid of 1 to 3 axes; 0 for a constant.

    On a line it follows from the number of sign changes, two a cycle; in more dimensions it is that of the annulus of
    greatest *mean* power (Wang & Lai, arXiv 2307.08934): the sum would favour high frequencies, whose annuli hold more
    wave vectors. Raises UserError for empty, complex or non-finite values.
    """
    channels = channels_first(values, channels_last, "values")
    if channels.ndim == 2:
        step = spacing if isinstance(spacing, (int, float)) else spacing[0]
        length = channels.shape[1] * float(step)
        return float(np.mean([_sign_changes(row) for row in channels])) / (2 * length)
    return power_spectrum(values, spacing, channels_last=channels_last).dominant_frequency or 0.0


def scattered_frequency(points: Float[AnyArray, "n d"], values: Float[AnyArray, "n c"]) -> float:
    """The dominant frequency of values at scattered points of 1 to 3 dimensions, from sign changes; 0 without any.

    A plane wave of frequency f changes its sign 2 f |cos α| times per unit length along a line at angle α to it. In
    more than one dimension the lines are those from every point to its nearest neighbour, of random directions; only
    waves longer than about twice that distance are found rightly.
    """
    import scipy.spatial

    places, signal = to_numpy(points), to_numpy(values)
    if len(places) != len(signal) or len(places) < 2 or not 1 <= places.shape[1] <= 3:
        raise UserError(
            f"Values {signal.shape} at points {places.shape} have no frequency: give at least two points of 1 to 3 "
            "dimensions, and a row of values for each."
        )
    if places.shape[1] == 1:
        order = np.argsort(places[:, 0], kind="stable")
        length = float(np.ptp(places))
        return float(np.mean([_sign_changes(signal[order, c]) for c in range(signal.shape[1])])) / (2 * length)
    distance, neighbour = scipy.spatial.cKDTree(places).query(places, k=2)
    length = float(distance[:, 1].sum())
    changes = float((signal * signal[neighbour[:, 1]] < 0).mean(1).sum())
    return changes / (2 * length * MEAN_COSINE[places.shape[1]]) if length else 0.0


def _sign_changes(row: Float[np.ndarray, " n"]) -> int:
    signs = np.sign(row)
    signs = signs[signs != 0]
    return int(np.count_nonzero(signs[1:] != signs[:-1]))
