"""Oracle: waves in closed form and the sum that defines the transform."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.spectral import fourier_coefficients, fourier_error, magnitude_only_error


def test_coefficients_are_the_defining_sum():
    values = np.random.default_rng(0).normal(size=(5, 6, 2))
    wave_numbers = np.array([[0, 0], [1, 2], [-2, 3], [2, -1]])
    j, k = np.meshgrid(np.arange(5) / 5, np.arange(6) / 6, indexing="ij")
    expected = [
        [(values[..., c] * np.exp(-2j * np.pi * (a * j + b * k))).mean() for c in range(2)] for a, b in wave_numbers
    ]
    found = fourier_coefficients(values, wave_numbers, channels_last=True)
    assert np.allclose(found, expected, rtol=0, atol=1e-14)


def test_a_shift_is_an_error_only_where_phases_count():
    t = np.arange(50) / 50
    truth = np.cos(2 * np.pi * 3 * t) + np.cos(2 * np.pi * 7 * t)
    shifted = np.cos(2 * np.pi * 3 * (t + 0.02)) + np.cos(2 * np.pi * 7 * (t + 0.02))
    k = np.array([3, 7])
    assert fourier_error(truth, shifted, k) == pytest.approx(2 * np.abs(np.sin(np.pi * k * 0.02)))
    assert magnitude_only_error(truth, shifted, k) == pytest.approx([0, 0], abs=1e-12)
    assert magnitude_only_error(truth, truth / 2, k) == pytest.approx([0.5, 0.5])
    assert fourier_error(torch.from_numpy(truth), torch.from_numpy(-truth), k) == pytest.approx([2, 2])


def test_waves_that_the_truth_lacks_have_no_relative_error():
    t = np.arange(32) / 32
    errors = fourier_error(np.cos(2 * np.pi * t), np.cos(2 * np.pi * 2 * t), np.array([1, 2]))
    assert errors[0] == pytest.approx(1)
    assert math.isnan(errors[1])


def test_mistakes_are_told():
    values = np.ones((4, 6))
    with pytest.raises(UserError, match="above Nyquist"):
        fourier_coefficients(values, np.array([[3, 0]]))
    with pytest.raises(UserError, match="1 numbers per wave vector for a grid of 2 axes"):
        fourier_coefficients(values, np.array([1]))
    with pytest.raises(UserError, match="must agree"):
        fourier_error(values, values[1:], np.array([[1, 1]]))
