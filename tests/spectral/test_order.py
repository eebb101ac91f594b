"""Oracle: learning curves E_b(t) = exp(−λ_b t), whose times to threshold are log(1/τ)/λ_b."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from nfield.core.checks import UserError
from nfield.spectral import order_spearman, time_to_threshold

STEPS = list(range(0, 1001, 5))
BANDS = 9
EVEN = [1 / BANDS] * BANDS


def curves(rates, steps=STEPS):
    return np.exp(-np.outer(steps, rates))


def test_time_to_threshold_of_exponentials():
    rates = [0.1, 0.01, 0.001]
    expected = [5 * math.ceil(math.log(10) / rate / 5) for rate in rates[:2]]
    assert time_to_threshold(STEPS, curves(rates)) == [*expected, math.inf]
    assert time_to_threshold(STEPS, curves([0.01]), threshold=0.5) == [5 * math.ceil(math.log(2) / 0.01 / 5)]


def test_the_error_must_stay_below_till_the_end():
    errors = [[0.05, 0.5, None, 0.1, None], [0.2, 0.05, None, 0.1, 0.01], [0.05, 0.05, None, 0.1, 0.01]]
    times = time_to_threshold([10, 20, 30], errors)
    assert times == [30, 20, None, math.inf, 20]


@pytest.mark.parametrize("window", [20, 100, 400, 1000])
def test_low_first_is_one_however_little_was_learned(window):
    steps = list(range(0, window + 1, 2))
    rates = [0.1 * 2.0**-band for band in range(BANDS)]
    result = order_spearman(steps, curves(rates, steps), EVEN)
    assert result.value == pytest.approx(1)
    assert result.why is None
    assert result.uncorrected <= result.value + 1e-12
    assert result.uncorrected > 0.8
    assert result.bands == tuple(range(BANDS))
    backwards = order_spearman(steps, curves(rates[::-1], steps), EVEN)
    assert backwards.value == pytest.approx(-1)


def test_low_bands_in_order_and_high_ones_never():
    errors = curves([0.1, 0.05, 0.02, 0.01, 0, 0, 0, 0, 0])
    errors[:, 4:] += 1e-3 * np.random.default_rng(0).normal(size=(len(STEPS), 5))
    result = order_spearman(STEPS, errors, EVEN)
    assert result.value == pytest.approx(1)
    # Five tied ranks of nine: the coefficient itself cannot exceed sqrt(50 / 60).
    assert result.uncorrected == pytest.approx(math.sqrt(50 / 60))
    assert list(result.ranks[:4]) == sorted(set(result.ranks[:4]))
    assert result.ranks[4:] == (7,) * 5


def test_one_wrong_pair_costs_its_share():
    rates = [0.1, 0.05, 0.08, 0.04, 0.03, 0.025, 0.02, 0.015, 0.01]
    result = order_spearman(list(range(1001)), curves(rates, range(1001)), EVEN)
    assert result.value == pytest.approx(1 - 6 * 2 / (9 * 80))
    assert result.uncorrected == pytest.approx(result.value)


def test_learned_together_has_no_order():
    result = order_spearman(STEPS, curves([0.01] * BANDS), EVEN)
    assert result.value is None
    assert "no band" in result.why
    never = order_spearman(STEPS, curves([0.0] * BANDS), EVEN)
    assert never.value is None
    two = order_spearman(STEPS, curves([0.1] * 4 + [0.0] * 5), EVEN)
    assert two.value is None
    assert "two groups" in two.why


def test_no_order_at_random():
    rng = np.random.default_rng(1)
    values = [order_spearman(STEPS, curves(rng.permutation(9) * 0.01 + 0.01), EVEN).value for _ in range(60)]
    assert abs(np.mean(values)) < 0.15
    assert np.std(values) == pytest.approx(1 / math.sqrt(8), rel=0.3)


@given(order=st.permutations(range(7)))
@settings(deadline=None, max_examples=25)
def test_without_ties_it_is_spearmans_coefficient(order):
    steps = list(range(800))
    errors = curves([0.03 * 1.4 ** -float(o) for o in order], steps)
    result = order_spearman(steps, errors, [1 / 7] * 7)
    expected = spearmanr(range(7), time_to_threshold(steps, errors)).statistic
    assert result.value == pytest.approx(expected)
    # From the loosest rung on there are no others: plain ranks of the time to threshold.
    alone = order_spearman(steps, errors, [1 / 7] * 7, threshold=0.95)
    assert alone.ranks == pytest.approx([1 + o for o in order])


@given(slower=st.floats(1.01, 50))
@settings(deadline=None, max_examples=25)
def test_only_the_order_of_times_counts(slower):
    errors = curves([0.05, 0.04, 0.06, 0.01, 0.005, 0.001])
    energy = [1 / 6] * 6
    stretched = [step * slower for step in STEPS]
    assert order_spearman(stretched, errors, energy) == order_spearman(STEPS, errors, energy)


def test_bands_without_energy_do_not_count():
    rates = [0.1, 0.001, 0.05, 0.02, 0.01]
    energy = [0.4, 1e-5, 0.3, 0.2, 0.1]
    result = order_spearman(STEPS, curves(rates), energy)
    assert result.value == pytest.approx(1)
    assert result.bands == (0, 2, 3, 4)
    table = [[*row, None] for row in curves(rates[2:]).tolist()]
    assert order_spearman(STEPS, table, [0.3, 0.3, 0.3, 0.1]).bands == (0, 1, 2)
    few = order_spearman(STEPS, curves([0.1, 0.01]), [0.5, 0.5])
    assert few.value is None
    assert "only 2 band(s)" in few.why


def test_mistakes_are_told():
    with pytest.raises(UserError, match="2 times and 1 rows"):
        time_to_threshold([1, 2], [[0.1]])
    with pytest.raises(UserError, match="0 times"):
        time_to_threshold([], [])
    with pytest.raises(UserError, match="must ascend"):
        time_to_threshold([2, 1], [[0.1], [0.1]])
    with pytest.raises(UserError, match="energy has 1 bands, errors have 2"):
        order_spearman([1], [[0.1, 0.2]], [1.0])
