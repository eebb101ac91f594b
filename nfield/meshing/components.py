"""Connected pieces of a mesh, and the removal of those that no data speaks for."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from nfield.core.checks import UserError, at_least
from nfield.core.mesh import Mesh
from nfield.meshing.edges import odd_edges
from nfield.points.neighbours import Neighbourhoods


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
    roots = _roots(mesh)
    used = np.flatnonzero(_marked(roots, mesh))
    new = np.full(len(mesh.vertices), -1, np.int64)
    new[used] = np.arange(len(used))
    areas = _sums(new[roots[mesh.faces[:, 0]]], mesh.face_areas, len(used))
    order = np.argsort(-areas, kind="stable")
    new[used[order]] = np.arange(len(used))
    labels = new[roots]
    return Components(labels=labels, areas=areas[order], volumes=_volumes(mesh, labels, len(used)))


def count_components(mesh: Mesh) -> int:
    """How many pieces a mesh has; vertices of no face are none."""
    return int(_marked(_roots(mesh), mesh).sum())


def keep_components(
    mesh: Mesh,
    points: Float64[np.ndarray, "p 3"] | None = None,
    *,
    area_share: float = 0.01,
    point_share: float = 0.01,
    density_share: float = 0.25,
) -> Mesh:
    """Drop pieces that are small and that few points lie next to, and bubbles inside the solid.

    A piece stays if it is the largest solid by area, if it has at least `area_share` of the whole area, or if at least
    `point_share` of the points are nearer to it than to others. Bubbles, whose volume is negative, need the points.
    Where points are given, a piece with less than `density_share` of the points that its area would have if they were
    spread evenly, or none, needs them too, however large: in gaps, and between clusters far apart, a field may have
    zeros that enclose nothing but empty space.
    """
    found = components(mesh)
    # A single piece is kept whatever it is like; looking for the points' nearest vertices would take time and memory.
    if len(found.areas) < 2:
        return mesh
    solid = found.volumes >= 0
    needed, number = 0.0, np.ones(len(solid), np.int64)
    even = np.ones(len(solid), bool)
    if points is not None and len(points):
        used = np.flatnonzero(found.labels >= 0)
        nearest = cKDTree(mesh.vertices[used]).query(points, workers=-1)[1]
        needed, number = point_share * len(points), np.bincount(found.labels[used[nearest]], minlength=len(solid))
        even = number >= density_share * len(points) * found.areas / found.areas[number > 0].sum()
    supported = number > 0
    kept = (found.areas >= area_share * found.areas[supported].sum()) & solid & supported & even
    # The areas fall; where all is bubbles or nothing but bubbles has points, the largest piece is the surface.
    kept[np.argmax(solid & supported)] = True
    if points is not None and len(points):
        kept |= number >= needed
    return _of_components(mesh, found, kept)


def _of_components(mesh: Mesh, found: Components, kept: Bool[np.ndarray, " c"]) -> Mesh:
    return mesh if kept.all() else take_faces(mesh, kept[found.labels[mesh.faces[:, 0]]])


def _volumes(mesh: Mesh, labels: Int64[np.ndarray, " v"], count: int) -> Float64[np.ndarray, " c"]:
    """Signed volume of the closed pieces."""
    edges = odd_edges(mesh).edges
    closed = np.ones(count, bool)
    closed[labels[edges.ends[edges.turns != 0, 0]]] = False
    return np.where(closed, _sums(labels[mesh.faces[:, 0]], mesh.face_volumes, count), 0.0)


def _roots(mesh: Mesh) -> Int64[np.ndarray, " v"]:
    """The lowest vertex of each vertex's piece.

    One graph of the whole mesh would take several times its memory. Here every vertex points to a lower one of its
    piece, or to itself, and blocks of faces join what such ways lead to.
    """
    way = np.arange(len(mesh.vertices))
    place = np.zeros(len(way), np.int64)
    marked = np.zeros(len(way), bool)
    for rows in mesh.blocks():
        ends = _followed(way, mesh.faces[rows])
        marked[ends] = True
        met = np.flatnonzero(marked)
        marked[met] = False
        place[met] = np.arange(len(met))
        links = place[ends][:, [0, 1, 1, 2]].reshape(-1, 2)
        graph = coo_matrix((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(len(met), len(met)))
        pieces = connected_components(graph, directed=False)[1]
        way[met] = met[np.unique(pieces, return_index=True)[1]][pieces]
    return _followed(way, way)


def _followed(way: Int64[np.ndarray, " v"], vertices: Int64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
    """Where the ways from the vertices end."""
    while True:
        further = way[vertices]
        if (further == vertices).all():
            return further
        vertices = further


def _marked(roots: Int64[np.ndarray, " v"], mesh: Mesh) -> Bool[np.ndarray, " v"]:
    """Which vertices are the root of a piece with faces."""
    marked = np.zeros(len(roots), bool)
    marked[roots[mesh.faces[:, 0]]] = True
    return marked


def _sums(labels: Int64[np.ndarray, " f"], amounts: Float64[np.ndarray, " f"], count: int) -> Float64[np.ndarray, " c"]:
    """Sum of the amounts of each label."""
    # Without any amounts numpy counts in integers.
    return np.bincount(labels, amounts, count).astype(np.float64)


def take_faces(mesh: Mesh, kept: Bool[np.ndarray, " f"]) -> Mesh:
    """The mesh of the chosen faces and of the vertices that they use, with their normals and colours."""
    faces = mesh.faces[kept]
    used = np.zeros(len(mesh.vertices), bool)
    used[faces] = True
    row = np.cumsum(used) - 1
    return replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=row[faces],
        normals=None if mesh.normals is None else mesh.normals[used],
        colours=None if mesh.colours is None else mesh.colours[used],
    )


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
