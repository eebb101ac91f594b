"""Oracles: sinusoids in closed form, Parseval, full transforms, white noise."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.spectral import hann_window, nyquist, power_spectrum, sample_on_grid
from nfield.spectral.spectrum import bin_multiplicity, frequency_magnitudes, half_power, half_transform

SHAPES = [(1,), (2,), (7,), (8,), (1, 1), (2, 2), (5, 8), (8, 5), (1, 6), (3, 4, 5), (4, 3, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_halved_transform_sums_like_the_full_one(shape):
    values = np.random.default_rng(0).normal(size=shape)
    full = np.abs(np.fft.fftn(values)) ** 2
    half = half_power(half_transform(values[None]), shape[-1])
    assert half.sum() == pytest.approx(full.sum(), rel=1e-12)
    full_magnitude = np.sqrt(
        sum(axis**2 for axis in np.meshgrid(*[np.fft.fftfreq(n, 0.5) for n in shape], indexing="ij"))
    )
    # Also the first moment of the frequency: labels and weights sit on the same bins.
    assert (half * frequency_magnitudes(shape, 0.5)).sum() == pytest.approx((full * full_magnitude).sum())
    assert bin_multiplicity(shape[-1]).sum() * math.prod(shape[:-1]) == math.prod(shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("channels", [None, 3])
def test_totals_add_up_to_the_variance(shape, channels):
    values = np.random.default_rng(1).normal(size=shape if channels is None else (*shape, channels)) + 5
    spectrum = power_spectrum(values, 0.1, window=False, channels_last=channels is not None)
    grid = tuple(range(len(shape)))
    assert spectrum.total.sum() == pytest.approx(values.var(axis=grid).mean(), abs=1e-12)
    assert spectrum.counts.sum() == math.prod(shape) - 1


@pytest.mark.parametrize("window", [True, False])
def test_a_wave_has_its_frequency_and_power(window):
    # cos over a box of length 2: 9 cycles per box are 4.5 cycles per unit length, power 1/2.
    wave = sample_on_grid(lambda x: torch.cos(2 * math.pi * 4.5 * x[:, 0] + 0.3), (64, 48), dtype=torch.float64)
    spectrum = power_spectrum(wave, (2 / 64, 2 / 48), window=window)
    assert spectrum.dominant_frequency == pytest.approx(4.5)
    near = np.abs(spectrum.frequencies - 4.5) < (1.0 if window else 0.1)
    assert spectrum.total[near].sum() == pytest.approx(0.5, rel=1e-6)
    assert spectrum.total[~near].sum() < 1e-20
    assert spectrum.nyquist == pytest.approx(12.0)


def test_white_noise_is_flat_in_the_mean_and_grows_in_the_sum():
    noise = np.random.default_rng(2).normal(size=(128, 128))
    spectrum = power_spectrum(noise, 1 / 128)
    low, high = slice(4, 12), slice(44, 60)
    assert spectrum.mean[high].mean() / spectrum.mean[low].mean() == pytest.approx(1.0, abs=0.25)
    assert spectrum.total[high].mean() / spectrum.total[low].mean() > 4
    assert spectrum.total.sum() == pytest.approx(1.0, rel=0.05)
    assert spectrum.mean == pytest.approx(spectrum.total / spectrum.counts)


def test_a_linear_chirp_fills_the_frequencies_it_sweeps():
    # Instantaneous frequency 10 + 40 t over t in [0, 1).
    chirp = sample_on_grid(
        lambda x: torch.cos(2 * math.pi * (10 * x[:, 0] + 20 * x[:, 0] ** 2)),
        (512,),
        0.0,
        1.0,
        dtype=torch.float64,
    )
    spectrum = power_spectrum(chirp, 1 / 512)
    swept = (spectrum.frequencies >= 8) & (spectrum.frequencies <= 52)
    assert spectrum.total[swept].sum() / spectrum.total.sum() > 0.999
    assert (spectrum.total[20:40] > 1e-3).all()


def test_the_window_stops_a_ramp_from_leaking():
    ramp = np.linspace(0, 1, 256, endpoint=False)
    far = slice(100, None)
    with_window = power_spectrum(ramp, 1 / 256).total[far].sum()
    without = power_spectrum(ramp, 1 / 256, window=False).total[far].sum()
    assert with_window < 1e-6 * without


@pytest.mark.parametrize("n", [4, 5, 16, 33])
def test_the_window_is_periodic_with_three_bins(n):
    transform = np.abs(np.fft.fft(hann_window((n,))))
    assert transform[0] == pytest.approx(n / 2)
    assert transform[[1, -1]] == pytest.approx(n / 4)
    assert np.abs(transform[2:-1]).max() < 1e-12
    assert hann_window((n,)) == pytest.approx(hann_window((n,))[::-1])


def test_the_window_keeps_every_sample_of_tiny_grids():
    for shape in [(1,), (2,), (1, 1), (2, 3)]:
        assert (hann_window(shape) > 0).all()
    assert hann_window((3, 5)) == pytest.approx(np.outer(hann_window((3,)), hann_window((5,))))


@given(offset=st.floats(-100, 100), scale=st.floats(0.01, 100), window=st.booleans())
@settings(deadline=None, max_examples=25)
def test_an_offset_changes_nothing_and_a_factor_its_square(offset, scale, window):
    values = np.random.default_rng(3).normal(size=(9, 12))
    base = power_spectrum(values, window=window)
    changed = power_spectrum(scale * values + offset, window=window)
    assert changed.total / scale**2 == pytest.approx(base.total, rel=1e-6, abs=1e-12)


def test_a_constant_has_no_power():
    spectrum = power_spectrum(np.full((6, 6), 3.0))
    assert spectrum.total.max() == 0
    assert power_spectrum(np.full((7, 9), 0.1)).dominant_frequency is None
    assert power_spectrum(np.zeros((1, 1))).frequencies.size == 0
    assert power_spectrum(np.zeros((4, 4))).dominant_frequency is None


def test_nyquist():
    assert nyquist((512, 512), 1 / 512) == 256
    assert nyquist((1, 10), 0.1) == pytest.approx(5)
    assert nyquist((10, 10), (0.1, 0.2)) == pytest.approx(2.5)
    assert nyquist((1, 1), 2.0) == 0.25


def test_grids_leave_out_their_end_point():
    # On a grid that held its end point, a whole number of periods would leak into every bin.
    grid = sample_on_grid(lambda x: x, (4, 2), low=(0, -1), high=(1, 1))
    assert grid.shape == (4, 2, 2)
    assert grid[:, 0, 0].tolist() == [0.0, 0.25, 0.5, 0.75]
    assert grid[0, :, 1].tolist() == [-1.0, 0.0]
    centred = sample_on_grid(lambda x: x[:, 0], (4,), centred=True)
    assert centred.tolist() == [-0.75, -0.25, 0.25, 0.75]
    with_end = np.cos(2 * np.pi * 5 * np.linspace(0, 1, 64))
    without = sample_on_grid(lambda x: torch.cos(2 * math.pi * 5 * x[:, 0]), (64,), 0, 1, dtype=torch.float64)
    bins = np.arange(63 // 2)
    off = bins != 4
    assert power_spectrum(without, window=False).total[:31][off].sum() < 1e-25
    assert power_spectrum(with_end, window=False).total[:31][off].sum() > 1e-4


def test_chunks_do_not_matter():
    def function(x):
        assert len(x) <= 5
        return torch.stack([x.sum(-1), x.prod(-1)], dim=-1)

    expected = sample_on_grid(lambda x: torch.stack([x.sum(-1), x.prod(-1)], dim=-1), (3, 4))
    assert np.array_equal(sample_on_grid(function, (3, 4), chunk=5), expected)


@pytest.mark.parametrize("device", available_devices())
def test_a_module_is_sampled_where_it_lives(device):
    dtype = torch.float32 if device == "mps" else torch.float64
    module = torch.nn.Linear(2, 3).to(device=device, dtype=dtype)
    values = sample_on_grid(module, (4, 5))
    assert values.shape == (4, 5, 3)
    first = module(torch.tensor([[-1.0, -1.0]], device=device, dtype=dtype))
    assert values[0, 0] == pytest.approx(first.detach().cpu().numpy()[0])


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_tensors_of_any_device_and_precision(device, dtype):
    values = torch.arange(12.0, device=device).reshape(3, 4).to(dtype).requires_grad_()
    expected = power_spectrum(np.arange(12.0).reshape(3, 4))
    assert power_spectrum(values).total == pytest.approx(expected.total)


def test_whole_numbers_do_not_wrap():
    picture = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    assert power_spectrum(picture, window=False).total.sum() == pytest.approx(127.5**2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: power_spectrum(np.zeros((2, 2, 2, 2))), "grid of 4 axes"),
        (lambda: power_spectrum(np.zeros(3), channels_last=True), "grid of 0 axes"),
        (lambda: power_spectrum(np.zeros((0, 3))), "empty"),
        (lambda: power_spectrum(np.array([1.0, np.nan])), "NaN"),
        (lambda: power_spectrum(np.array([1j, 2])), "complex"),
        (lambda: power_spectrum(np.zeros(3), spacing=0.0), "spacing must be a positive"),
        (lambda: power_spectrum(np.zeros(3), spacing=(1, 2)), "2 numbers for a grid of 1 axes"),
        (lambda: sample_on_grid(lambda x: x, (0,)), "at least one sample"),
        (lambda: sample_on_grid(lambda x: x, (3,), 1.0, 1.0), "high must lie above low"),
        (lambda: sample_on_grid(lambda x: x[:2], (3,)), "one value or one row"),
        (lambda: sample_on_grid(lambda x: x[:, None], (3,)), "one value or one row"),
    ],
)
def test_mistakes_are_told(call, message):
    with pytest.raises(UserError, match=message):
        call()
