"""A triangle mesh in the units and axes of the data it came from."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8

from nfield.core.blocks import blocks
from nfield.core.checks import UserError


@dataclass(frozen=True, kw_only=True, eq=False)
class Mesh:
    """Triangles whose vertices turn counter-clockwise seen from outside."""

    vertices: Float64[np.ndarray, "v 3"]
    """Positions in input units."""
    faces: Int64[np.ndarray, "f 3"]
    """Rows of `vertices`."""
    normals: Float32[np.ndarray, "v 3"] | None = None
    """Unit normals of the vertices, or None."""
    colours: UInt8[np.ndarray, "v 3"] | None = None
    """Red, green and blue of the vertices, or None."""
    source: str = "mesh"
    """Where it comes from: a path, or a name."""

    def __post_init__(self) -> None:
        if len(self.faces) and not 0 <= self.faces.min() <= self.faces.max() < len(self.vertices):
            raise UserError(f"The faces of '{self.source}' name vertices that do not exist. Export the mesh again.")

    @property
    def corners(self) -> Float64[np.ndarray, "f 3 3"]:
        """Positions of each face's corners: 72 bytes a face, made anew each time. Large meshes go by `blocks`."""
        return self.vertices[self.faces]

    def blocks(self) -> Iterator[slice]:
        """Rows of `faces` in turn: the corners of ten million at once would take most of a gigabyte."""
        return blocks(len(self.faces))

    @property
    def used(self) -> Bool[np.ndarray, " v"]:
        """Which vertices belong to a face."""
        used = np.zeros(len(self.vertices), bool)
        used[self.faces] = True
        return used

    @property
    def face_areas(self) -> Float64[np.ndarray, " f"]:
        """Area of each face, in squared input units."""
        areas = np.zeros(len(self.faces))
        for rows in self.blocks():
            areas[rows] = np.linalg.norm(face_vectors(self.vertices[self.faces[rows]]), axis=1)
        return areas

    @property
    def face_volumes(self) -> Float64[np.ndarray, " f"]:
        """Signed volume between each face and the mean of all vertices, in cubed input units."""
        # Relative to the middle, so that a mesh far from the origin loses no digits.
        middle = self.vertices.mean(0) if len(self.vertices) else np.zeros(3)
        volumes = np.zeros(len(self.faces))
        for rows in self.blocks():
            corners = self.vertices[self.faces[rows]]
            volumes[rows] = ((corners.mean(1) - middle) * face_vectors(corners)).sum(1) / 3
        return volumes

    @property
    def area(self) -> float:
        """Sum of the faces' areas, in squared input units."""
        return float(self.face_areas.sum())

    @property
    def volume(self) -> float:
        """Enclosed volume, in cubed input units; only a closed mesh has one."""
        return float(self.face_volumes.sum())

    @property
    def diagonal(self) -> float:
        """Length of the bounding box's diagonal, in input units."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0))) if len(self.vertices) else 0.0


def face_vectors(corners: Float64[np.ndarray, "f 3 3"]) -> Float64[np.ndarray, "f 3"]:
    """Outward vectors of faces, each as long as its face's area."""
    a, b, c = corners.transpose(1, 0, 2)
    return np.cross(b - a, c - a) / 2
