"""Connected pieces of a mesh, and the removal of those that no data speaks for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.meshing.edges import edges_of
from nfield.meshing.pieces import take_faces


@dataclass(frozen=True, kw_only=True, eq=False)
class Components:
    """The connected pieces of a mesh, the largest by area first."""

    labels: Int64[np.ndarray, " v"]
    """Each vertex's piece; -1 where no face uses it."""
    areas: Float64[np.ndarray, " c"]
    """In squared input units."""
    volumes: Float64[np.ndarray, " c"]
    """In cubed input units; negative for bubbles inside a solid, zero for pieces that are not closed."""


def components(mesh: Mesh) -> Components:
    """The pieces of a mesh with their sizes."""
    count = len(mesh.vertices)
    links = mesh.faces[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1].astype(np.int64)
    used = np.unique(labels[mesh.faces[:, 0]])
    face_labels = np.searchsorted(used, labels[mesh.faces[:, 0]])
    areas = _sums(face_labels, np.linalg.norm(mesh.face_vectors, axis=1), len(used))
    order = np.argsort(-areas, kind="stable")
    new = np.full(labels.max(initial=0) + 1, -1, np.int64)
    new[used[order]] = np.arange(len(used))
    labels = new[labels] if count else labels
    return Components(labels=labels, areas=areas[order], volumes=_volumes(mesh, labels, len(used)))


def component_labels(mesh: Mesh) -> Int64[np.ndarray, " v"]:
    """Each vertex's connected piece, the largest by area being 0; -1 where no face uses it."""
    return components(mesh).labels


def keep_components(
    mesh: Mesh,
    points: Float64[np.ndarray, "p 3"] | None = None,
    *,
    area_share: float = 0.01,
    point_share: float = 0.01,
) -> Mesh:
    """Drop pieces that are small and that few points lie next to, and bubbles inside the solid.

    A piece stays if it is the largest solid by area, if it has at least `area_share` of the whole area, or if at least
    `point_share` of the points are nearer to it than to others. Bubbles, whose volume is negative, need the points.
    Where points are given, a piece that is nearest to none of them is no part of the surface, however large: between
    clusters far apart a field may have zeros that enclose nothing but empty space.
    """
    found = components(mesh)
    if not len(found.areas):
        return mesh
    solid = found.volumes >= 0
    needed, number = 0.0, np.ones(len(solid), np.int64)
    if points is not None and len(points):
        used = np.flatnonzero(found.labels >= 0)
        nearest = cKDTree(mesh.vertices[used]).query(points, workers=-1)[1]
        needed, number = point_share * len(points), np.bincount(found.labels[used[nearest]], minlength=len(solid))
    supported = number > 0
    kept = (found.areas >= area_share * found.areas[supported].sum()) & solid & supported
    # The areas fall; where all is bubbles or nothing but bubbles has points, the largest piece is the surface.
    kept[np.argmax(solid & supported)] = True
    if points is not None and len(points):
        kept |= number >= needed
    return _of_components(mesh, found, kept)


def keep_supported(mesh: Mesh, points: Float64[np.ndarray, "p 3"], distance: float, *, share: float = 0.1) -> Mesh:
    """Keep the pieces of which at least `share` of the area lies within `distance` (input units) of data points.

    Raises UserError where none does.
    """
    found = components(mesh)
    near = np.isfinite(cKDTree(points).query(mesh.corners.mean(1), distance_upper_bound=distance, workers=-1)[0])
    areas = np.linalg.norm(mesh.face_vectors, axis=1)
    supported = _sums(found.labels[mesh.faces[:, 0]], areas * near, len(found.areas))
    kept = supported >= share * found.areas
    if not kept.any():
        raise UserError(f"No piece of the surface lies within {distance} of the points. Give a larger distance.")
    return _of_components(mesh, found, kept)


def _of_components(mesh: Mesh, found: Components, kept: Bool[np.ndarray, " c"]) -> Mesh:
    return mesh if kept.all() else take_faces(mesh, kept[found.labels[mesh.faces[:, 0]]])


def _volumes(mesh: Mesh, labels: Int64[np.ndarray, " v"], count: int) -> Float64[np.ndarray, " c"]:
    """Signed volume of the closed pieces."""
    edges = edges_of(mesh)
    closed = np.ones(count, bool)
    closed[labels[edges.ends[edges.turns != 0, 0]]] = False
    face_labels = labels[mesh.faces[:, 0]]
    middle = mesh.vertices.mean(0) if len(mesh.vertices) else np.zeros(3)
    shares = ((mesh.corners.mean(1) - middle) * mesh.face_vectors).sum(1) / 3
    return np.where(closed, _sums(face_labels, shares, count), 0.0)


def _sums(labels: Int64[np.ndarray, " f"], amounts: Float64[np.ndarray, " f"], count: int) -> Float64[np.ndarray, " c"]:
    """Sum of the amounts of each label."""
    # Without any amounts numpy counts in integers.
    return np.bincount(labels, amounts, count).astype(np.float64)
