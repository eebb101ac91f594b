"""Removal of the surface that a fit has made up where there are no data points."""

import numpy as np
from jaxtyping import Float64
from scipy.spatial import cKDTree

from nfield.core.checks import UserError, at_least
from nfield.core.mesh import Mesh
from nfield.meshing.components import components, take_faces
from nfield.points.neighbours import Neighbourhoods


def trim_unsupported(
    mesh: Mesh,
    points: Float64[np.ndarray, "p 3"],
    distance: float,
    *,
    spacings: float = 2.0,
    island_share: float = 0.01,
) -> Mesh:
    """Drop faces without data near them, and what small islands remain.

    A face stays if its middle lies within `distance` (input units) of the nearest point, or within `spacings` times
    the spacing around that point: where a scan is sparse, its surface reaches farther. Then pieces with less than
    `island_share` of the largest one's area go. Raises UserError where nothing is left.
    """
    at_least(distance, 0, "The distance")
    at_least(spacings, 0, "The spacings")
    # Points far from all others stand for at most four usual areas, so that noise does not hold on to the surface.
    reach = np.maximum(distance, spacings * np.sqrt(Neighbourhoods(points).areas()))
    tree, bound, kept = cKDTree(points), float(reach.max()) * (1 + 1e-9), np.zeros(len(mesh.faces), bool)
    for rows in mesh.blocks():
        middles = mesh.vertices[mesh.faces[rows]].mean(1)
        far, nearest = tree.query(middles, distance_upper_bound=bound, workers=-1)
        # Beyond the upper bound the tree answers with a row too many.
        kept[rows] = far <= np.append(reach, -1.0)[nearest]
    if not kept.any():
        raise UserError(f"No face lies within {distance} of the points. Give a larger distance.")
    trimmed = take_faces(mesh, kept)
    found = components(trimmed)
    large = found.areas >= island_share * found.areas[0]
    return trimmed if large.all() else take_faces(trimmed, large[found.labels[trimmed.faces[:, 0]]])
