"""STL files, ASCII and binary.

Read here and not by trimesh or open3d, which take a truncated file for an empty scene or mesh.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64

from nfield.core.mesh import Mesh, face_vectors
from nfield.io.files import damaged, shown
from nfield.io.geometry.geometry import Geometry, float32_suffices, merged
from nfield.io.geometry.number_lines import ENCODING, read_rows

HEADER_BYTES = 80
FACE = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
TEXT_TOLERANCE = 1e-5
"""Rounding to single precision, relative to the extent, above which a mesh is written as text with all digits."""


def read_stl(path: Path) -> Geometry:
    """Triangles of an STL file, corners at equal positions merged into one vertex. It keeps no normals.

    Raises UserError where the file is no STL file, or truncated.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(HEADER_BYTES)
        count = int.from_bytes(file.read(4), "little")
        expected = HEADER_BYTES + 4 + count * FACE.itemsize
        # Binary files may start with "solid" too; then their length tells.
        text = start.lstrip().lower().startswith(b"solid") and size != expected
        if not text:
            if size < HEADER_BYTES + 4 or size < expected:
                reason = f"it starts with {shown(start[:16])} and has {size:,} bytes, where a binary STL file has"
                raise damaged(path, f"it is truncated or no STL file, for {reason} {max(expected, 84):,}")
            # Some bytes of a damaged file are numbers that warn when they are widened.
            with np.errstate(invalid="ignore"):
                corners = np.fromfile(file, FACE, count)["corners"].reshape(-1, 3).astype(np.float64)
    if text:
        corners = _read_text(path)
    vertices, rows = merged(corners)
    return Geometry(points=vertices, faces=rows.reshape(-1, 3))


def write_stl(path: Path, mesh: Mesh) -> None:
    """Write the triangles of a mesh, without normals and colours of its vertices.

    Binary STL is single precision: a mesh that would lose its shape by that, as it lies far from the origin, is
    written as ASCII STL with all digits.
    """
    if float32_suffices(mesh.vertices, TEXT_TOLERANCE):
        with open(path, "wb") as binary:
            binary.write(b"nfield".ljust(HEADER_BYTES) + len(mesh.faces).to_bytes(4, "little"))
            for rows in mesh.blocks():
                faces = np.zeros(rows.stop - rows.start, FACE)
                faces["normal"], faces["corners"] = _normals_and_corners(mesh, rows)
                faces.tofile(binary)
        return
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write("solid nfield\n")
        for rows in mesh.blocks():
            for normal, corners in zip(*_normals_and_corners(mesh, rows), strict=True):
                file.write(f"facet normal {_words(normal)}\nouter loop\n")
                file.writelines(f"vertex {_words(corner)}\n" for corner in corners)
                file.write("endloop\nendfacet\n")
        file.write("endsolid nfield\n")


def _normals_and_corners(mesh: Mesh, rows: slice) -> tuple[Float64[np.ndarray, "f 3"], Float64[np.ndarray, "f 3 3"]]:
    corners = mesh.vertices[mesh.faces[rows]]
    vectors = face_vectors(corners)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 0, vectors / np.where(length > 0, length, 1), 0), corners


def _words(numbers: np.ndarray) -> str:
    return " ".join(map(repr, numbers.tolist()))


def _read_text(path: Path) -> np.ndarray:
    """Corners of an ASCII file, three for each triangle."""
    last, lines = "", []
    with open(path, encoding=ENCODING) as file:
        for line in file:
            line = line.strip().lower()
            last = line or last
            if line.startswith("vertex"):
                lines.append(line.removeprefix("vertex"))
    if not last.startswith(("endsolid", "end solid")):
        raise damaged(path, "it is truncated, for it does not end with 'endsolid'")
    try:
        corners = read_rows(lines)
    except ValueError as error:
        raise damaged(path, f"a line 'vertex' is not understood ({error})") from None
    if (len(corners) and corners.shape[1] != 3) or len(corners) % 3 or len(corners) != len(lines):
        raise damaged(path, "its lines 'vertex' are not three for each triangle, each with x, y and z")
    return corners.reshape(-1, 3)


READERS = {".stl": read_stl}
WRITERS = {".stl": write_stl}
