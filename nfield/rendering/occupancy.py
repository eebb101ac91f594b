"""The occupancy grid: densities on two levels, by which rays skip empty cells.

Notation: the fine level has N³ cells over [-1, 1]³; the coarse one joins blocks of BLOCK³ of them, and each of its
cells counts as occupied where it or one of its 26 neighbours holds an occupied fine cell. Half a coarse cell from any
place whose coarse cell is empty all cells are then empty too.
Müller et al., Instant Neural Graphics Primitives (arXiv 2201.05989), appendix E.1.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

BLOCK = 8
CHUNK = 1 << 17
"""Cells whose densities are evaluated at once."""
COUNTERS = ("age", "rays", "samples")


def cell_centres(cells: Int[Tensor, " n"], resolution: int) -> Float[Tensor, "n 3"]:
    """Middles of cells of [-1, 1]³ given by number, the last axis fastest."""
    n = resolution
    index = torch.stack([cells // (n * n), cells // n % n, cells % n], -1)
    return (index.to(torch.float32) + 0.5) * (2 / n) - 1


class OccupancyGrid(torch.nn.Module):
    """Densities of cells, and which of them are occupied. Its buffers are saved with the field."""

    def __init__(self, resolution: int = 128) -> None:
        super().__init__()
        self.resolution = max(BLOCK, resolution // BLOCK * BLOCK)
        n, m = self.resolution, self.resolution // BLOCK
        self.register_buffer("density", torch.zeros(n**3))
        self.register_buffer("full", torch.ones(n**3, dtype=torch.bool))
        self.register_buffer("coarse", torch.ones(m**3, dtype=torch.bool))
        self.register_buffer("seen", torch.ones(n**3, dtype=torch.bool))
        self.register_buffer("asked", torch.zeros(n**3, dtype=torch.bool))
        self.register_buffer("age", torch.zeros((), dtype=torch.int64))
        self.register_buffer("rays", torch.zeros((), dtype=torch.int64))
        self.register_buffer("samples", torch.zeros((), dtype=torch.int64))
        self.density: Tensor
        self.full: Tensor
        """Cells that are occupied."""
        self.coarse: Tensor
        self.seen: Tensor
        """Cells that may be occupied at all; the others stay empty for good."""
        self.asked: Tensor
        """Cells whose densities have been evaluated; the others count as occupied."""
        self.age: Tensor
        """Training steps that have been taken with this grid."""
        self.rays: Tensor
        """Rays that were trained on in them."""
        self.samples: Tensor
        """Samples along these rays."""
        self._counted: tuple[Tensor, int, float] | None = None

    def _apply(self, fn: Any, recurse: bool = True) -> "OccupancyGrid":
        # What every step asks for stays on the CPU, which would have to wait for a GPU's answer.
        counters = {name: getattr(self, name) for name in COUNTERS}
        moved = super()._apply(fn, recurse)
        for name, counter in counters.items():
            setattr(self, name, counter)
        return moved

    def restrict(self, seen: Bool[Tensor, " cells"]) -> None:
        """Leave all cells but these empty for good, before training."""
        self.seen = seen.to(self.seen.device)
        self.full = self.seen.clone()
        self._join()

    @property
    def share(self) -> float:
        """Share of the fine cells that are occupied."""
        # Every step asks, and the cells change every few steps. On the CPU numpy is many times as fast as torch here.
        full = self.full
        if self._counted is None or self._counted[0] is not full or self._counted[1] != full._version:
            count = float(full.count_nonzero() if full.is_cuda else np.count_nonzero(full.numpy()))
            self._counted = full, full._version, count / len(full)
        return self._counted[2]

    @staticmethod
    def _cells(points: Float[Tensor, "*n 3"], resolution: int) -> Tensor:
        index = ((points + 1) * (resolution / 2)).clamp(0, resolution - 1).to(torch.int32)
        return (index[..., 0] * resolution + index[..., 1]) * resolution + index[..., 2]

    def at(self, points: Float[Tensor, "*n 3"]) -> Bool[Tensor, "*n"]:
        """Whether the fine cells of points are occupied."""
        cells = self._cells(points, self.resolution)
        return self.full.index_select(0, cells.reshape(-1)).reshape(cells.shape)

    def near(self, points: Float[Tensor, "*n 3"]) -> Bool[Tensor, "*n"]:
        """Whether any cell within half a coarse cell of points may be occupied."""
        cells = self._cells(points, self.resolution // BLOCK)
        return self.coarse.index_select(0, cells.reshape(-1)).reshape(cells.shape)

    def density_at(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n"]:
        """Densities of the fine cells of points."""
        cells = self._cells(points, self.resolution)
        return self.density.index_select(0, cells.reshape(-1)).reshape(cells.shape)

    @torch.no_grad()
    def update(
        self,
        density: Callable[[Float[Tensor, "n 3"]], Float[Tensor, " n"]],
        generator: torch.Generator,
        *,
        step: float,
        share: float = 1.0,
        decay: float = 0.95,
        threshold: float = 0.01,
    ) -> None:
        """Evaluate densities at random places of cells, and find anew which cells are occupied.

        `share` of the cells are evaluated: half of these anywhere, the others among the occupied ones. Their densities
        fall by `decay` and rise to what is found. Occupied are cells of an opacity over one `step` above `threshold`,
        or above the mean of all where that is less, so that nothing is lost before anything has been learned.
        """
        device, n = self.density.device, self.resolution
        if share >= 1:
            cells = torch.arange(n**3, device=device)
        else:
            count = max(1, int(share * n**3 / 2))
            anywhere = torch.randint(n**3, (count,), generator=generator).to(device)
            full = self.full.nonzero()[:, 0]
            picked = torch.randint(max(1, len(full)), (min(count, len(full)),), generator=generator).to(device)
            cells = torch.cat([anywhere, full[picked]]).unique()
        cells = cells[self.seen[cells]]
        self.density.mul_(decay)
        for part in cells.split(CHUNK):
            jitter = (torch.rand(len(part), 3, generator=generator).to(device) - 0.5) * (2 / n)
            found = density(cell_centres(part, n) + jitter).to(self.density.dtype)
            self.density[part] = torch.maximum(self.density[part], found)
            self.asked[part] = True
        self.refill(step=step, threshold=threshold)

    @torch.no_grad()
    def refill(self, *, step: float, threshold: float = 0.01) -> None:
        """Find anew which cells are occupied, by the densities that are known."""
        opacity = -torch.expm1(-self.density * step)
        known = self.seen & self.asked
        bound = min(threshold, float(opacity[known].mean()) if bool(known.any()) else threshold)
        self.full = ((opacity > bound) | ~self.asked) & self.seen
        self._join()

    def _join(self) -> None:
        """Find the coarse level anew."""
        m = self.resolution // BLOCK
        blocks = self.full.reshape(m, BLOCK, m, BLOCK, m, BLOCK).any(5).any(3).any(1)
        wide = torch.nn.functional.max_pool3d(blocks[None, None].float(), 3, stride=1, padding=1)
        self.coarse = wide.reshape(-1) > 0
