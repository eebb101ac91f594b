"""Closest points of a triangle mesh, to double precision.

The search runs in open3d's single precision; the closest point of the triangle that it names is then found again in
double precision. A triangle that is not quite the closest is named only where another is as near to within about
1e-7 of the mesh's size, so distances are right to about that, and mostly to many digits more.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt32

from nfield.core.blocks import blocks
from nfield.core.checks import UserError
from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh

_POINTS_AT_ONCE = 1 << 17


@dataclass(frozen=True, kw_only=True, eq=False)
class Closest:
    """For each of n points what lies closest to it."""

    distances: Float64[np.ndarray, " n"]
    """Distances, unsquared, in input units."""
    normals: Float64[np.ndarray, "n 3"] | None
    """Unit normals of the closest triangle or point; zero rows are unknown, None means that none is known."""


class ClosestOnMesh:
    """A mesh prepared for the search. Raises UserError where it has no surface or where open3d is missing."""

    def __init__(self, mesh: Mesh) -> None:
        is_used = mesh.used
        used = mesh.vertices[is_used]
        if not np.isfinite(used).all():
            raise UserError(f"The mesh '{mesh.source}' has corners that are not finite. Clean it, then measure it.")
        if not len(mesh.faces):
            raise UserError(f"The mesh '{mesh.source}' has no faces, so nothing can be measured. Give one with faces.")
        low, high = used.min(0), used.max(0)
        self.middle = (low + high) / 2
        self.scale = float((high - low).max()) / 2 or 1.0
        self.mesh = mesh
        single = np.zeros((len(mesh.vertices), 3), np.float32)
        single[is_used] = (used - self.middle) / self.scale
        # Triangles without an area in single precision have no closest point there; their neighbours cover them.
        kept = np.zeros(len(mesh.faces), bool)
        for rows in mesh.blocks():
            kept[rows] = _across(single[mesh.faces[rows]].astype(np.float64)).any(1)
        if not kept.any():
            raise UserError(f"The faces of '{mesh.source}' have no area, so nothing can be measured. Check the mesh.")
        self.kept: UInt32[np.ndarray, " k"] = np.flatnonzero(kept).astype(np.uint32)
        library = open3d()
        self._scene = library.t.geometry.RaycastingScene()
        faces = mesh.faces.astype(np.uint32)[kept]
        self._scene.add_triangles(library.core.Tensor(single), library.core.Tensor(faces))

    def find(self, points: Float64[np.ndarray, "n 3"]) -> Closest:
        """Distances to the surface and normals of the closest triangles, for finite points in input units."""
        distances, normals = np.zeros(len(points)), np.zeros((len(points), 3))
        for rows in blocks(len(points), _POINTS_AT_ONCE):
            distances[rows], normals[rows] = self._find((points[rows] - self.middle) / self.scale)
        return Closest(distances=distances * self.scale, normals=normals)

    def _find(self, points: Float64[np.ndarray, "n 3"]) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n 3"]]:
        query = open3d().core.Tensor(np.ascontiguousarray(points.astype(np.float32)))
        faces = self.kept[self._scene.compute_closest_points(query)["primitive_ids"].numpy()]
        corners = (self.mesh.vertices[self.mesh.faces[faces]] - self.middle) / self.scale
        across = _across(corners)
        return distances_to_triangles(points, corners), across / np.linalg.norm(across, axis=1, keepdims=True)


def distances_to_triangles(
    points: Float64[np.ndarray, "n 3"], corners: Float64[np.ndarray, "n 3 3"]
) -> Float64[np.ndarray, " n"]:
    """Distance of each point to its own triangle: to the plane where it lies above the face, else to an edge."""
    starts = corners
    edges = np.roll(corners, -1, axis=1) - starts
    offsets = points[:, None] - starts
    along = np.einsum("nkd,nkd->nk", offsets, edges) / np.einsum("nkd,nkd->nk", edges, edges)
    to_edges = offsets - np.clip(along, 0, 1)[..., None] * edges
    nearest = np.linalg.norm(to_edges, axis=2).min(1)
    across = _across(corners)
    above = (np.einsum("nkd,nd->nk", np.cross(edges, offsets), across) >= 0).all(1)
    height = np.abs(np.einsum("nd,nd->n", offsets[:, 0], across)) / np.linalg.norm(across, axis=1)
    # Of a needle the height may be all rounding error, but it is never farther than the edges.
    return np.where(above, np.minimum(height, nearest), nearest)


def _across(corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f 3"]:
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
