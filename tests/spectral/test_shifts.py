"""Dominant wave vectors and bands around them. Oracles: sums of known waves, and the signal itself."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.spectral import dominant_shifts, join_bands, split_bands
from nfield.spectral.phase_shift import band_windows

TURN = 2 * math.pi


def grid(shape, spacing, origin=0.0):
    axes = [origin + np.arange(n) * h for n, h in zip(shape, spacing, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1)


@pytest.mark.parametrize("window", [True, False])
def test_the_waves_of_a_sum_come_back_by_their_strength(window):
    """Waves that fit the box, far apart: their vectors are known, in radians per unit along each axis."""
    spacing = (0.1, 0.05)
    x = grid((40, 64), spacing)
    unit = TURN / np.array([4.0, 3.2])
    waves = np.array([[10, 3], [0, 20], [8, -12]]) * unit
    f = 5 + sum(a * np.cos(x @ w + 0.3) for a, w in zip((1.0, 2.0, 0.5), waves, strict=True))
    found = dominant_shifts(f, 4, spacing, window=window)
    np.testing.assert_allclose(found, [[0, 0], waves[1], waves[0], waves[2]], atol=1e-9)
    assert np.array_equal(dominant_shifts(torch.from_numpy(f), 4, spacing, window=window), found)
    # A wave with its mirror image or with itself is not found twice, and what is not there is not found at all.
    assert len(dominant_shifts(f, 99, spacing, window=window)) == 4
    assert dominant_shifts(f, 1, spacing).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("d", [1, 2, 3])
def test_what_lies_within_the_radius_is_left_out(d):
    noise = np.random.default_rng(0).normal(size=(16,) * d)
    radius = 2.5 * TURN / 16
    found = dominant_shifts(noise, 6, radius=radius)
    assert len(found) == (3 if d == 1 else 6)
    assert not found[0].any()
    for i, one in enumerate(found):
        for other in found[:i]:
            assert np.linalg.norm(one - other) > radius
            assert np.linalg.norm(one + other) > radius


def test_waves_along_the_first_axis_alone_are_found_once():
    """The half transform holds both signs of a wave that does not run along the last axis."""
    x = grid((64, 64), (1, 1))
    f = np.sin(TURN * 20 / 64 * x[..., 0]) + 0.1 * np.sin(TURN * 9 / 64 * (x[..., 0] + x[..., 1]))
    found = dominant_shifts(f, 3) * 64 / TURN
    np.testing.assert_allclose(found, [[0, 0], [20, 0], [9, 9]], atol=1e-9)


def test_signals_that_are_not_periodic_do_not_leak():
    """A steep ramp outside of the window would outweigh the wave by far."""
    x = np.arange(256) / 256
    f = 30 * x + np.sin(TURN * 40 * x)
    assert dominant_shifts(f, 3, 1 / 256).ravel()[1:].tolist() == pytest.approx([TURN * 40, TURN * 4], rel=0.01)


def test_channels_add_and_constants_have_no_waves():
    x = np.arange(64) / 64
    f = np.stack([np.sin(TURN * 8 * x), 2 * np.sin(TURN * 20 * x), np.ones(64)], -1)
    found = dominant_shifts(f, 3, 1 / 64, channels_last=True).ravel() / TURN
    assert found.tolist() == pytest.approx([0, 20, 8])
    assert dominant_shifts(np.full((5, 6), 0.1), 4).tolist() == [[0.0, 0.0]]
    assert dominant_shifts(np.ones(1), 4).tolist() == [[0.0]]


def test_bad_input_is_told():
    with pytest.raises(UserError, match="count must be at least 1"):
        dominant_shifts(np.ones(4), 0)
    with pytest.raises(UserError, match="radius must be"):
        dominant_shifts(np.ones(4), 2, radius=0.0)
    with pytest.raises(UserError, match="NaN"):
        dominant_shifts(np.array([1.0, np.nan]), 2)
    with pytest.raises(UserError, match="NaN"):
        split_bands(np.array([1.0, np.nan]), np.zeros((1, 1)))
    with pytest.raises(UserError, match="2 numbers, as many as the grid has axes"):
        split_bands(np.ones((3, 3)), np.zeros((1, 1)))
    with pytest.raises(UserError, match="with its opposite"):
        split_bands(np.ones(8), np.array([[1.0], [-1.0]]))
    with pytest.raises(UserError, match="overlap must be between 0 and 1"):
        split_bands(np.ones(8), np.zeros((1, 1)), overlap=-0.1)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    count=st.integers(1, 5),
    channels=st.integers(1, 2),
    overlap=st.sampled_from([0.0, 0.25, 1.0]),
    periodic=st.booleans(),
    seed=st.integers(0, 99),
)
def test_bands_put_together_are_the_signal(shape, count, channels, overlap, periodic, seed):
    """Any values, any wave vectors, odd and even grids with their Nyquist bins, any origin."""
    draw = np.random.default_rng(seed)
    f = draw.normal(size=(*shape, channels))
    shifts = draw.normal(size=(count, len(shape))) * 3
    shifts[0] *= seed % 2
    where = {"spacing": 0.3, "origin": -0.7}
    bands = split_bands(f, shifts, **where, overlap=overlap, periodic=periodic, channels_last=True)
    assert bands.shape == (count, channels, *shape)
    joined = np.moveaxis(join_bands(bands, shifts, **where), 0, -1)
    np.testing.assert_allclose(joined, f, rtol=0, atol=1e-12)


def test_windows_and_their_mirror_images_sum_to_one():
    shifts = np.array([[0.0, 0.0], [1.0, 0.5], [-0.5, 2.0]])
    windows = band_windows((8, 9), shifts)
    mirror = windows[:, -np.arange(8)][:, :, -np.arange(9)]
    np.testing.assert_allclose(windows.sum(0) + mirror[1:].sum(0), 1, atol=1e-14)
    assert windows.min() >= 0


def test_each_band_comes_down_to_zero():
    """A slow amplitude on a fast wave: the band around the wave is the amplitude itself, times the wave's phase."""
    x = -1 + np.arange(256) / 128
    slow = 1 + 0.4 * np.cos(math.pi * 2 * x)
    omega = math.pi * 50
    f = np.cos(math.pi * x) + slow * np.cos(omega * x + 0.6)
    low, high = split_bands(f, np.array([[0.0], [omega]]), 1 / 128, -1.0, overlap=0.1)[:, 0]
    np.testing.assert_allclose(low, np.cos(math.pi * x), atol=1e-5)
    np.testing.assert_allclose(high, slow * np.exp(0.6j), atol=1e-5)


def test_ends_that_do_not_meet_leave_the_other_bands_alone():
    """A ramp has no fast waves but the jump from its end to its start, of which its mirror image has none."""
    ramp = np.linspace(-1, 1, 256)
    shifts = np.array([[0.0], [math.pi * 50]])
    around, mirrored = (
        split_bands(ramp, shifts, 1 / 128, -1.0, overlap=0.1, periodic=periodic)[1, 0] for periodic in (True, False)
    )
    assert np.abs(around).max() > 0.3
    assert np.abs(mirrored).max() < 0.01
