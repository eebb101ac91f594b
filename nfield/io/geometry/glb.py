"""GLB and glTF files, by trimesh."""

from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.mesh import Mesh
from nfield.io.files import damaged
from nfield.io.geometry.geometry import Geometry, float32_suffices
from nfield.io.images.decoded import DECODING_ERRORS

OFFSET_TOLERANCE = 1e-7
"""Rounding to single precision, relative to the extent, above which the mesh's middle becomes a translation."""


def read_glb(path: Path) -> Geometry:
    """All meshes and points of a GLB or glTF file together, each moved as its node says; axes stay as they are.

    Raises UserError where the file is damaged, names missing files, or holds neither meshes nor points.
    """
    import trimesh

    try:
        with np.errstate(all="ignore"):
            scene: Any = trimesh.load(path, file_type=path.suffix[1:].lower(), process=False, skip_materials=True)
            parts = [_part(scene.geometry[name], matrix) for matrix, name in _placed(scene)]
    except (*DECODING_ERRORS, AssertionError, NameError) as error:
        raise damaged(path, f"it is no glTF file, or truncated or damaged ({error!r})") from None
    if not parts:
        raise damaged(path, "it holds neither meshes nor points")
    return _joined(parts)


def write_glb(path: Path, mesh: Mesh) -> None:
    """Write a mesh with its normals and colours; axes stay as they are.

    The format is single precision: the middle of a mesh that would suffer becomes the translation of its node.
    """
    import trimesh

    middle = np.zeros(3)
    if not float32_suffices(mesh.vertices, OFFSET_TOLERANCE):
        middle = (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    content = trimesh.Trimesh(
        mesh.vertices - middle,
        mesh.faces,
        vertex_normals=mesh.normals,
        vertex_colors=mesh.colours,
        process=False,
        validate=False,
    )
    scene = trimesh.Scene()
    scene.add_geometry(content, transform=trimesh.transformations.translation_matrix(middle))
    path.write_bytes(scene.export(file_type="glb", include_normals=mesh.normals is not None))


def _placed(scene: Any) -> list[tuple[np.ndarray, str]]:
    """Matrix and geometry of each node that holds one."""
    return [scene.graph[node] for node in scene.graph.nodes_geometry]


def _part(content: Any, matrix: np.ndarray) -> Geometry:
    """Vertices and faces of one node, in the scene's coordinates."""
    points = np.asarray(content.vertices, np.float64).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = getattr(content, "faces", None)
    if faces is None:
        colours = getattr(content, "colors", None)
        return Geometry(points=points, colours=_three(colours, len(points)))
    faces = np.asarray(faces, np.int64).reshape(-1, 3)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    # Asked for directly, trimesh would compute the normals that the file lacks.
    normals = np.asarray(content.vertex_normals, np.float64) if "vertex_normals" in content._cache else None
    if normals is not None:
        # Cofactors and not the inverse, which a flattening matrix lacks.
        a, b, c = matrix[:3, :3]
        cofactors = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)])
        normals = normals @ cofactors.T * np.sign(np.linalg.det(matrix[:3, :3]) or 1)
    colours = content.visual.vertex_colors if content.visual.kind == "vertex" else None
    return Geometry(points=points, normals=normals, colours=_three(colours, len(points)), faces=faces)


def _three(colours: Any, count: int) -> np.ndarray | None:
    if colours is None or np.shape(colours)[:1] != (count,) or np.ndim(colours) != 2:
        return None
    return np.asarray(colours)[:, :3]


def _joined(parts: list[Geometry]) -> Geometry:
    """One geometry of all parts; normals and colours only where all have them."""
    before = np.cumsum([0] + [len(part.points) for part in parts])
    faces = [part.faces + start for part, start in zip(parts, before, strict=False) if part.faces is not None]
    normals = [part.normals for part in parts if part.normals is not None]
    colours = [part.colours for part in parts if part.colours is not None]
    return Geometry(
        points=np.concatenate([part.points for part in parts]),
        normals=np.concatenate(normals) if len(normals) == len(parts) else None,
        colours=np.concatenate(colours) if len(colours) == len(parts) else None,
        faces=np.concatenate(faces) if faces else None,
    )


READERS = {".glb": read_glb, ".gltf": read_glb}
WRITERS = {".glb": write_glb}
