"""In which order the members of an ensemble have learned their bands; errors are given by step, member and band."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from nfield.spectral import BandErrors, OrderStatistic, order_spearman, time_to_threshold

Errors = Float[np.ndarray, "steps members bands"]


def band_table(bands: BandErrors, outputs: Float[np.ndarray, " members *grid"]) -> list[list[float]]:
    """Errors of each member and band; NaN where the truth has no energy."""
    return [[math.nan if error is None else error for error in bands(one)] for one in outputs]


def statistics(
    steps: Sequence[float], errors: Errors, threshold: float, energy: Sequence[float] | None = None
) -> list[OrderStatistic]:
    """Order statistic of each member; bands are of equal energy unless it is given."""
    count = errors.shape[2]
    energy = [1 / count] * count if energy is None else energy
    return [order_spearman(steps, own, energy, threshold=threshold) for own in errors.swapaxes(0, 1)]


def orders(
    steps: Sequence[float], errors: Errors, threshold: float, energy: Sequence[float] | None = None
) -> list[float | None]:
    """The statistics' values."""
    return [one.value for one in statistics(steps, errors, threshold, energy)]


def least_order(found: Sequence[float | None]) -> tuple[float | None, str]:
    """The least of the members' orders, and in words; none where one of them is not known."""
    known = [order for order in found if order is not None]
    if not known or len(known) < len(found):
        return None, "not known for all"
    return min(known), f"{min(known):.2f} at the least"


def times_to(steps: Sequence[float], errors: Errors, threshold: float) -> list[list[float | None]]:
    """Step at which each member and band comes below the threshold for good; infinite where it never does."""
    return [time_to_threshold(steps, own, threshold) for own in errors.swapaxes(0, 1)]


def median_times(times: Sequence[Sequence[float | None]]) -> list[float]:
    """The middle one of the members' times to each band; infinite where half of them never get there."""
    # As it is, also of an even number: a mean with infinity would be no time.
    rows = [[math.inf if time is None else time for time in row] for row in times]
    return [sorted(column)[len(column) // 2] for column in zip(*rows, strict=True)]
