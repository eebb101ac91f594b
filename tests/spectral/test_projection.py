"""Oracles: the defining sum, waves along a line, the ordinary transform on regular points."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.spectral import (
    fourier_coefficients,
    principal_direction,
    projection,
    projection_error,
    projection_spectrum,
)


def test_regular_points_give_the_ordinary_transform():
    values = np.random.default_rng(0).normal(size=(16, 2))
    k = np.array([0, 1, 5, 8])
    found = projection_spectrum((np.arange(16) / 16)[:, None], values, k.astype(float), np.array([1.0]))
    assert np.allclose(found, fourier_coefficients(values, k, channels_last=True), atol=1e-14)


@pytest.mark.parametrize("at_once", [1, 10, 1 << 20])
def test_scattered_points_give_the_defining_sum(monkeypatch, at_once):
    monkeypatch.setattr(projection, "_VALUES_AT_ONCE", at_once)
    rng = np.random.default_rng(1)
    points, values = rng.normal(size=(37, 3)), rng.normal(size=37)
    frequencies = np.array([0.0, 0.7, -2.3])
    direction = np.array([1.0, 2.0, -2.0])
    t = points @ (direction / 3)
    expected = [(values * np.exp(-2j * np.pi * k * t)).mean() for k in frequencies]
    assert np.allclose(projection_spectrum(points, values, frequencies, direction)[:, 0], expected, atol=1e-13)


def test_a_wave_along_the_direction_of_greatest_spread():
    rng = np.random.default_rng(2)
    direction = np.array([0.6, 0.8])
    along, across = np.arange(2000) / 2000, 0.01 * rng.normal(size=2000)
    points = along[:, None] * direction + across[:, None] * np.array([-0.8, 0.6])
    assert principal_direction(points) == pytest.approx(direction, abs=1e-3)
    assert principal_direction(torch.from_numpy(points + 100)) == pytest.approx(direction, abs=1e-3)
    truth, shifted = np.cos(2 * np.pi * 4 * along), np.cos(2 * np.pi * 4 * (along + 0.03))
    error = projection_error(points, truth, shifted, np.array([4.0]))
    assert error == pytest.approx([2 * math.sin(math.pi * 4 * 0.03)], rel=1e-2)


def test_directions_of_degenerate_points():
    assert principal_direction(np.ones((5, 3))).tolist() == [1, 0, 0]
    assert principal_direction(np.ones((1, 2))).tolist() == [1, 0]


@given(seed=st.integers(0, 99), scale=st.floats(0.01, 100))
@settings(deadline=None, max_examples=25)
def test_order_of_points_and_scale_do_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    points, truth, prediction = rng.normal(size=(30, 3)), rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    k = np.array([0.1, 1.0, 2.5])
    p = rng.permutation(30)
    base = projection_error(points, truth, prediction, k)
    assert projection_error(points[p], scale * truth[p], scale * prediction[p], k) == pytest.approx(base)


def test_mistakes_are_told():
    points, values, k = np.zeros((3, 2)), np.zeros(3), np.array([1.0])
    with pytest.raises(UserError, match="finite length above zero"):
        projection_spectrum(points, values, k, np.zeros(2))
    with pytest.raises(UserError, match="no points"):
        projection_spectrum(points[:0], values[:0], k)
    assert np.isnan(projection_error(points, values, values + 1, k)).all()
