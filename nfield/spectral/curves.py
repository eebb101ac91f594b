"""Error of displaced closed curves per band of frequencies along the curves.

A closed curve c is sampled evenly by its arc length s, so that its coordinates x(s), y(s), z(s) are periodic signals,
whose Fourier coefficients hold its shape: low ones size and proportions, high ones detail (Kuhl and Giardina, Elliptic
Fourier features of a closed contour, Computer Graphics and Image Processing 18, 1982).
Notation: curve j has n_j samples at distance h_j, length L_j = n_j h_j; ĉ_k and ê_k are the coefficients (1/n) Σ … at k
cycles per length L_j, that is, at the frequency k/L_j.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Int64

from nfield.core.checks import UserError
from nfield.spectral.arrays import Number
from nfield.spectral.bands import MeasuredBands, band_labels
from nfield.spectral.spectrum import frequency_magnitudes, half_power, half_transform

LEAST_DEPTH = 5e-5
"""Least RMS deviation of the curves in a band, in units of length, that counts as shape: below it facets of a mesh and
rounding are all that there is."""


def evenly(loop: Float64[np.ndarray, "m 3"], count: int) -> Float64[np.ndarray, "n 3"]:
    """`count` places at equal distances along a closed polygon, which begins at its first corner."""
    closed = np.concatenate([loop, loop[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    places = np.arange(count) * (along[-1] / count)
    return np.stack([np.interp(places, along, coordinate) for coordinate in closed.T], 1)


class CurveBandErrors(MeasuredBands):
    """Relative error of displaced curves in every band, pooled over curves by their lengths.

    `E_b = sqrt(Σ_j L_j Σ_{k/L_j∈b} |ê_k|² / Σ_j L_j Σ_{k/L_j∈b} |ĉ_k|²)`, with c taken from the curve's own mean and e
    the displacement: 0 is exact, 1 as wrong as curves that have nothing in that band. Bands are 0–1 cycle per unit of
    length, which holds size and place, and octaves from there, as many as fit below Nyquist of the coarsest curve.
    """

    size: float
    """Root mean square distance of the curves from their means, in units of length."""
    nyquist: float

    def __init__(self, curves: Sequence[Float64[np.ndarray, "_ 3"]], spacings: Sequence[Number]) -> None:
        """`curves` are sampled evenly at `spacings`; both in the unit of length that frequencies are to count by.

        Raises `UserError` for no curve, curves of fewer than 3 samples, and values that are not finite.
        """
        if not curves or len(curves) != len(spacings):
            raise UserError(f"{len(curves)} curves with {len(spacings)} spacings: give at least one, and one for each.")
        if any(len(curve) < 3 or not np.isfinite(curve).all() for curve in curves):
            raise UserError("Each curve needs at least 3 samples, all of them finite.")
        if not all(math.isfinite(spacing) and spacing > 0 for spacing in spacings):
            raise UserError(f"Spacings must be positive, but are {list(spacings)}.")
        self.nyquist = 0.5 / max(spacings)
        octaves = max(0, math.floor(math.log2(self.nyquist * (1 + 1e-9)))) if self.nyquist >= 1 else 0
        self.bands = ((0.0, 1.0), *((2.0**i, 2.0 ** (i + 1)) for i in range(octaves)))
        self._spacings = [float(spacing) for spacing in spacings]
        self._counts = [len(curve) for curve in curves]
        self._labels: list[Int64[np.ndarray, " half"]] = [
            band_labels(frequency_magnitudes((count,), spacing), self.bands)
            for count, spacing in zip(self._counts, self._spacings, strict=True)
        ]
        power = self._band_power([curve - curve.mean(0) for curve in curves])
        length = sum(count * spacing for count, spacing in zip(self._counts, self._spacings, strict=True))
        total = float(power.sum())
        self.size = math.sqrt(total / length)
        inside = power[:-1]
        self.energy = [float(one / total) if total > 0 else 0.0 for one in inside]
        self._band_energy = [float(one) if one > LEAST_DEPTH**2 * length else None for one in inside]

    def __call__(self, displacements: Float64[np.ndarray, "p 3"]) -> list[float | None]:
        """E_b of every band for the displacement of each sample, curve after curve; None where there is no shape.

        Displacements that are not finite have infinite errors.
        """
        if len(displacements) != sum(self._counts):
            raise UserError(f"{len(displacements)} displacements for {sum(self._counts)} samples: give one for each.")
        if not np.isfinite(displacements).all():
            return [None if energy is None else math.inf for energy in self._band_energy]
        power = self._band_power(np.split(displacements, np.cumsum(self._counts)[:-1]))
        return [
            None if energy is None else math.sqrt(one / energy)
            for one, energy in zip(power.tolist(), self._band_energy, strict=False)
        ]

    def _band_power(self, signals: Sequence[Float[np.ndarray, "_ 3"]]) -> Float64[np.ndarray, " bands_and_rest"]:
        """`Σ_j L_j Σ_k |coefficient|²` of every band, and last of the frequencies in none."""
        sums = np.zeros(len(self.bands) + 1)
        for signal, spacing, labels in zip(signals, self._spacings, self._labels, strict=True):
            count = len(signal)
            power = half_power(half_transform(np.ascontiguousarray(signal.T)), count)
            # Unnormalised transforms are n times the coefficients, and L = n h.
            sums += np.bincount(labels, power * (spacing / count), minlength=len(sums))
        return sums
