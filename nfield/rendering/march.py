"""Samples along rays, for which the occupancy grid skips empty cells.

Rays are walked twice: in long strides of STRIDE steps over the coarse level of the grid, then step by step over the
fine one where a stride may have met an occupied cell. A stride is shorter than a coarse cell, so that none
is missed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.rendering.composite import Packed, rows_of
from nfield.rendering.occupancy import OccupancyGrid
from nfield.rendering.spacing import Spacing

STRIDE = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Rays:
    """Rays with the stretch of each on which samples are taken."""

    origin: Float[Tensor, "rays 3"]
    direction: Float[Tensor, "rays 3"]
    """Of unit length."""
    near: Float[Tensor, " rays"]
    far: Float[Tensor, " rays"]
    """Distances of the stretch's ends; far <= near for rays that miss the scene."""

    @property
    def count(self) -> int:
        """Number of rays."""
        return len(self.origin)

    def at(self, samples: Packed) -> Float[Tensor, "n 3"]:
        """Places of samples."""
        return self.origin.index_select(0, samples.ray) + samples.distance[:, None] * self.direction.index_select(
            0, samples.ray
        )

    def take(self, chosen: Tensor | slice) -> "Rays":
        """Only the chosen rays."""
        return Rays(
            origin=self.origin[chosen], direction=self.direction[chosen], near=self.near[chosen], far=self.far[chosen]
        )


def within_cube(origin: Float[Tensor, "rays 3"], direction: Float[Tensor, "rays 3"], *, least: float = 0.0) -> Rays:
    """Rays with the stretch that lies in [-1, 1]³, from `least` on."""
    safe = torch.where(direction.abs() < 1e-9, torch.full_like(direction, 1e-9), direction)
    ends = torch.stack([(-1 - origin) / safe, (1 - origin) / safe])
    near = ends.amin(0).amax(-1).clamp(min=least)
    return Rays(origin=origin, direction=direction, near=near, far=ends.amax(0).amin(-1))


@torch.no_grad()
def march(
    rays: Rays,
    grid: OccupancyGrid,
    spacing: Spacing,
    *,
    contract: Callable[[Float[Tensor, "*n 3"]], Float[Tensor, "*n 3"]],
    jitter: Float[Tensor, " rays"] | None = None,
) -> Packed:
    """Samples of all rays in occupied cells.

    Sample k of a ray lies k + `jitter` steps from its near end, jitter in [0, 1) for each ray or 0.5 without.
    `contract` brings places into the cube of the grid.
    """
    device = rays.origin.device
    start = spacing.steps(rays.near)
    steps = (spacing.steps(rays.far) - start).clamp(min=0)
    shift = torch.full_like(start, 0.5) if jitter is None else jitter.to(start)
    strides = int(torch.ceil(steps.max() / STRIDE)) if rays.count else 0
    middle = start[:, None] + STRIDE * (torch.arange(strides, device=device) + 0.5)
    inside = (STRIDE * torch.arange(strides, device=device)) < steps[:, None]
    ray, stride = inside.nonzero(as_tuple=True)
    place = rays.origin[ray] + spacing.distance(middle[ray, stride])[:, None] * rays.direction[ray]
    met = rows_of(grid.near(contract(place)))
    ray, stride = ray[met], stride[met]
    fine = STRIDE * stride[:, None] + torch.arange(STRIDE, device=device)
    u = (start + shift)[ray, None] + fine
    t = spacing.distance(u)
    place = rays.origin[ray, None] + t[..., None] * rays.direction[ray, None]
    full = grid.at(contract(place)) & (fine + shift[ray, None] < steps[ray, None])
    row, column = full.nonzero(as_tuple=True)
    u = u[row, column]
    length = spacing.distance(u + 0.5) - spacing.distance((u - 0.5).clamp(min=0))
    return Packed(rays=rays.count, ray=ray[row], distance=t[row, column], length=length)
