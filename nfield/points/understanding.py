"""What a cloud is like, estimated from its points alone: spacing, density, outliers, edges of its surface."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64

from nfield.core.blocks import blocks
from nfield.points.neighbours import Neighbourhoods

NEAR = 8
"""Neighbours whose distance shows an outlier."""
FAR = 4.0
"""A point this many times as far from its neighbours as they are from theirs is an outlier."""
MOST_OUTLIERS = 0.2
"""If more seem to be outliers, the density is that uneven, and none is dropped."""
EDGE_NEIGHBOURS = 24
EDGE_OFFSET = 0.35
"""At a straight edge the neighbours' mean lies 4/(3π) = 0.42 of their reach to one side; inside a surface hardly."""
OPEN_SHARE = 0.02
"""Of points at an edge, from which on a surface counts as open."""


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """Facts about a cloud, lengths in its own units."""

    spacing: float
    """Typical distance between neighbours on the surface."""
    density_variation: float
    """Spacing that nine points in ten stay below, over the one that one in ten stays below: 1.5 to 2 if even."""
    edge_share: float
    """Share of points that seem to lie at an edge of the surface."""

    @property
    def closed(self) -> bool:
        """Whether the surface seems to have no edge."""
        return self.edge_share < OPEN_SHARE


def understand(around: Neighbourhoods) -> Understanding:
    """Estimate these from every point's neighbourhood; O(n log n)."""
    spacings = np.sqrt(around.areas())
    low, high = np.quantile(spacings, [0.1, 0.9])
    return Understanding(
        spacing=around.spacing(),
        density_variation=float(high / max(low, 1e-300)),
        edge_share=float(_at_edge(around).mean()),
    )


def outliers(around: Neighbourhoods) -> Bool[np.ndarray, " n"]:
    """Points far from all others, compared with how their neighbours lie; none where too many seem to be outliers."""
    k = min(NEAR, len(around.points) - 1)
    reach = around.distances(k)
    usual = np.median(reach[around.nearest(k + 1)[:, 1:]], axis=1)
    far = reach > FAR * np.maximum(usual, 1e-300)
    return far if far.mean() <= MOST_OUTLIERS else np.zeros(len(far), bool)


def _at_edge(around: Neighbourhoods) -> Bool[np.ndarray, " n"]:
    k = min(EDGE_NEIGHBOURS, len(around.points) - 1)
    found = []
    for start in range(0, len(around.points), 2**15):
        block = around.points[start : start + 2**15]
        distance, rows = around.tree.query(block, k + 1, workers=-1)
        mean = around.points[rows[:, 1:]].mean(1) - block
        found.append(np.linalg.norm(mean, axis=1) > EDGE_OFFSET * distance[:, -1])
    return np.concatenate(found)


def thinning(points: Float64[np.ndarray, "n 3"], most: int) -> Int[np.ndarray, " m"] | None:
    """Rows of at most `most` points, the first of each cell of a cubic grid as fine as that allows; None if few."""
    if len(points) <= most:
        return None
    low = points.min(0)
    extent = float((points.max(0) - low).max())
    cells = 2048
    while True:
        keys = _cell_keys(points, low, cells, extent)
        # Sorting numbers alone is several times faster than finding where each of them came from.
        count = 1 + int(np.count_nonzero(np.diff(np.sort(keys))))
        if count <= most:
            return np.sort(np.unique(keys, return_index=True)[1])
        # Points of a surface fall by the square of the cells' edge.
        cells = max(1, int(cells * min(0.95, (most / count) ** 0.5)))


def _cell_keys(
    points: Float64[np.ndarray, "n 3"], low: Float64[np.ndarray, "3"], cells: int, extent: float
) -> Int64[np.ndarray, " n"]:
    """A number for each point's cell, of which there are `cells` along the longest edge."""
    keys = np.zeros(len(points), np.int64)
    for rows in blocks(len(points)):
        x, y, z = np.floor((points[rows] - low) * (cells / extent)).astype(np.int64).T
        keys[rows] = (x * (cells + 1) + y) * (cells + 1) + z
    return keys
