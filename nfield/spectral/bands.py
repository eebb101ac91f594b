"""Error of a prediction per band of frequencies.

`E_b = sqrt(Σ_{k∈b} |ĥ_k − f̂_k|² / Σ_{k∈b} |f̂_k|²)`, the complex difference, so that a shifted copy is wrong.
Since the transform is linear, `ĥ − f̂` is the transform of `h − f`: one transform per prediction, and none of the
rounding that the difference of two nearly equal spectra would have.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped

from nfield.core.checks import UserError
from nfield.core.types import Band
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, spacing_per_axis
from nfield.spectral.spectrum import (
    frequency_magnitudes,
    half_power,
    half_transform,
    hann_window,
    nyquist,
    tapered,
)

# Lifts frequencies that rounding put just below an edge over it.
_EDGE_TOLERANCE = 1 + 1e-9


def octave_bands(shape: tuple[int, ...], spacing: PerAxis = 1.0) -> list[tuple[float, float]]:
    """Octaves `(low, high)` from one cycle per longest side to the corner of the grid, in cycles per unit length.

    An image of 512² with spacing 1/512 has [1, 2), [2, 4), … [256, 512) cycles per side. Its Nyquist frequency
    is 256; of the last band only the corners of the grid, up to 256·√2, hold wave vectors.
    There is always at least one band, also on a grid of one sample, where it is empty.
    """
    longest = max(n * h for n, h in zip(shape, spacing_per_axis(spacing, len(shape)), strict=True))
    highest = float(frequency_magnitudes(shape, spacing).max()) * longest * _EDGE_TOLERANCE
    count = max(1, math.floor(math.log2(highest)) + 1) if highest >= 1 else 1
    return [(2**b / longest, 2 ** (b + 1) / longest) for b in range(count)]


class MeasuredBands:
    """Bands with the energy that the truth has in each."""

    bands: tuple[tuple[float, float], ...]
    """`(low, high)` edges, low included and high excluded."""
    energy: list[float]
    """Share of the truth's energy in each band."""

    def report(
        self,
        errors: Sequence[float | None],
        unit: str,
        steps_below_threshold: Sequence[float | None] | None = None,
    ) -> list[Band]:
        """The bands with their errors (as returned by a call) and times to threshold, for metrics and reports."""
        steps = steps_below_threshold or [None] * len(self.bands)
        return [
            Band(low=low, high=high, unit=unit, relative_error=error, energy=energy, step_below_threshold=step)
            for (low, high), error, energy, step in zip(self.bands, errors, self.energy, steps, strict=True)
        ]


class BandErrors(MeasuredBands):
    """Relative error of predictions of one truth in every band; made once, then cheap to call in training.

    `truth` is an array on a grid of 1 to 3 axes, with `channels_last` for a last axis of channels. `spacing`
    is the distance of neighbouring samples (one number or one per axis), so that bands of non-square images
    hold the same physical frequencies along both axes. `bands` are `(low, high)` edges in cycles per unit
    length, low included and high excluded, ascending and disjoint; octaves unless given. `window` applies
    Hann to truth and prediction alike after removal of their means: switch it off only for periodic signals.
    `single_precision` transforms in float32: half the time, and errors of 1e-6 and below are rounding.

    Definition: the discrete Fourier error of Xu et al., arXiv 1807.01251, summed over octaves.
    Raises `UserError` for empty, complex or non-finite truths and for bands that overlap.
    """

    energy: list[float]
    """Share of the truth's energy, without its mean, that lies in each band; all 0 for a constant."""
    nyquist: float

    def __init__(
        self,
        truth: Shaped[AnyArray, "..."],
        *,
        spacing: PerAxis = 1.0,
        bands: Sequence[tuple[float, float]] | None = None,
        window: bool = True,
        channels_last: bool = False,
        single_precision: bool = False,
    ):
        array = channels_first(truth, channels_last, "truth")
        if not np.isfinite(array).all():
            raise UserError("truth holds NaN or infinity: replace them before asking for band errors.")
        shape = array.shape[1:]
        dtype = np.dtype(np.float32 if single_precision else np.float64)
        self.bands = tuple(bands) if bands is not None else tuple(octave_bands(shape, spacing))
        self.nyquist = nyquist(shape, spacing)
        self._input_shape = tuple(truth.shape)
        self._channels_last = channels_last
        self._truth = np.ascontiguousarray(array, dtype=dtype)
        self._window = hann_window(shape).astype(dtype) if window else None
        self._labels = band_labels(frequency_magnitudes(shape, spacing), self.bands)
        exact = array.astype(np.float64)
        power, total = self._band_power(exact, hann_window(shape) if window else None)
        self.energy = [float(value / total) if total > 0 else 0.0 for value in power]
        # Energies below the rounding of the values as they were given are noise, not signal. The sum of
        # |transform|² is the sample count times the sum of squares (Parseval).
        single = single_precision or (array.dtype.kind == "f" and array.dtype.itemsize < 8)
        epsilon = float(np.finfo(np.float32 if single else np.float64).eps)
        scale = exact if self._window is None else exact * self._window
        floor = (16 * epsilon) ** 2 * exact[0].size * float(np.sum(scale**2))
        self._band_energy = [float(value) if value > floor else None for value in power]
        if total <= floor:
            self.energy = [0.0] * len(self.bands)

    def __call__(self, prediction: Shaped[AnyArray, "..."]) -> list[float | None]:
        """E_b of every band: 0 exact, 1 as wrong as zero everywhere; None where the truth has no energy.

        `prediction` has the truth's shape. One that is not finite has infinite errors.
        """
        if tuple(prediction.shape) != self._input_shape:
            raise UserError(
                f"The prediction has shape {tuple(prediction.shape)}, the truth {self._input_shape}: "
                "evaluate the network on the truth's own grid."
            )
        predicted = channels_first(prediction, self._channels_last, "prediction")
        with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold has infinite errors
            difference = np.subtract(predicted, self._truth, dtype=self._truth.dtype)
        power, _ = self._band_power(difference, self._window)
        return [
            None if energy is None else (math.sqrt(p / energy) if math.isfinite(p) else math.inf)
            for p, energy in zip(power.tolist(), self._band_energy, strict=True)
        ]

    def _band_power(
        self, values: Float[np.ndarray, " channels *grid"], window: Float[np.ndarray, "*grid"] | None
    ) -> tuple[np.ndarray, float]:
        """Sum of |transform|² in every band, and over all wave vectors; zero is empty."""
        if not np.isfinite(values).all():
            return np.full(len(self.bands), np.inf), math.inf
        power = half_power(half_transform(tapered(values, window)), values.shape[-1]).ravel()
        sums = np.bincount(self._labels, power, minlength=len(self.bands) + 1)
        return sums[: len(self.bands)], float(sums.sum())


def band_labels(magnitudes: Float[np.ndarray, "*half_grid"], bands: Sequence[tuple[float, float]]) -> np.ndarray:
    """Index of the band of every bin, flat; `len(bands)` for bins in none. Raises UserError for bands that overlap."""
    edges = [edge for band in bands for edge in band]
    if not bands or any(low >= high for low, high in bands) or edges != sorted(edges):
        raise UserError(f"bands must be (low, high) pairs, ascending and without overlap, but are {list(bands)}.")
    lows = np.array([low for low, _ in bands])
    highs = np.array([high for _, high in bands])
    lifted = magnitudes.ravel() * _EDGE_TOLERANCE
    label = np.searchsorted(lows, lifted, side="right") - 1
    inside = (label >= 0) & (lifted < highs[label])
    return np.where(inside, label, len(bands))
