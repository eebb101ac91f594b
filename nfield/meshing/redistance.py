"""Distances from the zeros of a function that is known on a grid alone, whatever it is like away from them."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates, spline_filter

STEPS = 3
"""Newton steps: each about squares the error."""
LEAST_SLOPE = 0.1
"""Smallest slope that a step is taken along, and that a value is divided by."""
ARRIVED = 0.2
"""Of a grid step: a place whose value is still larger has found no zero nearby."""
CUBIC = 3


def redistanced(values: Float[np.ndarray, "a b c"], spacing: float, reach: float) -> Float[np.ndarray, "a b c"]:
    """Signed distances from the zeros of `values`, in the unit of `spacing`; beyond `reach` only their signs are right.

    From each node near the zeros, Newton steps along the gradient of the grid's cubic interpolation lead to one; where
    they do not arrive, the value over its slope stands in.
    """
    grid = np.asarray(values, dtype=np.float64) / spacing
    slopes = np.gradient(grid)
    first = grid / np.maximum(np.sqrt(sum(slope**2 for slope in slopes)), LEAST_SLOPE)
    near = np.abs(first) < reach / spacing
    start = np.stack(np.nonzero(near)).astype(np.float64)
    coefficients = spline_filter(grid, order=CUBIC, mode="mirror")

    def value_at(places: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, " n"]:
        return map_coordinates(coefficients, places, order=CUBIC, mode="mirror", prefilter=False)

    places = start
    for _ in range(STEPS):
        # The slopes only show the way, and the values where it ends, so linear interpolation does for the slopes.
        value = value_at(places)
        slope = np.stack([map_coordinates(f, places, order=1, mode="mirror") for f in slopes])
        places = places - value * slope / np.maximum((slope**2).sum(0), LEAST_SLOPE**2)
    found = np.sqrt(((places - start) ** 2).sum(0))
    arrived = np.abs(value_at(places)) < ARRIVED
    distance = first.copy()
    distance[near] = np.where(arrived, np.sign(grid[near]) * found, first[near])
    return distance * spacing
