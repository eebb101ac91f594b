"""Bands of a signal around wave vectors, each moved down to frequency zero, and back: PhaseDNN's parallel form.

Notation: wave vectors ω_j in radians per unit; F, the transform of f on a grid; W_j(k) ≥ 0, the window around ω_j, with
`Σ_j W_j(k) + W_j(−k) = 1` (zero, its own opposite, counts once). With f_j⁺ the inverse transform of W_j F,

    t_j(x) = c_j e^{−iω_j·x} f_j⁺(x),  c_j = 2 for ω_j ≠ 0 and 1 for ω_j = 0,  f(x) = Re Σ_j e^{iω_j·x} t_j(x):

f is real, so the band around −ω_j is the conjugate of that around ω_j, and twice the real part of one is both.
Cai, Li, Liu: arXiv 1905.01389 and 1909.11759.
"""

import numpy as np
from jaxtyping import Complex, Float, Shaped

from nfield.core.checks import UserError
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, per_axis, spacing_per_axis, to_numpy
from nfield.spectral.shifts import grid_wave_vectors, periodic_distances

OVERLAP = 0.25
"""Width of the windows' edges over the least distance of two wave vectors."""


def split_bands(
    values: Shaped[AnyArray, "..."],
    shifts: Shaped[AnyArray, "shifts d"],
    spacing: PerAxis = 1.0,
    origin: PerAxis = 0.0,
    *,
    overlap: float = OVERLAP,
    periodic: bool = True,
    channels_last: bool = False,
) -> Complex[np.ndarray, "shifts channels *grid"]:
    """The bands t_j of real values on a grid of 1 to 3 axes, one for each wave vector; `join_bands` puts them together.

    `origin` is the coordinate of the first sample along each axis, `spacing` the distance of neighbours. Every
    frequency belongs to the nearest wave vector or its opposite, with soft edges: `overlap` is their width over the
    least distance of two wave vectors; 0 cuts sharply, which rings far in space. A signal that is not `periodic` is
    continued by its mirror image, in each axis: at ends that do not meet, every band would ring.
    Raises UserError for empty, complex or non-finite values, and for wave vectors twice or in opposite pairs.
    """
    array = channels_first(values, channels_last, "values").astype(np.float64)
    if not np.isfinite(array).all():
        raise UserError("values hold NaN or infinity: replace them before splitting them into bands.")
    shape = array.shape[1:]
    vectors = _checked(shifts, len(shape))
    waves = _waves(shape, vectors, spacing, origin)
    bands = np.empty((len(vectors), *array.shape), dtype=np.complex128)
    if not periodic:
        array = np.pad(array, ((0, 0), *((0, n) for n in shape)), mode="symmetric")
    inside = (slice(None), *(slice(n) for n in shape))
    windows = band_windows(array.shape[1:], vectors, spacing, overlap=overlap)
    axes = tuple(range(1, array.ndim))
    transform = np.fft.fftn(array, axes=axes)
    for j, vector in enumerate(vectors):
        part = np.fft.ifftn(windows[j] * transform, axes=axes)[inside]
        bands[j] = (2.0 if vector.any() else 1.0) * np.conj(waves[j]) * part
    return bands


def join_bands(
    bands: Complex[np.ndarray, "shifts channels *grid"],
    shifts: Shaped[AnyArray, "shifts d"],
    spacing: PerAxis = 1.0,
    origin: PerAxis = 0.0,
) -> Float[np.ndarray, " channels *grid"]:
    """`Re Σ_j e^{iω_j·x} t_j(x)`, the values that `split_bands` was given."""
    shape = bands.shape[2:]
    waves = _waves(shape, _checked(shifts, len(shape)), spacing, origin)
    joined: np.ndarray = (waves[:, None] * bands).sum(0).real
    return joined


def band_windows(
    shape: tuple[int, ...],
    shifts: Float[np.ndarray, "shifts d"],
    spacing: PerAxis = 1.0,
    *,
    overlap: float = OVERLAP,
) -> Float[np.ndarray, " shifts *grid"]:
    """W_j on the bins of `fftn`: Gaussians of the distance, divided by their sum over all ω_j and −ω_j.

    Two such neighbours meet in a logistic step, for the difference of squared distances is linear in between.
    """
    if not 0 <= overlap <= 1:
        raise UserError(f"overlap must be between 0 and 1, but is {overlap}.")
    steps = spacing_per_axis(spacing, len(shape))
    bins = grid_wave_vectors(shape, spacing)
    signed = np.concatenate([shifts, -shifts[shifts.any(1)]])
    squared = np.stack([periodic_distances(bins, vector, steps) ** 2 for vector in shifts])
    # Mirrored rather than measured: rounding at Nyquist, where edges may be narrow, would break the symmetry.
    mirrored = squared[np.ix_(shifts.any(1), *(-np.arange(n) % n for n in shape))]
    squared = np.concatenate([squared, mirrored])
    apart = [np.linalg.norm(a - b) for i, a in enumerate(signed) for b in signed[:i]]
    width = overlap * min(apart, default=1.0)
    nearest = squared.min(0)
    if width == 0:
        # Bins as far from two wave vectors are shared, so that each window is the other's mirror image.
        heights = (squared <= nearest + 1e-9 * (1 + nearest)).astype(np.float64)
    else:
        heights = np.exp((nearest - squared) / (2 * width**2))
    windows: np.ndarray = (heights / heights.sum(0))[: len(shifts)]
    return windows


def _checked(shifts: Shaped[AnyArray, "shifts d"], dimension: int) -> np.ndarray:
    vectors = to_numpy(shifts).astype(np.float64)
    if len(vectors) == 0 or vectors.shape[1] != dimension or not np.isfinite(vectors).all():
        raise UserError(
            f"shifts must be one or more finite wave vectors of {dimension} numbers, as many as the grid has axes, "
            f"but are {vectors.tolist()}."
        )
    for i, vector in enumerate(vectors):
        if any(np.array_equal(vector, s * other) for other in vectors[:i] for s in (1, -1)):
            raise UserError(f"The wave vector {vector.tolist()} is there twice, or with its opposite: leave one out.")
    return vectors


def _waves(
    shape: tuple[int, ...], shifts: np.ndarray, spacing: PerAxis, origin: PerAxis
) -> Complex[np.ndarray, " shifts *grid"]:
    """`e^{iω_j·x}` at the samples."""
    starts = per_axis(origin, len(shape), "origin")
    steps = spacing_per_axis(spacing, len(shape))
    axes = [start + np.arange(n) * h for n, start, h in zip(shape, starts, steps, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    return np.exp(1j * np.moveaxis(points @ shifts.T, -1, 0))
