"""Meshes with fewer faces, for pages and previews: the shape stays, the file shrinks."""

import numpy as np

from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh
from nfield.rendering.scene import bounds

CLUSTERED = 2.5
"""Meshes with this many times the wanted faces are first thinned on a grid: collapsing edges one by one is slow."""

ROOM = 1.6
"""About that many times the wanted faces are left by the grid."""


def lighter(mesh: Mesh, faces: int) -> Mesh:
    """The mesh with at most `faces` faces, by quadric decimation, and with vertex normals.

    A mesh small enough comes back with normals and otherwise unchanged. Colours are left out.
    """
    library = open3d()
    kept = mesh.faces[np.isfinite(mesh.vertices).all(1)[mesh.faces].all(1)]
    changed = len(kept) > faces or len(kept) < len(mesh.faces)
    if not changed and mesh.normals is not None:
        return Mesh(vertices=mesh.vertices, faces=mesh.faces, normals=mesh.normals, source=mesh.source)
    low, high = bounds(mesh)
    middle, scale = (low + high) / 2, float((high - low).max()) / 2 or 1.0
    vertices = np.nan_to_num((mesh.vertices - middle) / scale)
    shape = library.geometry.TriangleMesh(
        library.utility.Vector3dVector(vertices), library.utility.Vector3iVector(kept.astype(np.int32))
    )
    if len(kept) > CLUSTERED * faces:
        # A grid of cells with edge h leaves about 2 area / h² faces; areas are known, so h follows.
        cell = (2 * shape.get_surface_area() / (ROOM * faces)) ** 0.5
        shape = shape.simplify_vertex_clustering(cell, library.geometry.SimplificationContraction.Quadric)
    if len(shape.triangles) > faces:
        shape = shape.simplify_quadric_decimation(faces)
    shape.compute_vertex_normals()
    return Mesh(
        vertices=np.asarray(shape.vertices) * scale + middle,
        faces=np.asarray(shape.triangles).astype(np.int64),
        normals=np.asarray(shape.vertex_normals).astype(np.float32),
        source=mesh.source,
    )
