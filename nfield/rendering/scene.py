"""A mesh ready for rays and distances: in single precision, around the origin and of unit size.

The ray caster works in single precision, so meshes far from the origin or of extreme size are first moved and scaled.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh


@dataclass(frozen=True, kw_only=True, eq=False)
class Hits:
    """Where rays first meet a mesh, one row for each ray that does."""

    rays: Int64[np.ndarray, " n"]
    """Rows of the rays."""
    faces: Int64[np.ndarray, " n"]
    """Rows of the mesh's faces."""
    weights: Float32[np.ndarray, "n 3"]
    """Barycentric weights of the faces' corners; each row sums to one."""


class MeshScene:
    """A mesh that rays can be cast at and distances taken to. Faces with corners that are not finite are left out."""

    def __init__(self, mesh: Mesh) -> None:
        """Raises UserError where open3d is missing."""
        self.mesh = mesh
        finite = np.isfinite(mesh.vertices).all(1)
        self.kept: Int64[np.ndarray, " k"] = np.flatnonzero(finite[mesh.faces].all(1))
        low, high = bounds(mesh)
        self.middle = (low + high) / 2
        self.scale = float((high - low).max()) / 2 or 1.0
        self._vertices = np.where(finite[:, None], (mesh.vertices - self.middle) / self.scale, 0).astype(np.float32)

    @property
    def empty(self) -> bool:
        """Whether there is no face to meet."""
        return not len(self.kept)

    @cached_property
    def _caster(self) -> Any:
        library = open3d()
        caster = library.t.geometry.RaycastingScene()
        faces = np.ascontiguousarray(self.mesh.faces[self.kept].astype(np.uint32))
        caster.add_triangles(library.core.Tensor(self._vertices), library.core.Tensor(faces))
        return caster

    @cached_property
    def face_normals(self) -> Float32[np.ndarray, "f 3"]:
        """Unit normals of all faces; zero where a face has no area."""
        a, b, c = self._vertices[self.mesh.faces].transpose(1, 0, 2)
        return _unit(np.cross(b - a, c - a))

    @cached_property
    def vertex_normals(self) -> Float32[np.ndarray, "v 3"] | None:
        """Unit normals of the vertices; zero where unknown; None where the mesh has none."""
        return None if self.mesh.normals is None else _unit(np.nan_to_num(self.mesh.normals))

    def cast(self, origin: Float[np.ndarray, "3"], directions: Float[np.ndarray, "r 3"]) -> Hits:
        """First hits of rays from one point, both in the mesh's units."""
        if self.empty:
            none = np.zeros(0, dtype=np.int64)
            return Hits(rays=none, faces=none, weights=np.zeros((0, 3), dtype=np.float32))
        start = ((origin - self.middle) / self.scale).astype(np.float32)
        rays = np.concatenate([np.broadcast_to(start, directions.shape), directions.astype(np.float32)], axis=1)
        found = self._caster.cast_rays(open3d().core.Tensor(np.ascontiguousarray(rays)))
        hit = np.flatnonzero(np.isfinite(found["t_hit"].numpy()))
        second, third = found["primitive_uvs"].numpy()[hit].T
        return Hits(
            rays=hit,
            faces=self.kept[found["primitive_ids"].numpy()[hit].astype(np.int64)],
            weights=np.stack([1 - second - third, second, third], axis=1),
        )

    def distances(self, points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
        """Distances from points to the surface, in the mesh's units; NaN for points that are not finite."""
        if self.empty or not len(points):
            return np.full(len(points), np.nan)
        finite = np.isfinite(points).all(1)
        moved = np.where(finite[:, None], (points - self.middle) / self.scale, 0).astype(np.float32)
        found = self._caster.compute_distance(open3d().core.Tensor(np.ascontiguousarray(moved))).numpy()
        return np.where(finite, found.astype(np.float64) * self.scale, np.nan)


def bounds(mesh: Mesh) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    """Lowest and highest coordinates of the finite vertices that faces use; a unit box where there are none."""
    used = mesh.vertices[mesh.used] if len(mesh.faces) else mesh.vertices
    used = used[np.isfinite(used).all(1)]
    if not len(used):
        return -np.ones(3), np.ones(3)
    return used.min(0), used.max(0)


def lengths(vectors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 1"]:
    """Lengths as a column."""
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]


def _unit(vectors: Float[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    length = lengths(vectors)
    known: Bool[np.ndarray, "n 1"] = length > 1e-20
    return (np.where(known, vectors, 0) / np.where(known, length, 1)).astype(np.float32)
