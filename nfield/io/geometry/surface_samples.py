"""A cloud's worth of points from the surface of a mesh, with its normals and colours there."""

import numpy as np
from jaxtyping import Float64, Int64

from nfield.core.mesh import Mesh, face_vectors
from nfield.core.sampling import sample_surface
from nfield.io.geometry.geometry import Geometry


def drawn_from(mesh: Mesh, count: int, generator: np.random.Generator) -> Geometry:
    """`count` points drawn uniformly by area, with normals, and with colours where the vertices have them.

    The normals are those of the vertices in between where all are known, and of the face otherwise.
    Raises UserError where the mesh has no area.
    """
    points, faces = sample_surface(mesh, count, generator)
    corners = mesh.faces[faces]
    weights = _weights(mesh, points, faces)
    normals = face_vectors(mesh.vertices[corners])
    if mesh.normals is not None and mesh.normals.any(1).all():
        between = np.einsum("nk,nkd->nd", weights, mesh.normals[corners].astype(np.float64))
        # Opposite normals cancel: there the face's is better.
        normals = np.where(np.linalg.norm(between, axis=1, keepdims=True) > 1e-3, between, normals)
    colours = None
    if mesh.colours is not None:
        colours = np.round(np.einsum("nk,nkd->nd", weights, mesh.colours[corners].astype(np.float64))).astype(np.uint8)
    # In units of the longest, for the area of a face may be smaller than any normal is long.
    longest = np.abs(normals).max(axis=1, keepdims=True)
    return Geometry(points=points, normals=normals / np.where(longest > 0, longest, 1), colours=colours)


def _weights(
    mesh: Mesh, points: Float64[np.ndarray, "n 3"], faces: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, "n 3"]:
    """Barycentric coordinates of each point in its face; positive and of sum one also for slivers."""
    corners = mesh.vertices[mesh.faces[faces]]
    first = corners[:, 0]
    edges = corners[:, 1:] - first[:, None]
    size = np.abs(edges).max(axis=(1, 2), keepdims=True)
    edges = edges / size
    across = points - first
    across /= size[:, 0]
    # Least squares by the normal equations of two unknowns.
    a, b, c = (np.einsum("nd,nd->n", edges[:, i], edges[:, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
    u, v = (np.einsum("nd,nd->n", edges[:, i], across) for i in (0, 1))
    determinant = a * c - b * b
    safe = np.where(determinant > 0, determinant, 1)
    second, third = (c * u - b * v) / safe, (a * v - b * u) / safe
    weights = np.clip(np.stack([1 - second - third, second, third], axis=1), 0, 1)
    return weights / weights.sum(1, keepdims=True)
