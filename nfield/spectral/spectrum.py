"""Power spectra of real values on regular grids.

Notation: n_i samples along axis i at distance h_i, so the box has side L_i = n_i h_i and the transform knows
the frequencies j / L_i, up to Nyquist, 1 / (2 h_i). Real input: only half of the wave vectors of the last axis
are computed (`rfftn`), and every sum weights a bin by the number of wave vectors, 1 or 2, that it stands for.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int, Shaped

from nfield.core.checks import UserError
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, spacing_per_axis


def nyquist(shape: Sequence[int], spacing: PerAxis = 1.0) -> float:
    """Highest frequency that the grid resolves along each of its axes, in cycles per unit length.

    Axes of one sample resolve no frequency and are left out where another axis has more.
    """
    steps = spacing_per_axis(spacing, len(shape))
    resolving = [step for n, step in zip(shape, steps, strict=True) if n > 1]
    return 0.5 / max(resolving or steps)


def frequency_magnitudes(shape: tuple[int, ...], spacing: PerAxis = 1.0) -> Float[np.ndarray, "*half_grid"]:
    """|frequency| of every bin of `rfftn` over a grid of that shape, in cycles per unit length."""
    steps = spacing_per_axis(spacing, len(shape))
    squared = np.zeros((1,) * len(shape))
    for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
        is_last = axis == len(shape) - 1
        frequencies = np.fft.rfftfreq(n, step) if is_last else np.fft.fftfreq(n, step)
        squared = squared + np.expand_dims(frequencies**2, tuple(i for i in range(len(shape)) if i != axis))
    return np.sqrt(squared)


def bin_multiplicity(n_last: int) -> Int[np.ndarray, " half"]:
    """How many wave vectors each bin of the halved last axis stands for: 1 for zero and for Nyquist, else 2."""
    multiplicity = np.full(n_last // 2 + 1, 2)
    multiplicity[0] = 1
    if n_last % 2 == 0:
        multiplicity[-1] = 1
    return multiplicity


def hann_window(shape: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Product over the axes of the periodic Hann window taken at the middle of the cells, `sin²(π(i + ½)/n)`.

    It has the period n, so that its transform has exactly the bins −1, 0 and 1, and it is symmetric and
    above zero everywhere: grids of one or two samples along an axis keep all of them.
    """
    window = np.ones((1,) * len(shape))
    for axis, n in enumerate(shape):
        factor = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
        window = window * np.expand_dims(factor, tuple(i for i in range(len(shape)) if i != axis))
    return window


def tapered(
    values: Shaped[np.ndarray, " channels *grid"], window: Float[np.ndarray, "*grid"] | None
) -> Float[np.ndarray, " channels *grid"]:
    """`window · (values − their mean under the window)`: a linear map after which bin zero is exactly empty.

    Without the removal, the mean of a picture would spread over the window's neighbours of bin zero.
    The result has the window's precision, or float64 where there is none.
    """
    axes = tuple(range(1, values.ndim))
    if window is None:
        result = values.astype(np.float64)
        result -= result.mean(axis=axes, keepdims=True)
        return result
    result = values * window
    if result.dtype != window.dtype:
        result = result.astype(window.dtype)
    result -= window * (result.sum(axis=axes, keepdims=True, dtype=np.float64) / window.sum(dtype=np.float64)).astype(
        window.dtype
    )
    return result


def half_transform(
    values: Float[np.ndarray, " channels *grid"],
) -> Complex[np.ndarray, " channels *half_grid"]:
    """Unnormalised `rfftn` over all axes but the first, in the precision of the input."""
    import scipy.fft

    # Threads cost more than they save on small grids.
    workers = min(4, os.cpu_count() or 1) if values.size >= 1 << 16 else 1
    return scipy.fft.rfftn(values, axes=tuple(range(1, values.ndim)), workers=workers)


def half_power(spectrum: Complex[np.ndarray, " channels *half_grid"], n_last: int) -> Float[np.ndarray, "*half_grid"]:
    """Sum over the channels of |spectrum|², times the number of wave vectors that each bin stands for."""
    power = np.einsum("c...,c...->...", spectrum.real, spectrum.real)
    power += np.einsum("c...,c...->...", spectrum.imag, spectrum.imag)
    power *= bin_multiplicity(n_last)
    return power


@dataclass(frozen=True, kw_only=True)
class PowerSpectrum:
    """Power of a signal by annulus of |frequency|; annuli are one cycle per longest side wide."""

    frequencies: Float[np.ndarray, " annuli"]
    """Middle of every annulus in cycles per unit length, ascending, without zero."""
    mean: Float[np.ndarray, " annuli"]
    """Mean power per wave vector: flat for white noise in any dimension."""
    total: Float[np.ndarray, " annuli"]
    """Sum of the power in the annulus: these add up to the variance. Grows with the annulus for white noise."""
    counts: Int[np.ndarray, " annuli"]
    """Number of wave vectors in the annulus."""
    nyquist: float
    """Highest frequency resolved along each axis; annuli above it exist only in the corners of the grid."""

    @property
    def dominant_frequency(self) -> float | None:
        """Frequency of the annulus with the greatest mean power; None for a constant."""
        if self.mean.size == 0 or self.mean.max() == 0:
            return None
        return float(self.frequencies[np.argmax(self.mean)])


def power_spectrum(
    values: Shaped[AnyArray, "..."],
    spacing: PerAxis = 1.0,
    *,
    window: bool = True,
    channels_last: bool = False,
) -> PowerSpectrum:
    """Radial power spectrum of values on a grid of 1 to 3 axes, mean over channels.

    `spacing` is the distance of neighbouring samples (one number or one per axis); frequencies come out in
    cycles per that unit of length. `window` applies Hann, which signals that are not periodic need; power is
    divided by the window's mean square, so that the sum over all annuli is the variance of the signal
    (exactly without a window, on average for a stationary signal with it). The mean is removed first.
    Raises `UserError` for empty, complex or non-finite values.
    """
    array = channels_first(values, channels_last, "values")
    if not np.isfinite(array).all():
        raise UserError("values hold NaN or infinity: replace them before taking a spectrum.")
    shape = array.shape[1:]
    taper = hann_window(shape) if window else None
    mean_square = float(np.mean(taper**2)) if taper is not None else 1.0
    power = half_power(half_transform(tapered(array, taper)), shape[-1])
    power /= len(array) * array[0].size ** 2 * mean_square
    # What the rounding of a constant leaves is no power.
    if power.sum() <= (16 * np.finfo(np.float64).eps * float(np.abs(array).max())) ** 2:
        power[:] = 0
    longest = max(n * h for n, h in zip(shape, spacing_per_axis(spacing, len(shape)), strict=True))
    annulus = np.rint(frequency_magnitudes(shape, spacing) * longest).astype(np.int64)
    multiplicity = np.broadcast_to(bin_multiplicity(shape[-1]), annulus.shape)
    total = np.bincount(annulus.ravel(), power.ravel())[1:]
    counts = np.bincount(annulus.ravel(), multiplicity.ravel())[1:].astype(np.int64)
    return PowerSpectrum(
        frequencies=np.arange(1, len(total) + 1) / longest,
        mean=total / np.maximum(counts, 1),
        total=total,
        counts=counts,
        nyquist=nyquist(shape, spacing),
    )
