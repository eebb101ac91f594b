"""What a mesh is like: closed or not, in how many pieces, which way round."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from nfield.core.mesh import Mesh, face_vectors
from nfield.meshing.components import count_components
from nfield.meshing.edges import odd_edges

THINNEST = 1e-10
"""Area of a face, relative to its longest edge squared, below which it has none."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """Facts about a mesh."""

    vertices: int
    faces: int
    watertight: bool
    """Every edge lies between exactly two faces that run along it in opposite directions."""
    boundary_edges: int
    """Edges of one face only."""
    crowded_edges: int
    """Edges of more than two faces: the mesh is not a manifold there."""
    turned_edges: int
    """Edges between two faces whose orientations disagree."""
    components: int
    """Connected pieces."""
    euler_characteristic: int
    """Vertices in use less edges plus faces: 2 for a sphere, 0 for a torus, added up over components."""
    degenerate_faces: int
    """Faces without area."""
    unused_vertices: int
    """Vertices of no face."""
    area: float
    """In squared input units."""
    volume: float | None
    """In cubed input units; None where the mesh is not watertight."""
    outward: bool | None
    """Whether faces turn counter-clockwise seen from outside; None where the mesh is not watertight."""


def describe(mesh: Mesh) -> Description:
    """Count and measure what there is to know of a mesh; O(f log f) for f faces, in about 50 bytes a face."""
    found = odd_edges(mesh)
    odd = found.edges
    boundary = int((odd.faces == 1).sum())
    crowded = int((odd.faces > 2).sum())
    turned = int(((odd.faces == 2) & (odd.turns != 0)).sum())
    watertight = len(mesh.faces) > 0 and not (boundary or crowded or turned)
    used = mesh.used
    volume = mesh.volume if watertight else None
    return Description(
        vertices=len(mesh.vertices),
        faces=len(mesh.faces),
        watertight=watertight,
        boundary_edges=boundary,
        crowded_edges=crowded,
        turned_edges=turned,
        components=count_components(mesh),
        euler_characteristic=int(used.sum()) - found.count + len(mesh.faces),
        degenerate_faces=sum(_degenerate(mesh.vertices[mesh.faces[rows]]) for rows in mesh.blocks()),
        unused_vertices=int((~used).sum()),
        area=mesh.area,
        volume=volume,
        outward=None if volume is None else volume > 0,
    )


def _degenerate(corners: Float64[np.ndarray, "f 3 3"]) -> int:
    a, b, c = corners.transpose(1, 0, 2)
    longest = np.maximum(((b - a) ** 2).sum(1), np.maximum(((c - b) ** 2).sum(1), ((a - c) ** 2).sum(1)))
    return int((np.linalg.norm(face_vectors(corners), axis=1) <= THINNEST * longest).sum())
