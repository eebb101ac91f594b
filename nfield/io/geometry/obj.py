"""Wavefront OBJ files.

Read here and not by trimesh or open3d: both split vertices along seams of textures and normals, so that a closed mesh
would have holes. trimesh does not where it is asked to keep their order, but drops vertices without faces even then.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from nfield.core.blocks import blocks
from nfield.core.mesh import Mesh
from nfield.io.files import damaged, shown
from nfield.io.geometry.geometry import Geometry, fans
from nfield.io.geometry.number_lines import ENCODING, WRITTEN_ROWS, read_rows, written_rows


def read_obj(path: Path) -> Geometry:
    """Vertices and faces of an OBJ file, all its objects and groups together; polygons are cut into triangles.

    Colours are those after the vertices' coordinates. The normal of a vertex is the mean of its faces' there.
    Raises UserError where the file holds no vertices or a line is not understood.
    """
    lines: dict[str, list[str]] = {"v": [], "vn": [], "f": []}
    vertices_before: list[int] = []
    normals_before: list[int] = []
    with open(path, encoding=ENCODING) as file:
        pending = ""
        for line in file:
            line = pending + line
            if line.endswith("\\\n"):
                pending = line[:-2] + " "
                continue
            pending = ""
            key, _, rest = line.strip().partition(" ")
            if key in lines:
                lines[key].append(rest)
                if key == "f":
                    vertices_before.append(len(lines["v"]))
                    normals_before.append(len(lines["vn"]))
    if not lines["v"]:
        raise damaged(path, "it holds no vertices (lines 'v x y z'): it is no OBJ file, or truncated")
    vertices = _numbers(path, lines["v"], "v", (3, 4, 6, 7))
    colours = vertices[:, -3:] if vertices.shape[1] >= 6 else None
    vertices = vertices[:, :3]
    normals = _numbers(path, lines["vn"], "vn", (3,)) if lines["vn"] else None
    if not lines["f"]:
        # Clouds are written so, a normal for each vertex.
        normals = normals if normals is not None and len(normals) == len(vertices) else None
        return Geometry(points=vertices, normals=normals, colours=colours)
    try:
        counts, corners = _corners(lines["f"])
    except (ValueError, OverflowError) as error:
        raise damaged(path, error) from None
    indices = _rows(corners[:, 0], np.repeat(vertices_before, counts))
    if normals is not None:
        normals = _vertex_normals(
            len(vertices), indices, normals, _rows(corners[:, 2], np.repeat(normals_before, counts))
        )
    return Geometry(points=vertices, normals=normals, colours=colours, faces=fans(counts, indices))


def write_obj(path: Path, mesh: Mesh) -> None:
    """Write a mesh with all digits of its vertices; colours stand after the coordinates, from 0 to 1."""
    vertices = [mesh.vertices] if mesh.colours is None else [mesh.vertices, mesh.colours / 255]
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.writelines(written_rows(*vertices, prefix="v "))
        if mesh.normals is not None:
            file.writelines(written_rows(mesh.normals, prefix="vn "))
        for rows in blocks(len(mesh.faces), WRITTEN_ROWS):
            faces = mesh.faces[rows] + 1
            if mesh.normals is None:
                file.writelines(written_rows(faces, prefix="f "))
            else:
                file.writelines(f"f {a}//{a} {b}//{b} {c}//{c}\n" for a, b, c in faces.tolist())


def _numbers(path: Path, lines: list[str], key: str, columns: tuple[int, ...]) -> Float64[np.ndarray, "n columns"]:
    try:
        table = read_rows(lines, comments="#")
    except ValueError:
        first = len(lines[0].split())
        wrong = next((line for line in lines if len(line.split()) != first or not _are_numbers(line)), lines[0])
        raise damaged(path, f"a line '{key}' is not like those before: {shown(wrong)}") from None
    if len(table) != len(lines) or table.shape[1] not in columns:
        raise damaged(path, f"a line '{key}' holds no {columns[0]} numbers: {shown(lines[0])}")
    return table


def _are_numbers(line: str) -> bool:
    try:
        return bool([float(word) for word in line.split()])
    except ValueError:
        return False


def _corners(lines: list[str]) -> tuple[Int64[np.ndarray, " f"], Int64[np.ndarray, "corners 3"]]:
    """Corners of each face, and of each corner the vertex, texture and normal as written; 0 where none is."""
    slashes = {(line.count("/"), line.count("//")) for line in lines}
    columns = {len(line.split()) for line in lines}
    if len(slashes) == len(columns) == 1 and "#" not in lines[0]:
        # All faces are written alike, which is the rule: one table holds them.
        single, double = slashes.pop()
        count = columns.pop()
        table = read_rows([line.replace("/", " ") for line in lines])
        each = table.shape[1] // max(count, 1)
        if table.shape[1] == each * count and single in (0, count, 2 * count) and double in (0, count):
            parts = {1: [0], 2: [0, 2] if double else [0, 1], 3: [0, 1, 2]}.get(each)
            if parts is not None and ((np.abs(table) < 2**53) & (table == np.round(table))).all():
                corners = np.zeros((len(lines) * count, 3), np.int64)
                corners[:, parts] = table.reshape(-1, each)
                return np.full(len(lines), count, np.int64), corners
    counts, rows = [], []
    for line in lines:
        words = line.split("#")[0].split()
        counts.append(len(words))
        for word in words:
            parts = [int(part) if part else 0 for part in word.split("/")]
            if not 1 <= len(parts) <= 3 or not all(-(2**62) < part < 2**62 for part in parts):
                raise ValueError(f"a line 'f' is not understood: {shown(line)}")
            rows.append(parts + [0] * (3 - len(parts)))
    return np.array(counts, np.int64), np.array(rows, np.int64).reshape(-1, 3)


def _rows(written: Int64[np.ndarray, " n"], before: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Rows from zero of numbers that count from one, or back from the line where they stand; -1 where none is."""
    return np.where(written < 0, np.maximum(before + written, -1), written - 1)


def _vertex_normals(
    count: int, vertices: Int64[np.ndarray, " n"], normals: Float64[np.ndarray, "m 3"], rows: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, "v 3"] | None:
    """Sum of the normals at the corners of each vertex; None where the faces name none."""
    known = (rows >= 0) & (rows < len(normals)) & (vertices >= 0) & (vertices < count)
    if not known.any():
        return None
    # A vertex whose corners share one normal keeps its digits: each pair counts once.
    pairs = np.unique(np.stack([vertices[known], rows[known]], axis=1), axis=0)
    sums = np.zeros((count, 3))
    np.add.at(sums, pairs[:, 0], normals[pairs[:, 1]])
    return sums


READERS = {".obj": read_obj}
WRITERS = {".obj": write_obj}
