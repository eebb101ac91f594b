"""Meshes and clouds as binary little-endian PLY files."""

from pathlib import Path

import numpy as np

from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.io.geometry import float32_suffices

MESH_TOLERANCE = 1e-7
"""Rounding of a mesh's vertices, relative to its extent, above which they are written in double precision."""


def write_ply_mesh(path: Path, mesh: Mesh) -> None:
    """Write a mesh as binary PLY; in double precision where single would move a vertex by 1e-7 of the extent."""
    precision = "f4" if float32_suffices(mesh.vertices, MESH_TOLERANCE) else "f8"
    faces = np.zeros(len(mesh.faces), [("count", "u1"), ("corners", "<i4", (3,))])
    faces["count"], faces["corners"] = 3, mesh.faces
    lines = [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    _write(path, _vertex_rows(mesh.vertices, mesh.normals, mesh.colours, precision), lines, faces)


def write_ply_cloud(path: Path, cloud: PointCloud) -> None:
    """Write a cloud as binary PLY; in double precision unless single holds its positions exactly."""
    precision = "f4" if float32_suffices(cloud.points, 0) else "f8"
    _write(path, _vertex_rows(cloud.points, cloud.normals, cloud.colours, precision), [], None)


def _vertex_rows(
    points: np.ndarray, normals: np.ndarray | None, colours: np.ndarray | None, precision: str
) -> np.ndarray:
    fields: list[tuple[str, str]] = [(name, f"<{precision}") for name in "xyz"]
    columns = [*points.T]
    if normals is not None:
        fields += [(name, "<f4") for name in ("nx", "ny", "nz")]
        columns += [*normals.T]
    if colours is not None:
        fields += [(name, "u1") for name in ("red", "green", "blue")]
        columns += [*colours.T]
    rows = np.zeros(len(points), fields)
    for (name, _), column in zip(fields, columns, strict=True):
        rows[name] = column
    return rows


def _write(path: Path, vertices: np.ndarray, face_lines: list[str], faces: np.ndarray | None) -> None:
    types = {"<f4": "float", "<f8": "double", "|u1": "uchar"}
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}"]
    for name in vertices.dtype.names or ():
        lines.append(f"property {types[vertices.dtype[name].str]} {name}")
    with open(path, "wb") as file:
        file.write(("\n".join([*lines, *face_lines, "end_header"]) + "\n").encode("ascii"))
        vertices.tofile(file)
        if faces is not None:
            faces.tofile(file)
