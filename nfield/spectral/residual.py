"""A residual in figures: its size, the frequency that dominates it, and whether it is more than rounding.

Networks that learn in stages (Wang & Lai, arXiv 2307.08934) take all that they know of a residual from here.
Frequencies are in cycles per unit length, of signals that are not periodic: on a grid from the spectrum, elsewhere from
sign changes.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped

from nfield.core.checks import UserError
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, to_numpy
from nfield.spectral.spectrum import power_spectrum

MEAN_COSINE = {1: 1.0, 2: 2 / math.pi, 3: 0.5}
"""Mean of |cos| of the angle between a fixed and a random direction, by dimension."""
LEAST_KAPPA = 5.0
"""κ where a residual hardly waves: about one cycle over [−1, 1]."""
ROUNDING = 2 * float(np.finfo(np.float64).eps)
"""A residual of this share of the signal is nothing but float64's rounding."""
ROUNDING_OF_FAST = 3e-14
"""The same where it is fast: sums whose weights have a norm of about thirty round to so much, which no further stage
takes away, at hundreds of times the cost of those before it."""
NOISE = 1e-11
"""The same where its grid cannot tell its frequency: the sum of many terms rounds to more than one of them."""
FAST, UNTOLD = 24, 6
"""Samples to a wave, below which it is fast, and below which its frequency is not told rightly."""
ROUNDING_OF_SINGLES = 1e-6
"""The rounding of a network in float32, as a share of a signal of order one: no stage is made for less."""


def root_mean_square(values: Float[torch.Tensor, "..."]) -> float:
    """The size of a residual, computed in its own precision; 0 of no values."""
    return float(values.detach().square().mean().sqrt()) if values.numel() else 0.0


@dataclass(frozen=True, kw_only=True)
class ResidualFigures:
    """What the next stage is made for."""

    size: float
    """Root mean square, where what is learned is of order one: ε of the next stage."""
    frequency: float
    """The dominant frequency, in cycles per unit of the network's coordinates."""

    @property
    def kappa(self) -> float:
        """κ = 2π f: with f counted over the whole of [−1, 1] this is the π f_d of the paper."""
        return max(LEAST_KAPPA, 2 * math.pi * self.frequency)

    def is_untold(self, spacing: float) -> bool:
        """Whether it waves too fast for samples that are `spacing` apart."""
        return self.frequency > 1 / (UNTOLD * spacing)

    def is_rounding(self, whole: float, spacing: float, *, noise: float = NOISE) -> bool:
        """Whether it is float64's rounding of a signal of size `whole`, seen at samples that are `spacing` apart.

        `noise` is the share of the signal that rounding may be where its frequency cannot be told.
        """
        if self.is_untold(spacing) and self.size <= noise * whole:
            return True
        fast = self.frequency > 1 / (FAST * spacing)
        return self.size <= (ROUNDING_OF_FAST if fast else ROUNDING) * whole


def residual_on_grid(
    values: Float[torch.Tensor, "..."], spacing: PerAxis, used: Bool[torch.Tensor, "..."] | None = None
) -> ResidualFigures:
    """Of a residual (n_1, …, n_d, c) on a regular grid of 1 to 3 axes, `spacing` apart; where it is not `used` it
    counts as zero for the frequency, and not at all for the size."""
    if used is not None:
        values = torch.where(used[..., None], values, 0)
    frequency = grid_frequency(values, spacing, channels_last=True)
    return ResidualFigures(size=root_mean_square(values if used is None else values[used]), frequency=frequency)


def residual_at_points(points: Float[torch.Tensor, "n d"], values: Float[torch.Tensor, "n c"]) -> ResidualFigures:
    """Of a residual at scattered points of 1 to 3 dimensions."""
    return ResidualFigures(size=root_mean_square(values), frequency=scattered_frequency(points, values))


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
    waves longer than about twice that distance are told rightly.
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
