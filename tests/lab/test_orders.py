"""The order of learning of ensembles, against courses whose order is known."""

import math

import numpy as np
import pytest

from nfield.lab.orders import band_table, least_order, median_times, orders, statistics, times_to
from nfield.spectral import BandErrors

STEPS = [0, 1, 2, 3]
LOW_FIRST = np.array([[1, 1, 1], [0.01, 1, 1], [0.01, 0.01, 1], [0.01, 0.01, 0.01]])
ERRORS = np.stack([LOW_FIRST, LOW_FIRST[:, ::-1]], 1)
"""Two members, the second one in the opposite order."""


def test_orders_and_times_of_each_member() -> None:
    assert orders(STEPS, ERRORS, 0.1) == [pytest.approx(1), pytest.approx(-1)]
    assert times_to(STEPS, ERRORS, 0.1) == [[1, 2, 3], [3, 2, 1]]
    assert statistics(STEPS, ERRORS, 0.1, [1.0, 0.0, 0.0])[0].value is None


def test_the_least_order_is_known_only_if_all_are() -> None:
    assert least_order([0.5, 1.0]) == (0.5, "0.50 at the least")
    assert least_order([0.5, None])[0] is None
    assert least_order([])[0] is None


def test_the_median_of_times_is_one_of_them() -> None:
    assert median_times([[1, math.inf], [5, math.inf], [2, 7]]) == [2, math.inf]
    assert median_times([[1, None], [2, 3]]) == [2, math.inf]


def test_bands_without_energy_have_no_number() -> None:
    wave = np.sin(2 * np.pi * np.arange(32) / 32)
    found = band_table(BandErrors(wave, spacing=1 / 32, window=False), np.stack([wave, 0 * wave]))
    assert [row[0] for row in found] == [0, pytest.approx(1)]
    assert all(math.isnan(error) for row in found for error in row[1:])
