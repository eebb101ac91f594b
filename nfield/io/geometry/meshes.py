"""Read a triangle mesh from a file, and write one."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from nfield.core.checks import UserError
from nfield.core.cloud import eight_bit_colours, unit_normals
from nfield.core.mesh import Mesh
from nfield.io.atomic import replacing
from nfield.io.files import check_suffix, read_content
from nfield.io.geometry import glb, obj, off, ply, stl
from nfield.io.geometry.geometry import Geometry
from nfield.io.geometry.ply_writer import write_ply_mesh

READERS: dict[str, Callable[[Path], Geometry]] = {
    **ply.READERS,
    **obj.READERS,
    **stl.READERS,
    **glb.READERS,
    **off.READERS,
}
WRITERS: dict[str, Callable[[Path, Mesh], None]] = {
    ".ply": write_ply_mesh,
    **obj.WRITERS,
    **glb.WRITERS,
    **stl.WRITERS,
    **off.WRITERS,
}


def load_mesh(path: str | os.PathLike[str]) -> Mesh:
    """A PLY, OBJ, STL, GLB, glTF or OFF file as a `Mesh`, in the file's units and axes.

    Polygons are cut into triangles, corners of STL files at one place are merged, and the meshes of a glTF scene are
    joined as its nodes place them. Raises UserError where the file is missing, damaged, of an unknown kind, or has no
    faces, or vertices that are not finite.
    """
    file = Path(path)
    return mesh_of(read_content(file, READERS, "mesh"), file)


def save_mesh(path: str | os.PathLike[str], mesh: Mesh) -> None:
    """Write a mesh, atomically, as its extension says: .ply (binary), .obj, .glb, .stl or .off.

    STL keeps neither normals nor colours. Raises UserError where the extension is another, or the place cannot be
    written; `check_mesh_path` tells so before any compute.
    """
    writer = WRITERS[check_mesh_path(path)]
    with replacing(Path(path)) as temporary:
        writer(temporary, mesh)


def check_mesh_path(path: str | os.PathLike[str]) -> str:
    """The extension of a mesh file to be written. Raises UserError where it, or the folder, is not right."""
    return check_target(Path(path), WRITERS, "mesh file to write")


def check_target(path: Path, suffixes: Iterable[str], what: str) -> str:
    """The extension of `path` in lower case. Raises UserError where it is not among `suffixes`, or no folder."""
    suffix = check_suffix(path, suffixes, what)
    if path.is_dir():
        raise UserError(f"Cannot write '{path}': it is a folder. Give the path of one file in it.")
    if not path.parent.is_dir():
        raise UserError(f"Cannot write '{path}': there is no folder '{path.parent}'. Make it, or choose another.")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"Cannot write '{path}': permission is missing for its folder. Choose another place.")
    return suffix


def mesh_of(geometry: Geometry, path: Path) -> Mesh:
    """The mesh of a file's content. Raises UserError where it has no faces, or vertices that are not finite."""
    if geometry.faces is None or not len(geometry.faces):
        raise UserError(
            f"'{path}' holds {len(geometry.points):,} points but no faces. Give a mesh, or use it as a cloud."
        )
    strange = int((~np.isfinite(geometry.points).all(1)).sum())
    if strange:
        raise UserError(f"'{path}' has {strange:,} vertices with NaN or infinite coordinates. Export the mesh again.")
    return Mesh(
        vertices=geometry.points,
        faces=geometry.faces,
        normals=None if geometry.normals is None else unit_normals(geometry.normals)[0],
        colours=None if geometry.colours is None else eight_bit_colours(geometry.colours, str(path)),
        source=str(path),
    )
