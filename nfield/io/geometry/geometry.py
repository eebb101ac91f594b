"""What a reader of one file format of points or triangles hands over, and what all of them need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Integer, Shaped

from nfield.core.blocks import blocks

POINT_NAMES = (("x", "y", "z"),)
NORMAL_NAMES = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"), ("normalx", "normaly", "normalz"))
COLOUR_NAMES = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
ALL_COLOUR_NAMES = frozenset(name for names in COLOUR_NAMES for name in names)
UNIT_TOLERANCE = 0.05
"""How far from one the length of a normal may lie, as files give few digits."""
NEITHER = "neither unit normals nor colours from 0 to 255"


@dataclass(frozen=True, kw_only=True, eq=False)
class Geometry:
    """Content of one file as it stands there: nothing is dropped, merged (but in STL) or normalised yet."""

    points: Float64[np.ndarray, "n 3"]
    """Positions in the file's units and axes."""
    normals: Shaped[np.ndarray, "n 3"] | None = None
    """Normals of the points in the file's type, or None."""
    colours: Shaped[np.ndarray, "n 3"] | None = None
    """8-bit colours or floats in [0, 1], or None."""
    faces: Int64[np.ndarray, "f 3"] | None = None
    """Triangles as rows of `points`, perhaps out of range; None where the file has no faces."""
    notes: tuple[str, ...] = ()
    """What the user should be told."""


def by_name(columns: Mapping[str, np.ndarray]) -> Geometry | None:
    """Points, normals and colours of named columns, each (n,); None where there is no x, y and z."""
    columns = {name.lower(): column for name, column in columns.items()}

    def triple(choices: Sequence[Sequence[str]]) -> np.ndarray | None:
        for names in choices:
            if all(name in columns for name in names):
                return np.stack([columns[name] for name in names], axis=1)
        return None

    points = triple(POINT_NAMES)
    if points is None:
        return None
    colours = triple(COLOUR_NAMES)
    # Some bytes of a damaged file are numbers that warn when they are widened.
    with np.errstate(invalid="ignore"):
        points = points.astype(np.float64, copy=False)
    return Geometry(
        points=points,
        normals=triple(NORMAL_NAMES),
        colours=None if colours is None else eight_bits(colours),
    )


def by_value(table: Shaped[np.ndarray, "n columns"], whole: Sequence[bool] = ()) -> Geometry:
    """The geometry of columns without names: xyz, then normals or colours or both, told apart by their values.

    `table` has 3, 6, 7 (xyz, intensity, colours) or 9 columns, and `whole` tells of each whether it was written
    without a decimal point, where that is known. Raises ValueError with the reason where the values fit no meaning.
    """
    points = table[:, :3].astype(np.float64)
    columns = table.shape[1]
    if columns == 3:
        return Geometry(points=points)
    if columns not in (6, 7, 9):
        raise ValueError(f"it has {columns} columns, but 3, 6, 7 or 9 are read")
    first, second = table[:, 3:6], table[:, -3:]
    first_whole, second_whole = (len(part) == 3 and all(part) for part in (whole[3:6], whole[-3:]))
    if columns == 7:
        if not _are_colours(second):
            raise ValueError("columns 5 to 7 must be colours from 0 to 255 (4 is the intensity)")
        return Geometry(points=points, colours=_whole_colours(second, second_whole))
    if columns == 6:
        if not first.any():  # written by programs for normals that they did not have, and no colour either
            return Geometry(points=points)
        if _are_normals(first):
            return Geometry(points=points, normals=first)
        if _are_colours(first):
            return Geometry(points=points, colours=_whole_colours(first, first_whole))
        raise ValueError(f"columns 4 to 6 are {NEITHER}")
    for normals, colours, digits in ((first, second, second_whole), (second, first, first_whole)):
        if _are_normals(normals, none_known=True) and _are_colours(colours):
            return Geometry(points=points, normals=normals, colours=_whole_colours(colours, digits))
    raise ValueError(f"columns 4 to 6 or 7 to 9 are {NEITHER}")


def eight_bits(colours: Shaped[np.ndarray, "n 3"]) -> Shaped[np.ndarray, "n 3"]:
    """Colours of wider integers as 8-bit numbers; others as they are."""
    if colours.dtype.kind not in "iu" or colours.dtype == np.uint8 or not len(colours):
        return colours
    if colours.dtype == np.uint16 and colours.max() > 255:
        return np.round(colours / 257).astype(np.uint8)
    return colours.astype(np.uint8) if 0 <= colours.min() <= colours.max() <= 255 else colours


def fans(
    counts: Integer[np.ndarray, " polygons"], corners: Integer[np.ndarray, " corners"]
) -> Int64[np.ndarray, "f 3"]:
    """Triangles of polygons, each a fan around its first corner; those of fewer than three corners are dropped.

    `corners` holds the vertices of all polygons in turn, `counts` how many each has.
    """
    if (counts == 3).all():
        return corners.astype(np.int64, copy=False).reshape(-1, 3)
    counts = counts.astype(np.int64)
    triangles = np.maximum(counts - 2, 0)
    start = np.repeat(np.cumsum(counts) - counts, triangles)
    step = np.arange(len(start)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    return corners[np.stack([start, start + step + 1, start + step + 2], axis=1)].astype(np.int64).reshape(-1, 3)


def strips(
    counts: Integer[np.ndarray, " strips"], corners: Integer[np.ndarray, " corners"]
) -> Int64[np.ndarray, "f 3"]:
    """Triangles of strips: each three neighbours in turn, every second one turned round; -1 begins another strip.

    `corners` holds the vertices of all strips in turn, `counts` how many each has. Triangles that only lead from one
    place of a strip to another, with a vertex twice, are dropped.
    """
    corners = corners.astype(np.int64, copy=False)
    begins = np.zeros(len(corners) + 1, np.bool_)
    begins[0] = begins[np.cumsum(counts)] = True
    begins[1:] |= corners == -1
    place = np.arange(len(corners))
    first = np.maximum.accumulate(np.where(begins[:-1], place, 0))
    a, b, c = corners[:-2], corners[1:-1], corners[2:]
    odd = (place - first)[:-2] % 2 == 1
    kept = (first[:-2] == first[2:]) & (a != b) & (b != c) & (a != c) & (c != -1)
    return np.stack([np.where(odd, b, a), np.where(odd, a, b), c], axis=1)[kept]


def merged(points: Float64[np.ndarray, "n 3"]) -> tuple[Float64[np.ndarray, "v 3"], Int64[np.ndarray, " n"]]:
    """The distinct points in order of their first appearance, and the row of each point among them."""
    # +0.0 makes one zero of both, so that equal bytes are equal points.
    rows = np.ascontiguousarray(points + 0.0).view(np.dtype((np.void, 24))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.zeros(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return points[first[order]], rank[inverse.ravel()]


def float32_suffices(points: Float64[np.ndarray, "n 3"], tolerance: float) -> bool:
    """Whether rounding to single precision moves no coordinate by more than `tolerance` of the extent."""
    if not len(points):
        return True
    allowed = tolerance * np.linalg.norm(np.ptp(points, axis=0))
    for rows in blocks(len(points)):
        part = points[rows]
        # Within single precision's range; beyond, the cast would overflow, or lose all digits below its least number.
        if np.abs(part).max() > 1e38:
            return False
        with np.errstate(under="ignore"):
            if not np.abs(part - part.astype(np.float32)).max() <= allowed:
                return False
    return True


def _are_normals(triple: np.ndarray, none_known: bool = False) -> bool:
    length = np.linalg.norm(triple.astype(np.float64), axis=1)
    length = length[np.isfinite(length)]
    known = length[length > 1e-12]
    if not len(known):
        return none_known
    return bool((np.abs(known - 1) < UNIT_TOLERANCE).all())


def _are_colours(triple: np.ndarray) -> bool:
    finite = triple[np.isfinite(triple).all(1)]
    return bool(((finite >= 0) & (finite <= 255)).all())


def _whole_colours(triple: np.ndarray, whole: bool) -> np.ndarray:
    """Colours as 8-bit numbers where they are whole ones and not floats in [0, 1]."""
    if triple.dtype.kind in "iu":
        return eight_bits(triple)
    if not np.isfinite(triple).all() or not (triple == np.round(triple)).all():
        return triple
    return triple.astype(np.uint8) if whole or (len(triple) and triple.max() > 1) else triple
