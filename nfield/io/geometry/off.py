"""OFF files, with the normals (NOFF) and colours (COFF) of their vertices.

Read here and not by trimesh, which drops normals and colours, and like open3d takes truncated files for whole ones.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from nfield.core.mesh import Mesh
from nfield.io.files import damaged, shown
from nfield.io.geometry.geometry import Geometry, fans
from nfield.io.geometry.number_lines import ENCODING, read_rows, written_rows

HEADER = re.compile(r"(ST)?(C?)(N?)OFF\b|(C?)(N?)OFF(?=\d)")


def read_off(path: Path) -> Geometry:
    """Vertices and faces of an OFF file; polygons are cut into triangles.

    Raises UserError where the file is no OFF file, is truncated, or a line is not understood.
    """
    with open(path, encoding=ENCODING) as file:
        lines = [line for line in (line.split("#")[0].strip() for line in file) if line]
    header = HEADER.match(lines[0]) if lines else None
    if header is None or "BINARY" in lines[0]:
        start = shown(lines[0] if lines else "")
        raise damaged(path, f"it is no OFF file in text, for it starts with {start} and not with 'OFF'")
    # Some files write the counts on the first line.
    rest = lines[0][header.end() :].strip()
    lines = [rest, *lines[1:]] if rest else lines[1:]
    try:
        vertices, faces = (int(word) for word in lines[0].split()[:2])
        if vertices < 0 or faces < 0:
            raise ValueError
    except (ValueError, IndexError):
        raise damaged(path, "its second line does not give the counts of vertices and faces") from None
    if len(lines) - 1 < vertices + faces:
        reason = f"it announces {vertices:,} vertices and {faces:,} faces, but holds {len(lines) - 1:,} lines of them"
        raise damaged(path, f"{reason}: it is truncated")
    coloured, directed = "C" in header[0], "N" in header[0]
    try:
        table = read_rows(lines[1 : vertices + 1]) if vertices else np.zeros((0, 9))
        if table.shape[1] < 3 + 3 * directed + 3 * coloured:
            raise ValueError(
                f"its vertices have {table.shape[1]} numbers, too few for a file of the kind '{header[0]}'"
            )
        corners = _corners(lines[vertices + 1 : vertices + 1 + faces])
    except (ValueError, OverflowError) as error:
        raise damaged(path, error) from None
    # Colours come last, with opacity behind them or not. Some programs write them without the C in the header.
    place = 3 + 3 * directed
    colours = table[:, place : place + 3] if coloured or table.shape[1] - place in (3, 4) else None
    if colours is not None and colours.size and colours.max() > 1 and (colours == np.round(colours)).all():
        in_range = colours.min() >= 0 and colours.max() <= 255
        colours = colours.astype(np.uint8) if in_range else colours
    normals = table[:, 3:6] if directed else None
    return Geometry(points=table[:, :3], normals=normals, colours=colours, faces=fans(*corners) if faces else None)


def write_off(path: Path, mesh: Mesh) -> None:
    """Write a mesh with all digits of its vertices, as NOFF with normals and COFF with colours (0 to 255)."""
    blocks: list[np.ndarray] = [mesh.vertices]
    if mesh.normals is not None:
        blocks.append(mesh.normals)
    if mesh.colours is not None:
        blocks += [mesh.colours, np.full((len(mesh.colours), 1), 255)]
    with open(path, "w", encoding="ascii", newline="\n") as file:
        kind = f"{'C' * (mesh.colours is not None)}{'N' * (mesh.normals is not None)}OFF"
        file.write(f"{kind}\n{len(mesh.vertices)} {len(mesh.faces)} 0\n")
        file.writelines(written_rows(*blocks))
        file.writelines(written_rows(mesh.faces, prefix="3 "))


def _corners(lines: list[str]) -> tuple[Int64[np.ndarray, " f"], Int64[np.ndarray, " corners"]]:
    """How many corners each face has, and the corners of all in turn."""
    counts: list[int] = []
    corners: list[int] = []
    for line in lines:
        words = line.split()
        count = int(words[0])
        if not 0 <= count < len(words):
            raise ValueError(f"a face has fewer corners than it announces: {shown(line)}")
        counts.append(count)
        corners += map(int, words[1 : count + 1])
    return np.array(counts, np.int64), np.array(corners, np.int64)


READERS = {".off": read_off}
WRITERS = {".off": write_off}
