"""How close two images are: PSNR and SSIM of values in [0, 1]."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped

from nfield.core.checks import UserError

AnyArray = np.ndarray | torch.Tensor

SSIM_SIZE = 11
SSIM_TOO_SMALL = f"SSIM needs at least {SSIM_SIZE}x{SSIM_SIZE} pixels, the size of its window."

_VALUES_AT_ONCE = 1 << 22


def psnr_from_mse(mse: float) -> float:
    """`−10 log10(mse)` in dB for values in [0, 1]; infinite for no error, NaN for NaN."""
    return math.inf if mse == 0 else -10.0 * math.log10(mse)


def psnr(truth: Shaped[AnyArray, "..."], prediction: Shaped[AnyArray, "..."]) -> float:
    """Peak signal-to-noise ratio in dB, `−10 log10 MSE`, of values in [0, 1]; infinite where both are identical.

    The mean runs over all values, channels included. Works in float64 on slices of the first axis, so that
    memory-mapped arrays need not fit in memory. Nothing is clipped: clip predictions first where a display
    would. Raises `UserError` for different shapes, empty arrays and integers (divide by their maximum first).
    """
    _check_pair(truth, prediction)
    if truth.ndim == 0:
        return psnr_from_mse(float(_float64(truth) - _float64(prediction)) ** 2)
    count = math.prod(truth.shape)
    rows = max(1, _VALUES_AT_ONCE * truth.shape[0] // count)
    total = 0.0
    for start in range(0, truth.shape[0], rows):
        difference = _float64(prediction[start : start + rows]) - _float64(truth[start : start + rows])
        total += float(np.vdot(difference, difference))
    return psnr_from_mse(total / count)


def psnr_where(
    truth: Float[np.ndarray, "height width channels"],
    prediction: Float[np.ndarray, "height width channels"],
    used: Bool[np.ndarray, "height width"] | None = None,
) -> float | None:
    """PSNR over the pixels that are used, all unless told; None where none is."""
    squares = np.square(prediction - truth)
    if used is not None:
        squares = squares[used]
    return psnr_from_mse(float(squares.mean())) if squares.size else None


def right_outside(
    truth: Float[np.ndarray, "height width channels"],
    prediction: Float[np.ndarray, "height width channels"],
    used: Bool[np.ndarray, "height width"] | None,
) -> Float[np.ndarray, "height width channels"]:
    """The prediction, and the truth where pixels are not used: for measures that need a whole picture."""
    return prediction if used is None else np.where(used[..., None], prediction, truth)


def ssim(
    truth: Shaped[AnyArray, "..."],
    prediction: Shaped[AnyArray, "..."],
    used: Bool[np.ndarray, "height width"] | None = None,
) -> float | None:
    """Structural similarity of images (H, W) or (H, W, C) with values in [0, 1], mean over pixels and channels.

    Window: 11×11 Gaussian, σ = 1.5; K1 = 0.01, K2 = 0.03, data range 1; only windows that lie wholly inside
    the image count; population covariance. By scikit-image, on blocks of rows: of 2048 × 2048 × 3 values at once its
    maps take 770 MB, and of blocks 40 MB. None for an image smaller than the window (`SSIM_TOO_SMALL` says why).
    With `used`, only windows about these pixels count; None where there is none.
    Source: Wang, Bovik, Sheikh, Simoncelli 2004.
    Raises `UserError` for different shapes, other dimensions and integers.
    """
    _check_pair(truth, prediction)
    if truth.ndim not in (2, 3):
        raise UserError(f"SSIM needs images of shape (H, W) or (H, W, C), but got {tuple(truth.shape)}.")
    height, width = truth.shape[:2]
    if min(height, width) < SSIM_SIZE:
        return None
    per_row = math.prod(truth.shape[1:])
    rows = max(1, _VALUES_AT_ONCE // 8 // per_row)
    half = SSIM_SIZE // 2
    total, count = 0.0, 0
    for start in range(0, height - SSIM_SIZE + 1, rows):
        stop = min(start + rows, height - SSIM_SIZE + 1) + SSIM_SIZE - 1
        similar = _ssim_map(_float64(truth[start:stop]), _float64(prediction[start:stop]))
        if used is not None:
            similar = similar[used[start + half : stop - half, half : width - half]]
        total += float(similar.sum())
        count += similar.size
    return total / count if count else None


def _ssim_map(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Similarity at the pixels whose window lies wholly inside."""
    from skimage.metrics import structural_similarity

    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    _, similar = structural_similarity(x, y, full=True, channel_axis=-1 if x.ndim == 3 else None, **options)
    half = SSIM_SIZE // 2
    return similar[half:-half, half:-half]


def _float64(values: Shaped[AnyArray, "..."]) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().double().numpy()
    return np.asarray(values, dtype=np.float64)


def _check_pair(truth: Shaped[AnyArray, "..."], prediction: Shaped[AnyArray, "..."]) -> None:
    if tuple(truth.shape) != tuple(prediction.shape):
        raise UserError(
            f"The prediction has shape {tuple(prediction.shape)}, the truth {tuple(truth.shape)}: they must agree."
        )
    if math.prod(truth.shape) == 0:
        raise UserError(f"The images are empty (shape {tuple(truth.shape)}): give at least one pixel.")
    for name, values in (("truth", truth), ("prediction", prediction)):
        is_float = values.is_floating_point() if isinstance(values, torch.Tensor) else values.dtype.kind == "f"
        if not is_float:
            raise UserError(
                f"The {name} has type {values.dtype}: values must be in [0, 1], so divide integers by their maximum."
            )
