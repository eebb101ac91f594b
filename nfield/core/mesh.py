"""A triangle mesh in the units and axes of the data it came from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

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

    @cached_property
    def corners(self) -> Float64[np.ndarray, "f 3 3"]:
        """Positions of each face's corners."""
        return self.vertices[self.faces]

    @cached_property
    def face_vectors(self) -> Float64[np.ndarray, "f 3"]:
        """Outward vectors, each as long as its face's area."""
        a, b, c = self.corners.transpose(1, 0, 2)
        return np.cross(b - a, c - a) / 2

    @property
    def area(self) -> float:
        """Sum of the faces' areas, in squared input units."""
        return float(np.linalg.norm(self.face_vectors, axis=1).sum())

    @property
    def volume(self) -> float:
        """Enclosed volume, in cubed input units; only a closed mesh has one."""
        # Relative to the middle, so that a mesh far from the origin loses no digits.
        middle = self.vertices.mean(0) if len(self.vertices) else np.zeros(3)
        return float(((self.corners.mean(1) - middle) * self.face_vectors).sum() / 3)

    @property
    def diagonal(self) -> float:
        """Length of the bounding box's diagonal, in input units."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0))) if len(self.vertices) else 0.0
