"""Fewer faces for the same shape."""

from dataclasses import dataclass, replace

import numpy as np

from nfield.core.checks import at_least
from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh
from nfield.meshing.checks import describe
from nfield.meshing.colours import carry_colours
from nfield.meshing.project import vertex_normals

FEWEST = 4
"""Faces of the smallest closed mesh."""
TRIES = 4
"""How often the number of faces is doubled where the result would not be closed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Simplified:
    """A mesh with fewer faces."""

    mesh: Mesh
    note: str | None = None
    """What is to be reported of it, or None."""


def simplify(mesh: Mesh, faces: int) -> Simplified:
    """Reduce a mesh to about `faces` faces by quadric decimation, carrying colours.

    A watertight mesh stays so: where decimation would leave a hole or turn it inside out, twice as many faces are
    tried, and so on; the note then says what was reached. Normals, where there are any, are made anew from the faces.
    Raises UserError for fewer than four faces. Garland and Heckbert, SIGGRAPH 1997.
    """
    at_least(faces, FEWEST, "The number of faces")
    if faces >= len(mesh.faces):
        return Simplified(mesh=mesh)
    closed = describe(mesh).watertight
    target = faces
    for _ in range(TRIES):
        if target >= len(mesh.faces):
            break
        result = _decimated(mesh, target)
        found = describe(result)
        if found.faces and (not closed or (found.watertight and found.outward == (mesh.volume > 0))):
            note = f"{found.faces:,} faces instead of {faces:,}, as fewer would not close." if target > faces else None
            return Simplified(mesh=_dressed(result, mesh), note=note)
        target *= 2
    return Simplified(
        mesh=mesh, note=f"The mesh keeps its {len(mesh.faces):,} faces: reduced to {faces:,} it would not stay closed."
    )


def _decimated(mesh: Mesh, faces: int) -> Mesh:
    library = open3d()
    # Quadrics are sums of squares: far from the origin they would lose the digits that matter.
    middle = (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    scale = mesh.diagonal / 2
    utility = library.utility
    solid = library.geometry.TriangleMesh(
        utility.Vector3dVector((mesh.vertices - middle) / scale),
        utility.Vector3iVector(mesh.faces.astype(np.int32)),
    )
    reduced = solid.simplify_quadric_decimation(faces)
    reduced.remove_unreferenced_vertices()
    return replace(
        mesh,
        vertices=np.asarray(reduced.vertices) * scale + middle,
        faces=np.asarray(reduced.triangles).astype(np.int64),
        normals=None,
        colours=None,
    )


def _dressed(result: Mesh, like: Mesh) -> Mesh:
    """The result with colours and normals if the original has them."""
    if like.colours is not None:
        # Decimation would average colours over and over along the edges that it folds: they would run.
        result = carry_colours(result, like.vertices, like.colours)
    return result if like.normals is None else replace(result, normals=vertex_normals(result))
