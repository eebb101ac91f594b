"""Normals without their noise, edges kept: means over neighbours that point in nearly the same direction.

The bilateral filter of normals as for meshes: Zheng, Fu, Au and Tai, "Bilateral normal filtering for mesh denoising",
IEEE TVCG 17(10), 2011.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from nfield.core.blocks import blocks

NEIGHBOURS = 32
"""Including the point itself."""
REACH = 4.0
"""Standard deviation of the weights over distance, in smoothing lengths."""
LIKENESS = 0.15
"""Standard deviation of the weights over the difference of unit normals: about nine degrees."""
PASSES = 3
AT_ONCE = 1 << 16
"""Points that are filtered together: each needs a kilobyte."""


class BilateralFilter:
    """Filters normals of the same points again and again."""

    def __init__(self, points: Float[torch.Tensor, "n 3"], areas: Float[torch.Tensor, " n"], length: float) -> None:
        """`areas` are what each point counts; `length` is the smoothing length, in the unit of the points."""
        self.points, self.areas, self.reach = points, areas, REACH * length
        on_cpu = points.cpu().numpy()
        tree, count = cKDTree(on_cpu), min(NEIGHBOURS, len(on_cpu))
        # Short indices, and few at a time: of a million points the distances alone would take a quarter of a gigabyte.
        near = np.empty((len(on_cpu), count), np.int32)
        for rows in blocks(len(on_cpu)):
            near[rows] = tree.query(on_cpu[rows], count, workers=-1)[1].reshape(-1, count)
        self.near: Int[torch.Tensor, "n k"] = torch.from_numpy(near).to(points.device)

    def __call__(
        self, normals: Float[torch.Tensor, "n 3"], weights: Float[torch.Tensor, " n"]
    ) -> Float[torch.Tensor, "n 3"]:
        """The unit normals, filtered; points of little weight have little say."""
        for _ in range(PASSES):
            normals = torch.cat([self._mean(normals, weights, rows) for rows in blocks(len(normals), AT_ONCE)])
        return normals

    def _mean(
        self, normals: Float[torch.Tensor, "n 3"], weights: Float[torch.Tensor, " n"], rows: slice
    ) -> Float[torch.Tensor, "b 3"]:
        near = self.near[rows].long()
        others = normals[near]
        apart = (self.points[near] - self.points[rows, None]).square().sum(-1) / self.reach**2
        unlike = (others - normals[rows, None]).square().sum(-1) / LIKENESS**2
        share = (weights * self.areas)[near] * torch.exp(-0.5 * (apart + unlike))
        mean = (share[..., None] * others).sum(1)
        length = mean.norm(dim=-1, keepdim=True)
        # A point without any weight has no neighbours that count.
        return torch.where(length > 0, mean / length.clamp(min=1e-30), normals[rows])
