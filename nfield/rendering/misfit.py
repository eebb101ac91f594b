"""How far a surface is from the points that it was fitted to, measured at each place of the surface.

The distance from a place to the nearest point would show the points' spacing, not an error. So each point's distance to
the surface is taken, and every place of the surface gets the mean of the points nearest to it.
"""

import numpy as np
from jaxtyping import Float64
from scipy.spatial import cKDTree

from nfield.rendering.scene import MeshScene

NEAREST = 4
"""Points whose distances are averaged at each place."""

REACH = 5.0
"""A place further than this many spacings from every point is not supported by data."""

PROBES = 2000
"""Points of which the spacing is taken."""


def misfit(scene: MeshScene, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " v"]:
    """Mean distance to the surface of the points nearest to each vertex, in the mesh's units.

    NaN where no point is near: there the surface is guessed rather than fitted.
    """
    vertices = scene.mesh.vertices
    points = points[np.isfinite(points).all(1)]
    if len(points) < 2 or not len(vertices):
        return np.full(len(vertices), np.nan)
    off = scene.distances(points)
    # Relative to the middle: far from the origin squares of coordinates lose digits.
    tree = cKDTree(points - scene.middle)
    gaps = tree.query(tree.data[:: max(1, len(points) // PROBES)], k=[2])[0]
    places = np.nan_to_num(vertices - scene.middle)
    near, rows = tree.query(places, k=min(NEAREST, len(points)), workers=-1)
    supported = near[:, 0] <= REACH * max(float(np.median(gaps)), 1e-12 * scene.scale)
    return np.where(supported & np.isfinite(vertices).all(1), off[rows].mean(axis=1), np.nan)
