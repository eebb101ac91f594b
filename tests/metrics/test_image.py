"""Oracles: worked numbers, scikit-image's SSIM with the same window."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from nfield.core.checks import UserError
from nfield.core.device import available_devices
from nfield.metrics import SSIM_TOO_SMALL, image, psnr, psnr_from_mse, ssim
from nfield.metrics.image import psnr_where, right_outside


def pair(*shape, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.random(shape)
    return truth, np.clip(truth + 0.1 * rng.normal(size=shape), 0, 1)


def reference_ssim(x, y):
    return structural_similarity(
        x,
        y,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=-1 if x.ndim == 3 else None,
    )


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
def test_ssim_agrees_with_scikit_image(monkeypatch, shape, at_once):
    monkeypatch.setattr(image, "_VALUES_AT_ONCE", at_once)
    truth, prediction = pair(*shape)
    assert ssim(truth, prediction) == pytest.approx(reference_ssim(truth, prediction), abs=1e-12)


@pytest.mark.parametrize("at_once", [8, 1 << 22])
def test_pixels_that_are_not_used_do_not_count(monkeypatch, at_once):
    """Oracles: the used part alone; scikit-image's map of SSIM."""
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
    _, whole = structural_similarity(
        truth, filled, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0,
        channel_axis=-1, full=True,
    )  # fmt: skip
    assert ssim(truth, filled, used) == pytest.approx(whole[5:25, 5:20].mean(), abs=1e-12)
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
