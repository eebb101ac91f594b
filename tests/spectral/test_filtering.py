"""Oracles: the Gaussian's transfer function exp(−2π²δ²f²), a double loop, and the limits of δ."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.spectral import filter_errors, filtering, low_pass


@pytest.mark.parametrize("cutoff", [None, 6])
def test_a_wave_is_damped_by_the_transfer_function(cutoff):
    # With δ² in place of δ the factor would be 0.999 instead of 0.607.
    delta, frequency = 0.05, 1 / (2 * math.pi * 0.05)
    points = np.linspace(-1, 1, 1001)[:, None]
    wave = np.sin(2 * np.pi * frequency * points[:, 0])
    inside = np.abs(points[:, 0]) < 0.6
    expected = math.exp(-2 * math.pi**2 * delta**2 * frequency**2) * wave
    assert expected.max() == pytest.approx(math.exp(-0.5), rel=1e-3)
    assert low_pass(points, wave, delta, cutoff=cutoff)[inside] == pytest.approx(expected[inside], abs=1e-5)


def test_a_plane_wave_in_three_dimensions():
    axis = np.linspace(-1, 1, 15)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    delta, wave_vector = 0.2, np.array([0.5, 0.25, 0.0])
    wave = np.cos(2 * np.pi * points @ wave_vector)
    expected = math.exp(-2 * math.pi**2 * delta**2 * (wave_vector @ wave_vector))
    centre = len(points) // 2
    assert low_pass(points, wave, delta)[centre] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("pairs", [7, 50, 1 << 20])
@pytest.mark.parametrize("cutoff", [None, 100, 1.5])
@pytest.mark.parametrize("trailing", [(), (2,)])
def test_blocks_agree_with_a_double_loop(monkeypatch, pairs, cutoff, trailing):
    rng = np.random.default_rng(0)
    points, values = rng.random((23, 2)), rng.normal(size=(23, *trailing))
    points[3] = points[4]
    delta = 0.2
    expected = np.zeros_like(values)
    for i in range(23):
        distance = np.linalg.norm(points - points[i], axis=1)
        weights = np.exp(-(distance**2) / (2 * delta**2)) * (distance <= (cutoff or math.inf) * delta)
        expected[i] = np.tensordot(weights, values, axes=1) / weights.sum()
    monkeypatch.setattr(filtering, "_PAIRS_AT_ONCE", pairs)
    assert low_pass(points, values, delta, cutoff=cutoff) == pytest.approx(expected, rel=1e-10)


def test_limits_of_the_width():
    rng = np.random.default_rng(1)
    points, values = rng.random((40, 2)), rng.normal(size=40)
    assert low_pass(points, values, 1e-6) == pytest.approx(values)
    assert low_pass(points, values, 1e6) == pytest.approx(np.full(40, values.mean()))


def test_errors_of_the_two_parts():
    points = np.linspace(-1, 1, 801)[:, None]
    low, high = np.sin(2 * np.pi * points[:, 0]), np.sin(2 * np.pi * 25 * points[:, 0])
    missing_high = filter_errors(points, low + high, low, 0.03)
    # The Gaussian is cut at both ends of the interval, where some of the high wave passes.
    assert missing_high.low < 0.05
    assert missing_high.high == pytest.approx(1, abs=0.02)
    missing_low = filter_errors(points, low + high, high, 0.03)
    assert missing_low.low == pytest.approx(1, abs=0.02)
    assert missing_low.high < 0.1
    halved = filter_errors(torch.from_numpy(points), torch.from_numpy(low), torch.from_numpy(low / 2), 0.1)
    assert (halved.low, halved.high) == (pytest.approx(0.5), pytest.approx(0.5))


def test_parts_that_are_not_there_have_no_error():
    points = np.linspace(0, 1, 9)[:, None]
    constant = filter_errors(points, np.ones(9), np.zeros(9), 0.1)
    assert constant.low == pytest.approx(1)
    assert constant.high is None
    nothing = filter_errors(points, np.zeros(9), np.ones(9), 0.1)
    assert (nothing.low, nothing.high) == (None, None)


@given(seed=st.integers(0, 99), scale=st.floats(0.01, 100), stretch=st.floats(0.1, 10))
@settings(deadline=None, max_examples=25)
def test_order_of_points_scale_and_unit_of_length_do_not_matter(seed, scale, stretch):
    rng = np.random.default_rng(seed)
    points, truth, prediction = rng.random((30, 3)), rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    base = filter_errors(points, truth, prediction, 0.3)
    p = rng.permutation(30)
    changed = filter_errors(stretch * points[p], scale * truth[p], scale * prediction[p], stretch * 0.3)
    assert (changed.low, changed.high) == (pytest.approx(base.low), pytest.approx(base.high))


def test_mistakes_are_told():
    points, values = np.zeros((3, 1)), np.zeros(3)
    for call in (lambda: low_pass(points, values, 0), lambda: low_pass(points, values, 1, cutoff=-1)):
        with pytest.raises(UserError, match="positive number"):
            call()
    with pytest.raises(UserError, match="finite"):
        low_pass(points, np.array([0, 1, np.nan]), 1)
    assert low_pass(np.zeros((0, 2)), np.zeros(0), 1).shape == (0,)
    assert low_pass(np.zeros((0, 2)), np.zeros(0), 1, cutoff=3).shape == (0,)
