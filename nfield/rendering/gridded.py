"""Huge meshes thinned on a grid: rough beside collapsing edges, but in seconds and little memory."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from nfield.core.blocks import blocks
from nfield.core.mesh import Mesh

FACES_PER_CELL = 3.0
"""Of a surface with an area of one cell's side: on average it passes 1.5 cells, each with one vertex and two faces."""
FINEST = 2**20
"""Most cells along an edge, so that three numbers of a cell fit into one."""


def gridded(mesh: Mesh, faces: int) -> Mesh:
    """The mesh with at most `faces` faces, vertices in one cell of a grid being taken as one.

    The vertex nearest to their mean stands for them, with its normal and colour, so that none leaves the surface.
    Vertices must be finite. A mesh small enough comes back unchanged. Rossignac and Borrel, 1993.
    """
    cell = (FACES_PER_CELL * mesh.area / faces) ** 0.5
    while len(mesh.faces) > faces:
        chosen, place = _one_of_each(mesh.vertices, cell)
        kept = [_joined(place[mesh.faces[rows]]) for rows in mesh.blocks()]
        count = sum(map(len, kept))
        if count <= faces:
            return replace(
                mesh,
                vertices=mesh.vertices[chosen],
                faces=np.concatenate(kept),
                normals=None if mesh.normals is None else mesh.normals[chosen],
                colours=None if mesh.colours is None else mesh.colours[chosen],
            )
        cell *= max(1.01, (count / faces) ** 0.5)
    return mesh


def _one_of_each(
    vertices: Float64[np.ndarray, "v 3"], cell: float
) -> tuple[Int64[np.ndarray, " c"], Int64[np.ndarray, " v"]]:
    """The vertex that stands for each cell, and the row of its cell for each vertex."""
    low = vertices.min(0)
    extent = vertices.max(0) - low
    cell = max(cell, float(extent.max()) / FINEST)
    _, across, along = (extent / cell).astype(np.int64) + 1
    keys = np.zeros(len(vertices), np.int64)
    for rows in blocks(len(vertices)):
        x, y, z = ((vertices[rows] - low) / cell).astype(np.int64).T
        keys[rows] = (x * across + y) * along + z
    found, place = np.unique(keys, return_inverse=True)
    place = place.reshape(-1)
    number = np.bincount(place, minlength=len(found))
    far = np.zeros(len(vertices))
    for axis in range(3):
        offsets = vertices[:, axis] - low[axis]
        far += (offsets - (np.bincount(place, offsets, len(found)) / number)[place]) ** 2
    nearest = np.full(len(found), np.inf)
    np.minimum.at(nearest, place, far)
    nearby = np.flatnonzero(far == nearest[place])
    chosen = np.zeros(len(found), np.int64)
    chosen[place[nearby]] = nearby
    return chosen, place


def _joined(faces: Int64[np.ndarray, "f 3"]) -> Int64[np.ndarray, "g 3"]:
    """Those of the faces whose corners are still three."""
    a, b, c = faces.T
    return faces[(a != b) & (b != c) & (c != a)]
