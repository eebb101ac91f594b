"""Discrete Fourier error at single frequencies (Xu et al., arXiv 1807.01251), on regular grids."""

import numpy as np
from jaxtyping import Complex, Float, Int, Shaped

from nfield.core.checks import UserError
from nfield.spectral.arrays import AnyArray, channels_first, to_numpy


def fourier_coefficients(
    values: Shaped[AnyArray, "..."],
    wave_numbers: Int[np.ndarray, " m *dimension"],
    *,
    channels_last: bool = False,
) -> Complex[np.ndarray, "m channels"]:
    """`f̂_k = (1/n) Σ_j f(x_j) e^{−2πi k·j/n}` for whole wave numbers k (cycles per side of the grid).

    `wave_numbers` has shape (m, d), or (m,) on a line; negative ones are the conjugates.
    """
    import scipy.fft

    array = channels_first(values, channels_last, "values").astype(np.float64)
    shape = array.shape[1:]
    wanted = np.asarray(wave_numbers).reshape(len(wave_numbers), -1)
    if wanted.shape[1] != len(shape):
        raise UserError(f"wave_numbers has {wanted.shape[1]} numbers per wave vector for a grid of {len(shape)} axes.")
    if (2 * np.abs(wanted) > np.array(shape)).any():
        raise UserError(
            f"wave_numbers reach {np.abs(wanted).max(axis=0).tolist()}, above Nyquist of a grid of shape {shape}: "
            f"ask for at most {[n // 2 for n in shape]}."
        )
    spectrum = scipy.fft.fftn(array, axes=tuple(range(1, array.ndim)), norm="forward")
    index = tuple((wanted % np.array(shape)).T)
    return spectrum[(slice(None), *index)].T


def fourier_error(
    truth: Shaped[AnyArray, "..."],
    prediction: Shaped[AnyArray, "..."],
    wave_numbers: Int[np.ndarray, " m *dimension"],
    *,
    channels_last: bool = False,
) -> Float[np.ndarray, " m"]:
    """`Δ_F(k) = |ĥ_k − f̂_k| / |f̂_k|`, the complex difference; NaN where the truth has no such wave.

    Norms are taken over channels. No window: give whole periods, on a grid without its end point.
    """
    f, h = _coefficients_of_both(truth, prediction, wave_numbers, channels_last)
    return relative(np.linalg.norm(h - f, axis=1), f, truth)


def magnitude_only_error(
    truth: Shaped[AnyArray, "..."],
    prediction: Shaped[AnyArray, "..."],
    wave_numbers: Int[np.ndarray, " m *dimension"],
    *,
    channels_last: bool = False,
) -> Float[np.ndarray, " m"]:
    """`||ĥ_k| − |f̂_k|| / |f̂_k|`: blind to phase, so a shifted copy of the truth has no error. For comparison only."""
    f, h = _coefficients_of_both(truth, prediction, wave_numbers, channels_last)
    return relative(np.linalg.norm(np.abs(h) - np.abs(f), axis=1), f, truth)


def relative(
    difference: Float[np.ndarray, " m"],
    coefficients: Complex[np.ndarray, "m channels"],
    truth: Shaped[AnyArray, "..."],
) -> Float[np.ndarray, " m"]:
    """`difference` over the norm of the coefficients; NaN where that is no more than the truth's rounding."""
    amplitude = np.linalg.norm(coefficients, axis=1)
    size = float(np.abs(to_numpy(truth).astype(np.float64)).max())
    result = np.full(len(amplitude), np.nan)
    there = amplitude > 64 * np.finfo(np.float64).eps * size
    result[there] = difference[there] / amplitude[there]
    return result


def _coefficients_of_both(
    truth: Shaped[AnyArray, "..."],
    prediction: Shaped[AnyArray, "..."],
    wave_numbers: Int[np.ndarray, " m *dimension"],
    channels_last: bool,
) -> tuple[Complex[np.ndarray, "m channels"], Complex[np.ndarray, "m channels"]]:
    if tuple(truth.shape) != tuple(prediction.shape):
        raise UserError(
            f"The prediction has shape {tuple(prediction.shape)}, the truth {tuple(truth.shape)}: they must agree."
        )
    f = fourier_coefficients(truth, wave_numbers, channels_last=channels_last)
    h = fourier_coefficients(prediction, wave_numbers, channels_last=channels_last)
    return f, h
