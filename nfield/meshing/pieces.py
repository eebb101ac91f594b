"""A mesh of some of another's faces."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from nfield.core.mesh import Mesh


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
