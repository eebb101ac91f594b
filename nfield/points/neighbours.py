"""Distances to neighbours, and what follows from them: spacing, areas, directions of least spread.

Points are (n, 3) in any units; lengths come out in the same units, areas in their squares.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy.spatial import cKDTree

from nfield.core.blocks import blocks
from nfield.core.checks import UserError

BLOCK = 2**16
"""Points whose neighbourhoods are held in memory together."""
FEWEST = 4
"""Points without which there is neither a neighbourhood nor a volume."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How the neighbours of each point lie around their mean."""

    normal: Float64[np.ndarray, "n 3"]
    """Unit vectors of least spread; their signs mean nothing."""
    thickness: Float64[np.ndarray, " n"]
    """Standard deviation along them: noise, and what the surface bends away within the neighbourhood."""
    width: Float64[np.ndarray, " n"]
    """Standard deviation along the direction of second-largest spread; far above `thickness` on a surface."""


class Neighbourhoods:
    """The neighbours of every point of a cloud, by a k-d tree."""

    def __init__(self, points: Float64[np.ndarray, "n 3"]) -> None:
        """Raises UserError for fewer than four points."""
        if len(points) < FEWEST:
            raise UserError(
                f"{len(points)} points span no surface. Give a cloud with {FEWEST} points at the very least."
            )
        # Relative to their middle, so that coordinates far from the origin lose no digits in products.
        self.points = points - (points.min(0) + points.max(0)) / 2
        self.tree = cKDTree(self.points)
        self._distances: dict[int, Float64[np.ndarray, " n"]] = {}

    def distances(self, k: int) -> Float64[np.ndarray, " n"]:
        """Distance from each point to its k-th neighbour, itself not counted; to the last where there are fewer."""
        k = min(k, len(self.points) - 1)
        if k not in self._distances:
            parts = [self.tree.query(block, [k + 1], workers=-1)[0][:, 0] for block in self._blocks()]
            self._distances[k] = np.concatenate(parts)
        return self._distances[k]

    def areas(self, k: int = 12, most: float = 4.0) -> Float64[np.ndarray, " n"]:
        """Area that each point stands for: that of the disk out to its k-th neighbour, shared among k points.

        No more than `most` times the median: a point in empty space stands for nothing.
        """
        k = min(k, len(self.points) - 1)
        areas = np.pi * self.distances(k) ** 2 / k
        return np.minimum(areas, most * np.median(areas))

    def spacing(self, k: int = 12) -> float:
        """Typical distance between neighbours: the edge of the square that the median point stands for."""
        return float(np.sqrt(np.median(self.areas(k))))

    def spread(self, k: int, stride: int = 1) -> Spread:
        """Principal components of each point, or of one in `stride`, with its k nearest neighbours."""
        normals, thickness, width = [], [], []
        for block in self._blocks(stride):
            values, vectors = np.linalg.eigh(self._covariance(block, min(k + 1, len(self.points))))
            values = np.sqrt(np.maximum(values, 0))
            normals.append(vectors[:, :, 0])
            thickness.append(values[:, 0])
            width.append(values[:, 1])
        return Spread(normal=np.concatenate(normals), thickness=np.concatenate(thickness), width=np.concatenate(width))

    def nearest(self, k: int) -> Int[np.ndarray, "n k"]:
        """Rows of the k nearest points, itself first."""
        k = min(k, len(self.points))
        return np.concatenate([self.tree.query(b, k, workers=-1)[1].reshape(len(b), k) for b in self._blocks()])

    def _covariance(self, block: Float64[np.ndarray, "b 3"], k: int) -> Float64[np.ndarray, "b 3 3"]:
        around = self.points[self.tree.query(block, k, workers=-1)[1]]
        around -= around.mean(1, keepdims=True)
        return np.swapaxes(around, 1, 2) @ around / k

    def _blocks(self, stride: int = 1) -> list[Float64[np.ndarray, "b 3"]]:
        points = self.points[::stride]
        return [points[rows] for rows in blocks(len(points), BLOCK)]
