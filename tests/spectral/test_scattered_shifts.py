"""Oracles: known waves at random points, the defining sum, and `dominant_shifts` where the points are a grid."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.spectral import dominant_shifts, scattered_shifts
from nfield.spectral.scattered_shifts import _power

TURN = 2 * math.pi


@given(d=st.integers(1, 3), seed=st.integers(0, 10_000), window=st.booleans())
@settings(deadline=None, max_examples=25)
def test_a_wave_at_random_points_is_found_to_half_a_wave_per_side(d, seed, window):
    """Its energy is far above the 1/n of chance, and the nearest candidates lie within half a wave along each axis."""
    rng = np.random.default_rng(seed)
    low, sides = rng.normal(size=d), rng.uniform(0.5, 3.0, d)
    points = low + sides * np.vstack([np.zeros(d), np.ones(d), rng.uniform(size=(3000, d))])
    wave = rng.choice([-1, 1], d) * rng.uniform(5, 8, d) * TURN / sides
    wave *= np.sign(wave[0])
    values = np.stack([np.zeros(len(points)), 3 + np.cos(points @ wave + rng.uniform(0, TURN))], -1)
    found = scattered_shifts(
        points, values, 2, highest=9 * TURN / sides.min(), radius=TURN / sides.max(), window=window
    )
    assert found[0].tolist() == [0.0] * d
    # The window's main lobe is as high at the two nearest whole numbers where the wave lies half way between them.
    assert (np.abs(found[1] - wave) <= 0.75 * TURN / sides).all()


@pytest.mark.parametrize("at_once", [1, 50, 1 << 21])
def test_powers_are_the_defining_sum(monkeypatch, at_once):
    # The package's function hides its module of the same name.
    monkeypatch.setattr(sys.modules["nfield.spectral.scattered_shifts"], "_EXPONENTIALS_AT_ONCE", at_once)
    rng = np.random.default_rng(1)
    points, weighted = rng.normal(size=(23, 3)), rng.normal(size=(23, 2))
    axes = [np.array([-1.0, 0.5]), np.array([0.0, 2.0, 3.0]), np.array([0.1, 0.7])]
    expected = [
        (np.abs(np.exp(-1j * (points @ np.array([a, b, c]))) @ weighted) ** 2).sum()
        for a in axes[0]
        for b in axes[1]
        for c in axes[2]
    ]
    np.testing.assert_allclose(_power(points, weighted, axes), expected, rtol=1e-12)


def test_points_of_a_grid_have_the_shifts_of_the_grid():
    """One more sample than waves need closes the box, so that its side is that of the periodic grid."""
    n = 48
    axis = np.arange(n + 1) / n
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1)
    values = np.cos(TURN * (x @ [7.0, -5.0])) + 0.3 * np.sin(TURN * (x @ [0.0, 15.0]))
    scattered = scattered_shifts(torch.from_numpy(x.reshape(-1, 2)), values.ravel(), 3)
    np.testing.assert_allclose(scattered, dominant_shifts(values[:-1, :-1], 3, 1 / n), atol=1e-9)
    np.testing.assert_allclose(scattered[1:] / TURN, [[7, -5], [0, 15]], atol=1e-9)


def test_later_shifts_keep_their_distance():
    rng = np.random.default_rng(2)
    found = scattered_shifts(rng.uniform(size=(500, 2)), rng.normal(size=500), 6, highest=100.0, radius=30.0)
    both = np.concatenate([found, -found[1:]])
    apart = np.linalg.norm(both[:, None] - both[None], axis=-1)[np.triu_indices(len(both), 1)]
    assert len(found) == 6
    assert apart[apart > 0].min() > 30.0


def test_points_without_waves_leave_the_zero_vector():
    line = np.column_stack([np.linspace(0, 1, 50), np.full(50, 0.3)])
    assert scattered_shifts(line, np.full(50, 7.0), 4).tolist() == [[0, 0]]
    assert scattered_shifts(np.ones((5, 3)), np.arange(5.0), 4).tolist() == [[0, 0, 0]]
    found = scattered_shifts(line, np.cos(TURN * 9 * line[:, 0]), 2)
    np.testing.assert_allclose(found[1], [9 * TURN, 0])


@pytest.mark.parametrize(
    ("points", "values", "options", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0), {}, "at least one point"),
        (np.zeros((3, 4)), np.zeros(3), {}, "1 to 3 dimensions"),
        (np.eye(3), np.array([0.0, np.nan, 1.0]), {}, "NaN or infinity"),
        (np.eye(3), np.ones(3), {"highest": 1e4}, "too many wave vectors"),
        (np.eye(3), np.ones(3), {"highest": -1.0}, "highest must be a positive number"),
        (np.eye(3), np.ones(3), {"radius": 0.0}, "radius must be a positive number"),
    ],
)
def test_bad_input_is_refused(points, values, options, message):
    with pytest.raises(UserError, match=message):
        scattered_shifts(points, values, 3, **options)
