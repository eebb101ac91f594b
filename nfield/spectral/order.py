"""In which order the bands were learned: time to threshold per band, and one figure for "low frequencies first".

Times are whatever the caller counts in: steps or seconds of the T evaluations. Errors are a table of T rows and B
columns, bands ascending in frequency, None (or NaN) where a band has no energy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.spectral.arrays import Number

Errors = Float[np.ndarray, "times bands"] | Sequence[Sequence[float | int | None]]

RUNGS = (0.95, 0.9, 0.7, 0.5, 0.3)
"""Thresholds looser than the one asked for, at which the order of learning is compared too."""


def time_to_threshold(times: Sequence[Number], errors: Errors, threshold: Number = 0.1) -> list[float | None]:
    """For every band the first time from which its error stays below `threshold` till the end.

    `math.inf` where it never does; None where the band has no error at any time, that is, no energy.
    """
    table = _table(times, errors)
    return [None if math.isnan(first) else first for first in _first_below(times, table, float(threshold)).tolist()]


@dataclass(frozen=True, kw_only=True)
class OrderStatistic:
    """Whether a network learned its bands from low to high frequency; see `order_spearman`."""

    value: float | None
    """1 low first, −1 high first, about 0 no order; None where it is not known (`why` says so)."""
    why: str | None
    """Why there is no value; None where there is one."""
    uncorrected: float | None
    """Spearman's coefficient without the correction for ties."""
    bands: tuple[int, ...]
    """Indices of the bands compared: those that carry energy."""
    ranks: tuple[float, ...]
    """Mean rank in learning time of each band compared, 1 first; equal for bands that were never begun."""


def order_spearman(
    times: Sequence[Number],
    errors: Errors,
    energy: Sequence[Number],
    *,
    threshold: Number = 0.1,
    least_energy: Number = 1e-4,
) -> OrderStatistic:
    """Spearman rank correlation between frequency and time of learning, over the bands that carry energy.

    1. Bands with a share of `energy` of at least `least_energy` are compared.
    2. For `threshold` and for every rung of `RUNGS` above it, bands are ranked by the time to that threshold.
       Equal times share their mean rank, and bands that never get there tie at the end. The rank of a band
       is the mean over the thresholds. The rungs keep the order visible for a network that brings only a
       band or two below `threshold` in its time; with no rung above it, this is the plain time to threshold.
    3. Spearman's coefficient of band index and rank is divided by the greatest that these ranks could reach
       in any order. Without ties that is 1 and changes nothing. With ties, bands that were never begun neither
       count against the order nor for it: low bands learned in order and high ones never give 1.

    There is no value where fewer than 3 bands carry energy, or where their ranks form fewer than 3 groups.
    """
    table = _table(times, errors)
    if len(energy) != table.shape[1]:
        raise UserError(f"energy has {len(energy)} bands, errors have {table.shape[1]}: they must agree.")
    has_errors = ~np.isnan(table).all(axis=0)
    used = np.flatnonzero((np.array(energy, dtype=np.float64) >= float(least_energy)) & has_errors)
    bands = tuple(used.tolist())
    if len(used) < 3:
        why = f"only {len(used)} band(s) carry energy, and an order needs at least 3"
        return OrderStatistic(value=None, why=why, uncorrected=None, bands=bands, ranks=())
    strictest = float(threshold)
    thresholds = [rung for rung in RUNGS if rung > strictest] + [strictest]
    # Twice the mean rank is a whole number: sums of them tie exactly where they should.
    doubled = sum(2 * _mean_ranks(_first_below(times, table[:, used], level)) for level in thresholds)
    ranks = tuple((np.asarray(doubled) / (2 * len(thresholds))).tolist())
    groups = len(np.unique(doubled))
    if groups < 3:
        why = (
            "no band's error fell below any threshold before another's"
            if groups == 1
            else "the times of learning tell only two groups of bands apart, and an order needs at least 3"
        )
        return OrderStatistic(value=None, why=why, uncorrected=None, bands=bands, ranks=ranks)
    final = _mean_ranks(np.asarray(doubled))
    index = np.arange(len(used))
    plain = float(np.corrcoef(index, final)[0, 1])
    greatest = float(np.corrcoef(index, np.sort(final))[0, 1])
    return OrderStatistic(
        value=max(-1.0, min(1.0, plain / greatest)), why=None, uncorrected=plain, bands=bands, ranks=ranks
    )


def _table(times: Sequence[Number], errors: Errors) -> Float[np.ndarray, "times bands"]:
    """The errors as an array with NaN for None, checked against the times."""
    if len(errors) != len(times) or len(times) == 0:
        raise UserError(
            f"There are {len(times)} times and {len(errors)} rows of errors: give one row per time, and at least one."
        )
    if isinstance(errors, np.ndarray):
        table = errors.astype(np.float64)
    else:
        table = np.array([[math.nan if e is None else float(e) for e in row] for row in errors], dtype=np.float64)
    if (np.diff(np.array(times, dtype=np.float64)) < 0).any():
        raise UserError("The times of the evaluations must ascend.")
    return table


def _first_below(
    times: Sequence[Number], table: Float[np.ndarray, "times bands"], threshold: float
) -> Float[np.ndarray, " bands"]:
    """First time from which each column stays below; inf for never, NaN for a column of NaN only."""
    # A missing error inside a column counts as above: only what was measured is below.
    above = ~(table < threshold)
    rows = len(table)
    after_last_above = np.where(above.any(axis=0), rows - np.argmax(above[::-1], axis=0), 0)
    first = np.append(np.array(times, dtype=np.float64), np.inf)[after_last_above]
    return np.where(np.isnan(table).all(axis=0), np.nan, first)


def _mean_ranks(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Ranks from 1; equal values, infinite ones included, share the mean of theirs."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[group]
