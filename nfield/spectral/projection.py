"""Projection method: the spectrum of scattered data of any dimension along one direction.

`t_j = x_j · p` for a unit vector p, and the non-uniform transform `ŷ_k = (1/n) Σ_j y_j e^{−2πi k t_j}`
(Xu et al., arXiv 1901.06523). k is a frequency in cycles per unit length along p.
"""

import numpy as np
from jaxtyping import Complex, Float, Shaped

from nfield.core.checks import UserError
from nfield.spectral.arrays import AnyArray, to_numpy
from nfield.spectral.errors import relative

_VALUES_AT_ONCE = 1 << 21


def principal_direction(points: Float[AnyArray, "n d"]) -> Float[np.ndarray, " d"]:
    """Unit vector along which the points spread most; its largest component is positive.

    Points that do not spread at all have the first axis.
    """
    array = to_numpy(points).astype(np.float64)
    if len(array) == 0:
        raise UserError("There are no points: give at least one.")
    centred = array - array.mean(axis=0)
    # The eigenvectors of the d×d covariance cost O(n d²) in time and d² in memory.
    values, vectors = np.linalg.eigh(centred.T @ centred)
    if values[-1] <= 0:
        return np.eye(array.shape[1])[0]
    direction = vectors[:, -1]
    return direction * np.sign(direction[np.argmax(np.abs(direction))])


def projection_spectrum(
    points: Float[AnyArray, "n d"],
    values: Shaped[AnyArray, " n *channels"],
    frequencies: Float[AnyArray, " m"],
    direction: Float[AnyArray, " d"] | None = None,
) -> Complex[np.ndarray, "m channels_or_one"]:
    """`ŷ_k` of values of shape (n,) or (n, c) at scattered points, for frequencies k along a direction.

    `direction` is made a unit vector; default: the first principal component of the points. Computed directly,
    O(n·m), in blocks that keep memory bounded.
    """
    x = to_numpy(points).astype(np.float64)
    if len(x) == 0:
        raise UserError("There are no points: give at least one.")
    y = to_numpy(values).astype(np.float64).reshape(len(x), -1)
    k = to_numpy(frequencies).astype(np.float64)
    p = to_numpy(direction).astype(np.float64) if direction is not None else principal_direction(x)
    length = float(np.linalg.norm(p))
    if not np.isfinite(length) or length == 0:
        raise UserError(f"direction must be a vector of finite length above zero, but is {p.tolist()}.")
    t = x @ (p / length)
    result = np.zeros((len(k), y.shape[1]), dtype=np.complex128)
    block = max(1, _VALUES_AT_ONCE // max(1, len(k)))
    for start in range(0, len(t), block):
        part = slice(start, start + block)
        result += np.exp(-2j * np.pi * np.outer(k, t[part])) @ y[part]
    return result / len(t)


def projection_error(
    points: Float[AnyArray, "n d"],
    truth: Shaped[AnyArray, " n *channels"],
    prediction: Shaped[AnyArray, " n *channels"],
    frequencies: Float[AnyArray, " m"],
    direction: Float[AnyArray, " d"] | None = None,
) -> Float[np.ndarray, " m"]:
    """`Δ_F(k) = |ĥ_k − ŷ_k| / |ŷ_k|` along a direction; NaN where the truth has no such wave. Norms over channels."""
    y = projection_spectrum(points, truth, frequencies, direction)
    h = projection_spectrum(points, prediction, frequencies, direction)
    return relative(np.linalg.norm(h - y, axis=1), y, truth)
