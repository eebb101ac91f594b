"""Oracles: worked numbers, scikit-image's PSNR, and SSIM window by window after its definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.metrics import SSIM_TOO_SMALL, image, psnr, psnr_from_mse, ssim
from nfield.metrics.image import psnr_where, right_outside


def pair(*shape, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(shape)
    return truth, np.clip(truth + 0.1 * rng.normal(size=shape), 0, 1)


def ssim_by_definition(x, y):
    """Similarity of each window that lies inside, as Wang et al. (2004) write it: weights, means, covariances."""
    places = np.arange(-5, 6)
    weights = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    weights /= weights.sum()
    rows, columns = x.shape[0] - 10, x.shape[1] - 10
    similar = np.zeros((rows, columns, *x.shape[2:]))
    for i, j, *c in np.ndindex(similar.shape):
        a, b = (image[(slice(i, i + 11), slice(j, j + 11), *c)] for image in (x, y))
        mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
        variance_a, variance_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
        covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
        similar[(i, j, *c)] = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
        similar[(i, j, *c)] /= (mean_a**2 + mean_b**2 + 1e-4) * (variance_a + variance_b + 9e-4)
    return similar


def test_psnr_by_hand():
    assert psnr(np.zeros((2, 2)), np.full((2, 2), 0.1)) == pytest.approx(20)
    assert psnr(np.zeros((4, 1)), np.array([[0.2], [0.0], [0.0], [0.0]])) == pytest.approx(20)
    assert psnr(np.array(0.5), np.array(0.4)) == pytest.approx(20)
    assert psnr(np.ones(3), np.ones(3)) == math.inf
    assert psnr_from_mse(0.001) == pytest.approx(30)
    assert math.isnan(psnr(np.ones(3), np.full(3, np.nan)))


@pytest.mark.parametrize("at_once", [1, 60, 1 << 22])
def test_psnr_in_slices(monkeypatch, at_once):
    monkeypatch.setattr(image, "_VALUES_AT_ONCE", at_once)
    truth, prediction = pair(17, 9, 3)
    assert psnr(truth, prediction) == pytest.approx(peak_signal_noise_ratio(truth, prediction, data_range=1))


@pytest.mark.parametrize("shape", [(11, 11), (11, 30), (40, 12), (33, 21, 3), (16, 16, 1), (12, 13, 4)])
@pytest.mark.parametrize("at_once", [8, 8 * 33 * 7, 1 << 22])
def test_ssim_is_what_its_definition_says_in_blocks_of_any_size(monkeypatch, shape, at_once):
    monkeypatch.setattr(image, "_VALUES_AT_ONCE", at_once)
    truth, prediction = pair(*shape)
    assert ssim(truth, prediction) == pytest.approx(ssim_by_definition(truth, prediction).mean(), abs=1e-12)


@pytest.mark.parametrize("at_once", [8, 1 << 22])
def test_pixels_that_are_not_used_do_not_count(monkeypatch, at_once):
    """Oracles: the used part alone; SSIM window by window."""
    monkeypatch.setattr(image, "_VALUES_AT_ONCE", at_once)
    truth, prediction = pair(30, 26, 3)
    used = np.zeros((30, 26), dtype=bool)
    used[4:25, 3:20] = True
    spoiled = np.where(used[..., None], prediction, 7.0)
    assert psnr_where(truth, spoiled, used) == pytest.approx(psnr(truth[4:25, 3:20], prediction[4:25, 3:20]))
    assert psnr_where(truth, prediction) == pytest.approx(psnr(truth, prediction))
    filled = right_outside(truth, spoiled, used)
    np.testing.assert_array_equal(filled[~used], truth[~used])
    np.testing.assert_array_equal(filled[used], prediction[used])
    whole = ssim_by_definition(truth, filled)
    assert ssim(truth, filled, used) == pytest.approx(whole[:20, :15].mean(), abs=1e-12)
    nothing = np.zeros_like(used)
    assert psnr_where(truth, prediction, nothing) is None
    assert ssim(truth, prediction, nothing) is None


def test_ssim_of_constants_is_the_luminance_term():
    x, y = np.full((12, 12), 0.2), np.full((12, 12), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert ssim(x, y) == pytest.approx(expected)
    assert ssim(x, x) == pytest.approx(1)


@given(seed=st.integers(0, 999))
@settings(deadline=None, max_examples=25)
def test_both_are_symmetric_and_know_no_direction(seed):
    truth, prediction = pair(13, 15, seed=seed)
    assert ssim(truth, prediction) == pytest.approx(ssim(prediction, truth))
    assert ssim(truth, prediction) == pytest.approx(ssim(truth.T, prediction.T))
    assert ssim(truth, prediction) == pytest.approx(ssim(truth[::-1], prediction[::-1]))
    assert ssim(truth, prediction) < 1
    assert psnr(truth, prediction) == pytest.approx(psnr(prediction, truth))


@pytest.mark.parametrize("shape", [(10, 40), (40, 10), (1, 1), (1, 1, 3)])
def test_images_smaller_than_the_window_have_no_ssim(shape):
    truth, prediction = pair(*shape)
    assert ssim(truth, prediction) is None
    assert "11x11" in SSIM_TOO_SMALL


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tensors(device, dtype):
    truth, prediction = (torch.from_numpy(a).to(dtype) for a in pair(14, 14))
    expected_psnr = psnr(truth.double().numpy(), prediction.double().numpy())
    expected_ssim = ssim(truth.double().numpy(), prediction.double().numpy())
    truth, prediction = truth.to(device), prediction.to(device).requires_grad_()
    assert psnr(truth, prediction) == pytest.approx(expected_psnr)
    assert ssim(truth, prediction) == pytest.approx(expected_ssim)


def test_memory_mapped_images(tmp_path):
    truth, prediction = pair(20, 20)
    mapped = np.memmap(tmp_path / "image.raw", dtype=np.float64, mode="w+", shape=(20, 20))
    mapped[:] = truth
    assert psnr(mapped, prediction) == pytest.approx(psnr(truth, prediction))
    assert ssim(mapped, prediction) == pytest.approx(ssim(truth, prediction))


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_mistakes_are_told(metric):
    with pytest.raises(UserError, match=r"shape \(12, 13\), the truth \(12, 12\)"):
        metric(np.zeros((12, 12)), np.zeros((12, 13)))
    with pytest.raises(UserError, match="empty"):
        metric(np.zeros((0, 12)), np.zeros((0, 12)))
    with pytest.raises(UserError, match="divide integers"):
        metric(np.zeros((12, 12)), np.zeros((12, 12), dtype=np.uint8))
    with pytest.raises(UserError, match="divide integers"):
        metric(torch.zeros((12, 12), dtype=torch.uint8), np.zeros((12, 12)))


def test_ssim_needs_an_image():
    with pytest.raises(UserError, match=r"\(H, W\) or \(H, W, C\)"):
        ssim(np.zeros(20), np.zeros(20))
