"""A point cloud in the units and axes of its file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int, Shaped, UInt8, UInt64

from nfield.core.blocks import blocks
from nfield.core.checks import UserError

HASH_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
"""Odd numbers without a pattern, one for each axis."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PointCloud:
    """Points with what is known of each. Make one with `PointCloud.from_arrays`, or read one with `load_cloud`."""

    points: Float64[np.ndarray, "n 3"]
    """Positions in input units; double precision, as surveyed coordinates may lie 1e7 units from the origin."""
    normals: Float32[np.ndarray, "n 3"] | None = None
    """Unit normals, or None. A zero row is a point whose normal is not known."""
    colours: UInt8[np.ndarray, "n 3"] | None = None
    """Red, green and blue, or None."""
    notes: tuple[str, ...] = ()
    """What the user should be told about how the cloud was read."""
    source: str = "array"
    """Where the points come from: a path, or a name."""

    @classmethod
    def from_arrays(
        cls,
        points: Shaped[np.ndarray, "n d"],
        normals: Shaped[np.ndarray, "n e"] | None = None,
        colours: Shaped[np.ndarray, "n f"] | None = None,
        *,
        notes: Sequence[str] = (),
        source: str = "array",
    ) -> "PointCloud":
        """A cloud of arrays; rows that are not finite and repeated points are dropped, and `notes` says how many.

        Normals are made unit vectors; those of length zero or not finite become zero, which means unknown.
        Colours are 8-bit numbers, or floats in [0, 1]. Raises UserError on other shapes and where no point is left.
        """
        told = list(notes)
        points = _three_columns(points, len(points), "points", source).astype(np.float64)
        normals = None if normals is None else _three_columns(normals, len(points), "normals", source)
        colours = None if colours is None else _three_columns(colours, len(points), "colours", source)
        kept = np.isfinite(points).all(1)
        if not kept.all():
            told.append(f"{len(points) - int(kept.sum()):,} points with NaN or infinite coordinates were dropped")
        kept = np.flatnonzero(kept)
        unique = first_of_each(points[kept])
        if len(unique) < len(kept):
            told.append(f"{len(kept) - len(unique):,} repeated points were dropped")
        kept = kept[unique]
        if not len(kept):
            raise UserError(f"'{source}' holds no points with finite coordinates. Give a cloud with points.")
        if normals is not None:
            normals, unknown = unit_normals(normals[kept])
            if unknown:
                told.append(f"{unknown:,} normals of length zero or with NaN were taken as unknown")
        return cls(
            points=points[kept],
            normals=normals,
            # Of the rows that are kept: a point without coordinates often has no colour either.
            colours=None if colours is None else eight_bit_colours(colours[kept], source),
            notes=tuple(told),
            source=source,
        )

    @property
    def count(self) -> int:
        """Number of points."""
        return len(self.points)

    def take(self, rows: Int[np.ndarray, " m"], *notes: str) -> "PointCloud":
        """The cloud of the given rows, with further notes."""
        return replace(
            self,
            points=self.points[rows],
            normals=None if self.normals is None else self.normals[rows],
            colours=None if self.colours is None else self.colours[rows],
            notes=(*self.notes, *notes),
        )


def first_of_each(points: Float64[np.ndarray, "n 3"]) -> Int[np.ndarray, " m"]:
    """Rows of the first of each set of equal points, in order."""
    # Equal points have equal hashes; sorting these alone is ten times faster than sorting points, most of which differ.
    hashes = np.zeros(len(points), np.uint64)
    for rows in blocks(len(points)):
        hashes[rows] = _hashed(points[rows])
    ordered = np.sort(hashes)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(shared):
        return np.arange(len(points))
    place = np.minimum(np.searchsorted(shared, hashes), len(shared) - 1)
    doubtful = shared[place] == hashes
    among = np.flatnonzero(doubtful)
    # +0.0 makes one zero of both; equal bytes are then equal points.
    bytes_of = np.ascontiguousarray(points[among] + 0.0).view(np.dtype((np.void, 24))).ravel()
    doubtful[among[np.unique(bytes_of, return_index=True)[1]]] = False
    return np.flatnonzero(~doubtful)


def _hashed(points: Float64[np.ndarray, "n 3"]) -> UInt64[np.ndarray, " n"]:
    """A number for each point, the same for equal ones."""
    # +0.0 makes one zero of both.
    bits = np.ascontiguousarray(points + 0.0).view(np.uint64)
    # Numbers of few digits have zeros for low bits, and so would their products, which wrap around.
    bits = (bits ^ (bits >> np.uint64(32))) * HASH_FACTORS
    return bits[:, 0] ^ bits[:, 1] ^ bits[:, 2]


def eight_bit_colours(colours: Shaped[np.ndarray, "n 3"], source: str) -> UInt8[np.ndarray, "n 3"]:
    """Colours as 8-bit numbers, from such or from floats in [0, 1]. Raises UserError where they are neither."""
    if colours.dtype == np.uint8:
        return colours
    top = 1 if colours.dtype.kind == "f" and not (colours > 1).any() else 255
    if not ((colours >= 0) & (colours <= top)).all():
        raise UserError(f"The colours of '{source}' lie outside [0, 1] and [0, 255]. Give 8-bit colours, or none.")
    return np.round(colours * (255 / top)).astype(np.uint8)


def unit_normals(normals: Shaped[np.ndarray, "n 3"]) -> tuple[Float32[np.ndarray, "n 3"], int]:
    """Normals of length one, zero where they have no length or are not finite, and how many are zero."""
    unit, unknown = np.zeros((len(normals), 3), np.float32), 0
    for rows in blocks(len(normals)):
        part = normals[rows].astype(np.float64)
        with np.errstate(over="ignore"):
            length = np.linalg.norm(part, axis=1, keepdims=True)
        known = np.isfinite(length) & (length > 1e-12)
        unit[rows] = np.where(known, part / np.where(known, length, 1), 0)
        unknown += len(part) - int(known.sum())
    return unit, unknown


def _three_columns(array: Any, rows: int, what: str, source: str) -> np.ndarray:
    array = np.asarray(array)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "fiu":
        raise UserError(
            f"The {what} of '{source}' have shape {array.shape} and type {array.dtype}, "
            "but must be numbers of shape (n, 3), one row a point."
        )
    if len(array) != rows:
        raise UserError(f"'{source}' has {rows:,} points but {len(array):,} {what}. Give one for each point.")
    return array
