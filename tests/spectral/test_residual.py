"""Figures of residuals, against waves whose size and frequency are known, and the rule for what is rounding."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.spectral.residual import (
    LEAST_KAPPA,
    ResidualFigures,
    grid_frequency,
    residual_at_points,
    residual_on_grid,
    scattered_frequency,
)

SIDE = 128


def axis(side=SIDE):
    return -1 + 2 * np.arange(side) / side


@pytest.mark.parametrize("frequency", [1.0, 4.5, 21.0])
def test_a_line_by_its_sign_changes(frequency):
    x = axis(2048)
    values = 1e-9 * np.cos(2 * math.pi * frequency * x + 0.3) * (1 + 0.3 * x)
    assert grid_frequency(values, 2 / 2048) == pytest.approx(frequency, abs=0.3)
    assert grid_frequency(values[:, None], 2 / 2048, channels_last=True) == pytest.approx(frequency, abs=0.3)


@pytest.mark.parametrize("wave", [(3.0, 0.0), (5.0, 4.0), (0.5, -12.0)])
def test_a_plane_wave_on_a_grid(wave):
    """Annuli are half a cycle per unit wide on [−1, 1]²."""
    x, y = np.meshgrid(axis(), axis(), indexing="ij")
    values = np.sin(2 * math.pi * (wave[0] * x + wave[1] * y))
    assert grid_frequency(values, 2 / SIDE) == pytest.approx(math.hypot(*wave), abs=0.3)


def test_the_mean_of_an_annulus_counts_and_not_its_sum():
    """A wave of frequency 3 in weak white noise, whose power summed over an annulus grows with the frequency: by sums
    the noise would win, which holds 90 times the wave's power."""
    x, _ = np.meshgrid(axis(), axis(), indexing="ij")
    noise = np.random.default_rng(0).normal(size=(SIDE, SIDE))
    values = np.sqrt(2) * np.sin(2 * math.pi * 3 * x) / np.sqrt(90) + noise
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(values))) ** 2
    radius = np.hypot(*np.meshgrid(np.arange(-64, 64), np.arange(-64, 64), indexing="ij"))
    sums = np.bincount(np.rint(radius).astype(int).ravel(), spectrum.ravel())
    assert np.argmax(sums[1:]) + 1 > 30
    assert grid_frequency(values, 2 / SIDE) == pytest.approx(3, abs=0.3)


def test_three_dimensions_and_constants():
    x = np.meshgrid(*[axis(32)] * 3, indexing="ij")
    values = np.cos(2 * math.pi * (2 * x[0] + x[1] - 2 * x[2]))
    assert grid_frequency(values, 2 / 32) == pytest.approx(3, abs=0.3)
    assert grid_frequency(np.ones((8, 8))) == 0
    assert grid_frequency(np.ones(8)) == 0


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_scattered_waves(dimension):
    """Uniformly drawn points, many to a wave; in space the neighbours' directions are random."""
    points = torch.rand(20000, dimension, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    wave = torch.tensor([1.5, -1.0, 0.5][:dimension], dtype=torch.float64)
    values = torch.sin(2 * math.pi * points @ wave + 0.4)[:, None]
    assert scattered_frequency(points, values) == pytest.approx(float(wave.norm()), rel=0.1)
    assert scattered_frequency(points, torch.ones_like(values)) == 0


def test_shapes_without_a_frequency_are_refused():
    with pytest.raises(UserError, match="at least two points"):
        scattered_frequency(np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(UserError, match="1 to 3"):
        scattered_frequency(np.zeros((9, 4)), np.zeros((9, 1)))


def test_kappa_in_closed_form():
    """κ = 2π f, and never below its least."""
    assert ResidualFigures(size=1.0, frequency=7.5).kappa == pytest.approx(15 * math.pi)
    assert ResidualFigures(size=1.0, frequency=0.0).kappa == LEAST_KAPPA


def test_figures_of_a_wave():
    """Oracle: its amplitude over √2, and its own frequency, on the grid and at scattered points."""
    x = torch.from_numpy(axis())
    points = torch.rand(4000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 2 - 1

    def wave(points):
        return 1e-5 * torch.cos(2 * math.pi * 5 * points)

    for found in (residual_on_grid(wave(x[:, None]), 2 / SIDE), residual_at_points(points, wave(points))):
        assert found.size == pytest.approx(1e-5 / math.sqrt(2), rel=0.02)
        assert found.frequency == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    ("samples_to_a_wave", "share", "rounding"),
    [
        (100, 3e-16, True),
        (100, 1e-15, False),
        (20, 1e-15, True),
        (20, 1e-12, False),
        (4, 1e-12, True),
        (4, 1e-9, False),
    ],
)
def test_the_faster_the_larger_is_rounding(samples_to_a_wave, share, rounding):
    """Whatever the units of values and of lengths are."""
    for unit, size in ((1.0, 1.0), (0.01, 300.0)):
        found = ResidualFigures(size=share * size, frequency=1 / (samples_to_a_wave * unit))
        assert found.is_rounding(size, unit) == rounding
    assert ResidualFigures(size=0.0, frequency=0.0).is_rounding(0.0, 1.0)
