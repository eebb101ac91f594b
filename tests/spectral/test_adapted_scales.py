"""Scales by the spectrum of a residual. Oracles: signals whose spectrum is known, and how scales must scale."""

import math

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.spectral import adapted_scales

X = np.arange(512) / 512


def test_waves_get_scales_by_their_amplitude() -> None:
    """A window smears a wave over three annuli; of amplitudes 2 and 1 the lower one has 2/3, four of six shares."""
    signal = 2 * np.sin(2 * math.pi * 10 * X) + np.sin(2 * math.pi * 100 * X)
    cycles = np.array(adapted_scales(signal, 6, 1 / 512)) / (2 * math.pi)
    assert np.all(np.diff(cycles) > 0)
    assert np.abs(cycles[:4] - 10).max() < 2
    assert np.abs(cycles[4:] - 100).max() < 2


def test_noise_has_evenly_spread_scales() -> None:
    noise = np.random.default_rng(0).standard_normal(1 << 15)
    cycles = np.array(adapted_scales(noise, 3)) / (2 * math.pi)
    assert cycles == pytest.approx([0.15, 0.3, 0.45], rel=0.03)


def test_scales_are_radians_per_unit_and_know_no_size() -> None:
    signal = np.exp(-((X - 0.4) ** 2) / 0.001)
    once = np.array(adapted_scales(signal, 4, 1 / 512))
    assert adapted_scales(7 * signal, 4, 1 / 512) == pytest.approx(once)
    assert adapted_scales(signal, 4, 2 / 512) == pytest.approx(once / 2)
    # A plane wave along an axis of a grid with two channels.
    plane = np.sin(2 * math.pi * 8 * X[::8])[:, None, None] * np.ones((64, 64, 2))
    cycles = np.array(adapted_scales(plane, 2, 1 / 64, channels_last=True)) / (2 * math.pi)
    assert np.abs(cycles - 8).max() < 2


def test_a_constant_has_the_lowest_scale_and_nonsense_none() -> None:
    assert adapted_scales(np.ones(16), 2, 0.5) == pytest.approx([2 * math.pi / 8] * 2)
    with pytest.raises(UserError, match="count"):
        adapted_scales(X, 0)
    with pytest.raises(UserError, match="NaN"):
        adapted_scales(np.array([1.0, math.nan]), 1)
