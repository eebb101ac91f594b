"""Oracles: band-limited signals whose limits are known, Nyquist, and photographs with measured best scales."""

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.spectral import advice as module
from nfield.spectral import advise, advise_image


def band_limited(n, limit, seed=0):
    """Noise of n² samples without waves above `limit` cycles per side."""
    spectrum = np.fft.rfftn(np.random.default_rng(seed).normal(size=(n, n)))
    radius = np.hypot(np.fft.fftfreq(n, 1 / n)[:, None], np.fft.rfftfreq(n, 1 / n))
    return np.fft.irfftn(spectrum * (radius <= limit), s=(n, n), axes=(0, 1))


def test_a_photograph_gets_the_scales_that_fit_it_best():
    # Measured: of single Gaussian scales trained on every other pixel of this picture, 8.7 and 10 give 25.4 dB, 5 and
    # 20 give 24.8 and 22.9; of sets on all pixels, (1, 4, 16) gives 26.9 dB, (2, 8, 32) 26.3, (1, 4, 16, 64) 24.7.
    camera = skimage.data.camera()
    half = advise_image(camera[::2, ::2])
    assert 6 <= half.gaussian_scale <= 11
    full = advise_image(camera)
    assert full.fourier_scales == pytest.approx((1, 4, 16), rel=0.3)
    assert full.positional_octaves == 7
    assert full.mscale_factors == (1, 2, 4, 8, 16, 32, 64)
    assert 400 <= full.grid_resolution <= 512
    # Measured on all pixels: 30 and 50 give 24.3 dB, 73 gives 23.5, 110 gives 20.8.
    assert 30 <= full.siren_omega <= 50
    assert full.nyquist == 128
    assert "512 x 512" in full.why


def test_training_on_every_other_pixel_is_advice_for_those_pixels():
    camera = skimage.data.camera()
    assert advise_image(camera, step=2) == advise_image(np.ascontiguousarray(camera[::2, ::2]))


def test_smooth_data_need_no_high_frequencies():
    # 8 cycles per side of length 2 are 4 per unit; the grid needs 2 cells per cycle.
    smooth = advise_image(band_limited(256, 8))
    assert smooth.grid_resolution <= 2 * 12
    assert smooth.positional_octaves <= 3
    assert max(smooth.mscale_factors) <= 4
    rough = advise_image(band_limited(256, 100))
    assert rough.grid_resolution >= 2 * 90
    assert rough.gaussian_scale > smooth.gaussian_scale
    assert rough.positional_octaves > smooth.positional_octaves


def test_waves_in_the_corners_of_the_grid_do_not_count():
    # Above Nyquist of each axis only diagonal waves are told, which no advice could use.
    y, x = np.meshgrid(np.arange(64) / 64, np.arange(64) / 64, indexing="ij")
    smooth = band_limited(64, 6)
    corner = np.cos(2 * np.pi * 29 * x) * np.cos(2 * np.pi * 29 * y)
    assert advise(smooth + smooth.std() * corner).grid_resolution == advise(smooth).grid_resolution


@given(
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple),
    smooth=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_nothing_exceeds_nyquist(shape, smooth):
    values = np.random.default_rng(1).random(shape)
    if smooth:
        values = values.cumsum(axis=0)
    found = advise(values, 2 / max(shape))
    assert 0 < found.gaussian_scale <= found.nyquist
    assert 0 < min(found.fourier_scales) <= max(found.fourier_scales) <= found.nyquist
    assert list(found.fourier_scales) == sorted(found.fourier_scales)
    assert found.positional_octaves == len(found.mscale_factors) >= 1
    assert found.positional_octaves == 1 or 2 ** (found.positional_octaves - 1) <= found.nyquist
    assert 2 <= found.grid_resolution <= max(2, *shape)


@pytest.mark.parametrize("pixels", [np.full((20, 30), 0.1), np.zeros((1, 1, 3)), np.full((9, 9, 3), 7, np.uint8)])
def test_without_waves_the_lowest_scales(pixels):
    found = advise_image(pixels)
    assert "constant or a single sample" in found.why
    assert len(found.fourier_scales) == 1
    assert found.gaussian_scale <= 1
    assert (found.positional_octaves, found.mscale_factors) == (1, (1.0,))


@given(unit=st.floats(0.01, 100), scale=st.floats(0.01, 100), offset=st.floats(-10, 10))
@settings(deadline=None, max_examples=25)
def test_frequencies_follow_the_unit_of_length_alone(unit, scale, offset):
    values = np.random.default_rng(2).normal(size=(24, 30)).cumsum(axis=1)
    base, changed = advise(values), advise(scale * values + offset, unit)
    assert changed.gaussian_scale * unit == pytest.approx(base.gaussian_scale)
    assert np.array(changed.fourier_scales) * unit == pytest.approx(np.array(base.fourier_scales))
    assert changed.grid_resolution == base.grid_resolution


def test_images_arrays_and_number_types_agree():
    camera = skimage.data.camera()[:64, :100]
    base = advise_image(camera)
    for same in (Image.from_array(camera), camera[..., None], camera / 255, np.repeat(camera[..., None], 3, axis=2)):
        assert advise_image(same).gaussian_scale == pytest.approx(base.gaussian_scale)
    assert advise_image(camera.T).gaussian_scale == pytest.approx(base.gaussian_scale)


@pytest.mark.parametrize("step", [1, 2])
def test_of_a_large_image_only_windows_are_read(monkeypatch, step):
    monkeypatch.setattr(module, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(module, "WINDOW_SIDE", 16)
    reads = []

    class Watched(np.ndarray):
        def __getitem__(self, index):
            piece = np.asarray(super().__getitem__(index))
            reads.append(piece.shape)
            return piece

    image = band_limited(256, 60)
    found = advise_image(image.view(Watched), step=step)
    assert reads == [(16, 16)] * 5
    assert found.nyquist == pytest.approx(64 / step)
    assert "5 windows of 16 x 16" in found.why
    # Windows see the limit of the whole image's noise: 60 cycles per side are 120 cells.
    if step == 1:
        assert 100 <= found.grid_resolution <= 160


def test_long_thin_images_have_windows_too(monkeypatch):
    monkeypatch.setattr(module, "WHOLE_PIXELS", 1000)
    found = advise_image(np.random.default_rng(3).random((2, 2000)))
    assert found.nyquist == pytest.approx(500)


def test_mistakes_are_told():
    with pytest.raises(UserError, match=r"\(H, W\) or \(H, W, C\)"):
        advise_image(np.zeros(5))
    with pytest.raises(UserError, match="step of at least 1"):
        advise_image(np.zeros((5, 5)), step=0)
    with pytest.raises(UserError, match="empty"):
        advise_image(np.zeros((0, 5)))
    with pytest.raises(UserError, match="NaN"):
        advise(np.array([1.0, np.nan]))
