"""Oracles: a direct DFT written as sums, sinusoids in closed form, band-limited noise."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.spectral import BandErrors, hann_window, octave_bands


def direct_band_errors(truth, prediction, bands, spacing, window):
    """Sums over all wave vectors, one by one, of full complex transforms of windowed channels-last arrays."""
    shape = truth.shape[:-1]
    positions = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1).reshape(-1, len(shape))
    w = hann_window(shape).reshape(-1, 1) if window else np.ones((len(positions), 1))

    def prepared(values):
        flat = values.reshape(-1, values.shape[-1])
        return w * (flat - (w * flat).sum(0) / w.sum())

    f, h = prepared(truth), prepared(prediction)
    wrong, energy = np.zeros(len(bands)), np.zeros(len(bands))
    for k in np.ndindex(*shape):
        signed = [kk if 2 * kk <= n else kk - n for kk, n in zip(k, shape, strict=True)]
        frequency = math.hypot(*[s / (n * d) for s, n, d in zip(signed, shape, spacing, strict=True)])
        wave = np.exp(-2j * np.pi * (positions * (np.array(k) / np.array(shape))).sum(-1))
        for b, (low, high) in enumerate(bands):
            if low <= frequency * (1 + 1e-9) < high:
                wrong[b] += (np.abs(wave @ (h - f)) ** 2).sum()
                energy[b] += (np.abs(wave @ f) ** 2).sum()
    return np.sqrt(wrong / energy), energy / energy.sum()


@pytest.mark.parametrize("shape", [(16,), (15,), (6, 9), (8, 6), (3, 4, 5), (1, 7)])
@pytest.mark.parametrize("window", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_a_direct_transform(shape, window, channels):
    rng = np.random.default_rng(0)
    truth, prediction = rng.normal(size=(2, *shape, channels)) + 2
    spacing = tuple(0.1 * (i + 1) for i in range(len(shape)))
    measure = BandErrors(truth, spacing=spacing, window=window, channels_last=True)
    errors, energy = direct_band_errors(truth, prediction, measure.bands, spacing, window)
    assert measure(prediction) == pytest.approx(errors, rel=1e-9)
    assert measure.energy == pytest.approx(energy, rel=1e-9)
    single = BandErrors(truth, spacing=spacing, window=window, channels_last=True, single_precision=True)
    assert single(prediction) == pytest.approx(errors, rel=1e-4)


def waves(n=128, shift=0.0):
    """Three waves of 3, 12 and 40 cycles per side."""
    t = np.arange(n) / n + shift
    return [np.cos(2 * np.pi * k * t) for k in (3, 12, 40)]


def test_each_wave_is_judged_in_its_own_band():
    low, middle, high = waves()
    measure = BandErrors(low + middle + 2 * high, spacing=1 / 128, window=False)
    assert measure.bands == ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 128))
    assert measure.nyquist == 64
    assert measure.energy == pytest.approx([0, 1 / 6, 0, 1 / 6, 0, 4 / 6, 0], abs=1e-12)
    errors = measure(low + 0.75 * middle + 3 * high)
    assert [errors[b] for b in (0, 2, 4, 6)] == [None] * 4
    assert [errors[b] for b in (1, 3, 5)] == pytest.approx([0, 0.25, 0.5], abs=1e-12)


def test_a_shifted_signal_is_wrong():
    # |1 − e^{2πi k s}| = 2 |sin(π k s)|: a phase-blind measure would give 0.
    shift = 0.01
    errors = BandErrors(sum(waves()), spacing=1 / 128, window=False)(sum(waves(shift=shift)))
    expected = [2 * abs(math.sin(math.pi * k * shift)) for k in (3, 12, 40)]
    assert [errors[b] for b in (1, 3, 5)] == pytest.approx(expected, rel=1e-9)


def test_without_a_window_leakage_hides_the_high_bands():
    # A steep ramp with a faint wave of 50 cycles that the prediction misses.
    t = np.arange(256) / 256
    ramp, wave = 10 * t, 0.01 * np.cos(2 * np.pi * 50 * t)
    seen = BandErrors(ramp + wave, spacing=1 / 256)(ramp)[5]
    hidden = BandErrors(ramp + wave, spacing=1 / 256, window=False)(ramp)[5]
    assert seen > 0.99
    assert hidden < 0.1


def test_band_limited_noise_lies_in_its_band():
    rng = np.random.default_rng(4)
    spectrum = np.fft.rfftn(rng.normal(size=(64, 64)))
    radius = np.hypot(np.fft.fftfreq(64, 1 / 64)[:, None], np.fft.rfftfreq(64, 1 / 64))
    noise = np.fft.irfftn(spectrum * ((radius >= 10) & (radius < 14)), s=(64, 64), axes=(0, 1))
    assert BandErrors(noise, spacing=1 / 64, window=False).energy[3] == pytest.approx(1)
    assert BandErrors(noise, spacing=1 / 64).energy[3] > 0.999


def test_non_square_grids_hold_the_same_frequencies_along_both_axes():
    # 8 cycles per unit length along either axis of a 1 × 2 box fall into the same band.
    y, x = np.meshgrid(np.arange(32) / 32, np.arange(64) / 32, indexing="ij")
    for wave in (np.cos(2 * np.pi * 8 * y), np.cos(2 * np.pi * 8 * x)):
        measure = BandErrors(wave, spacing=1 / 32, window=False)
        band = measure.bands.index((8, 16))
        assert measure.energy[band] == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 49, 64, 100, 120, 300, 1000])
def test_frequencies_on_an_edge_belong_to_the_band_above(n):
    # Spacings like 1/49 are not exact, so j / (n h) may come out just below 2^b.
    bands = octave_bands((n,), 1 / n)
    for b, (low, _) in enumerate(bands):
        wave = np.cos(2 * np.pi * round(low) * np.arange(n) / n)
        assert BandErrors(wave, spacing=1 / n, window=False).energy[b] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(9, 12), (18, 24), (36, 48)])
def test_edges_hold_across_axes_of_different_length(shape):
    # 3 cycles over 3/4 of the longest side have the frequency of 4 cycles over all of it, but not to the last bit.
    rows = np.arange(shape[0])[:, None]
    wave = np.cos(2 * np.pi * 3 * rows / shape[0]) + np.zeros(shape)
    measure = BandErrors(wave, spacing=0.01, window=False)
    assert 3 / (shape[0] * 0.01) == pytest.approx(measure.bands[2][0])
    assert measure.energy[2] == pytest.approx(1)


@given(
    shape=st.lists(st.integers(1, 20), min_size=1, max_size=3).map(tuple),
    spacing=st.floats(1e-3, 1e3),
    window=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_octaves_cover_every_wave_vector(shape, spacing, window):
    truth = np.random.default_rng(5).normal(size=shape)
    measure = BandErrors(truth, spacing=spacing, window=window)
    assert all(high == pytest.approx(2 * low) for low, high in measure.bands)
    if truth.size > 1:
        assert sum(measure.energy) == pytest.approx(1)
        errors = [error for error in measure(np.zeros(shape)) if error is not None]
        assert errors == pytest.approx([1] * len(errors))
        assert errors
        assert all(energy > 0 for energy in measure.energy[-1:])
    else:
        assert measure(np.zeros(shape)) == [None]


@given(scale=st.floats(0.01, 1000), offset=st.floats(-10, 10), sign=st.sampled_from([-1, 1]))
@settings(deadline=None, max_examples=25)
def test_scaling_both_signals_changes_nothing(scale, offset, sign):
    rng = np.random.default_rng(6)
    truth, prediction = rng.normal(size=(2, 8, 11))
    expected = BandErrors(truth)(prediction)
    changed = BandErrors(sign * scale * truth + offset)(sign * scale * prediction - offset)
    assert changed == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1), (2, 2), (1, 2), (3, 3), (1, 1, 1)])
@pytest.mark.parametrize("single_precision", [True, False])
def test_constants_and_tiny_grids_have_no_errors(shape, single_precision):
    measure = BandErrors(np.full(shape, 0.1), single_precision=single_precision)
    assert measure(np.ones(shape)) == [None] * len(measure.bands)
    assert measure.energy == [0.0] * len(measure.bands)


def test_rounding_of_single_precision_is_not_energy():
    truth = np.cos(2 * np.pi * 3 * np.arange(64) / 64).astype(np.float32) + np.float32(1)
    for single_precision in (True, False):
        errors = BandErrors(truth, window=False, single_precision=single_precision)(truth * 0)
        assert [error is None for error in errors] == [True, False, True, True, True, True]


def test_a_faint_band_counts_in_float64():
    low, _, high = waves()
    truth = low + 1e-10 * high
    assert BandErrors(truth, spacing=1 / 128, window=False)(low)[5] == pytest.approx(1, rel=1e-3)


def test_given_bands_leave_out_the_rest():
    low, middle, high = waves()
    measure = BandErrors(low + middle + high, spacing=1 / 128, window=False, bands=[(2.5, 3.5), (12.0, 40.0)])
    assert measure.energy == pytest.approx([1 / 3, 1 / 3])
    assert measure(low) == pytest.approx([0, 1], abs=1e-12)


@pytest.mark.parametrize("device", available_devices())
def test_predictions_are_tensors_of_any_device(device):
    rng = np.random.default_rng(7)
    truth, prediction = rng.random((2, 8, 8, 3)).astype(np.float32)
    measure = BandErrors(torch.from_numpy(truth).to(device), channels_last=True)
    tensor = torch.from_numpy(prediction).to(device).requires_grad_()
    assert measure(tensor) == pytest.approx(measure(prediction))
    assert measure(tensor.bfloat16()) == pytest.approx(measure(prediction), rel=0.02)


def test_pictures_of_whole_numbers_do_not_wrap():
    rng = np.random.default_rng(8)
    truth, prediction = rng.integers(0, 256, size=(2, 9, 9), dtype=np.uint8)
    assert BandErrors(truth)(prediction) == pytest.approx(BandErrors(truth / 1.0)(prediction / 1.0))


def test_a_prediction_that_is_not_finite_has_infinite_errors():
    truth = np.random.default_rng(9).normal(size=8)
    prediction = truth.copy()
    prediction[3] = np.nan
    assert BandErrors(truth)(prediction) == [math.inf] * 3
    assert BandErrors(truth, single_precision=True)(truth * 1e300) == [math.inf] * 3


def test_the_report_names_every_band():
    truth = np.random.default_rng(10).normal(size=8)
    measure = BandErrors(truth, spacing=1 / 8)
    bands = measure.report(measure(truth), "cycles/side", [10, None, math.inf])
    assert [(band.low, band.high) for band in bands] == list(measure.bands)
    assert [band.relative_error for band in bands] == [0.0, 0.0, 0.0]
    assert [band.step_below_threshold for band in bands] == [10, None, math.inf]
    assert {band.unit for band in bands} == {"cycles/side"}
    assert [band.energy for band in bands] == measure.energy


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: BandErrors(np.array([1.0, np.inf])), "truth holds NaN"),
        (lambda: BandErrors(np.ones(4))(np.ones(5)), r"shape \(5,\), the truth \(4,\)"),
        (lambda: BandErrors(np.ones(4), bands=[(1.0, 3.0), (2.0, 4.0)]), "without overlap"),
        (lambda: BandErrors(np.ones(4), bands=[(2.0, 1.0)]), "without overlap"),
        (lambda: BandErrors(np.ones(4), bands=[]), "without overlap"),
    ],
)
def test_mistakes_are_told(call, message):
    with pytest.raises(UserError, match=message):
        call()
