"""Closest points of a triangle mesh, to double precision.

The search runs in open3d's single precision; the closest point of the triangle that it names is then found again in
double precision. A triangle that is not quite the closest is named only where another is as near to within about
1e-7 of the mesh's size, so distances are right to about that, and mostly to many digits more.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, UInt32

from nfield.core.blocks import blocks
from nfield.core.checks import UserError
from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh

_POINTS_AT_ONCE = 1 << 17
_FACES_AT_ONCE = 1 << 21
"""A tree over faces takes about 170 bytes for each: larger meshes are searched part by part."""


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
        self._single = single
        self._parts = list(blocks(len(self.kept), _FACES_AT_ONCE))
        self._scene = self._scene_of(self._parts[0])

    def find(self, points: Float64[np.ndarray, "n 3"]) -> Closest:
        """Distances to the surface and normals of the closest triangles, for finite points in input units."""
        local = (points - self.middle) / self.scale
        nearest = self._nearest_faces(local)
        distances, normals = np.zeros(len(points)), np.zeros((len(points), 3))
        for rows in blocks(len(points), _POINTS_AT_ONCE):
            corners = (self.mesh.vertices[self.mesh.faces[nearest[rows]]] - self.middle) / self.scale
            across = _across(corners)
            distances[rows] = distances_to_triangles(local[rows], corners)
            normals[rows] = across / np.linalg.norm(across, axis=1, keepdims=True)
        return Closest(distances=distances * self.scale, normals=normals)

    def _nearest_faces(self, points: Float64[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
        """Rows of the faces closest to points in the frame of the search."""
        nearest = np.zeros(len(points), np.int64)
        least = np.full(len(points), np.inf, np.float32)
        tensor = open3d().core.Tensor
        for number, part in enumerate(self._parts):
            scene = self._scene if number == 0 else self._scene_of(part)
            for rows in blocks(len(points), _POINTS_AT_ONCE):
                query = np.ascontiguousarray(points[rows].astype(np.float32))
                found = scene.compute_closest_points(tensor(query))
                far = np.linalg.norm(found["points"].numpy() - query, axis=1)
                nearer = far < least[rows]
                least[rows] = np.where(nearer, far, least[rows])
                faces = self.kept[part][found["primitive_ids"].numpy().astype(np.int64) * nearer]
                nearest[rows] = np.where(nearer, faces, nearest[rows])
        return nearest

    def _scene_of(self, part: slice) -> Any:
        library = open3d()
        faces = self.mesh.faces[self.kept[part]].astype(np.uint32)
        # Faces of one part mostly have corners close in the list, of which the others are not copied.
        first, last = int(faces.min()), int(faces.max())
        scene = library.t.geometry.RaycastingScene()
        scene.add_triangles(library.core.Tensor(self._single[first : last + 1]), library.core.Tensor(faces - first))
        return scene


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
