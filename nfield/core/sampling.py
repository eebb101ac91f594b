"""Points spread evenly over a triangle mesh."""

import numpy as np
from jaxtyping import Float64, Int, Int64

from nfield.core.checks import UserError, at_least
from nfield.core.mesh import Mesh


def sample_surface(
    mesh: Mesh, count: int, generator: np.random.Generator
) -> tuple[Float64[np.ndarray, "n 3"], Int64[np.ndarray, " n"]]:
    """`count` points drawn uniformly by area from a mesh, in its units, and the face that each lies on.

    Faces are drawn in proportion to their areas, then a point of each by the square-root map of the unit square to
    barycentric coordinates (Osada et al. 2002, "Shape distributions", equation 1). Raises UserError where the mesh
    has no faces, no area, or corners that are not finite.
    """
    at_least(count, 1, "The number of points to sample")
    if not np.isfinite(mesh.vertices[mesh.used]).all():
        raise UserError(f"The mesh '{mesh.source}' has corners that are not finite. Clean it, then try again.")
    # In units of the longest edge, so that squares of tiny or huge lengths stay within the range of numbers.
    longest = max((float(np.abs(_edges(mesh, rows)).max()) for rows in mesh.blocks()), default=0.0) or 1.0
    areas = np.zeros(len(mesh.faces))
    for rows in mesh.blocks():
        scaled = _edges(mesh, rows) / longest
        areas[rows] = np.linalg.norm(np.cross(scaled[:, 0], scaled[:, 1]), axis=1)
    total = np.cumsum(areas)
    if not len(total) or total[-1] <= 0:
        raise UserError(f"The faces of '{mesh.source}' have no area to draw points from. Give a mesh with an area.")
    # A uniform number times the total may round up to the total itself, which lies past the last face with an area.
    last = np.flatnonzero(areas)[-1]
    faces = np.minimum(np.searchsorted(total, generator.random(count) * total[-1], side="right"), last)
    root, along = np.sqrt(generator.random(count)), generator.random(count)
    weights = np.stack([root * (1 - along), root * along], axis=1)
    # From the first corner, so that points far from the origin keep their place within the face.
    points = mesh.vertices[mesh.faces[faces, 0]] + np.einsum("nk,nkd->nd", weights, _edges(mesh, faces))
    return points, faces.astype(np.int64)


def _edges(mesh: Mesh, rows: slice | Int[np.ndarray, " n"]) -> Float64[np.ndarray, "n 2 3"]:
    """Both edges at the first corner of faces."""
    corners = mesh.vertices[mesh.faces[rows]]
    return corners[:, 1:] - corners[:, :1]
