"""Pictures of a volume given by callables: rays in blocks of bounded memory, each ended where nothing more is seen.

Notation: `radiance(places, directions) -> (densities, colours)` on places of the cube [-1, 1]³; depths are distances
along rays in the units of the rays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.rendering.composite import Packed, along_rays, optical_depth_before, rows_of
from nfield.rendering.march import Rays, march
from nfield.rendering.occupancy import OccupancyGrid
from nfield.rendering.spacing import Spacing

Radiance = Callable[[Float[Tensor, "n 3"], Float[Tensor, "n 3"]], tuple[Float[Tensor, " n"], Float[Tensor, "n 3"]]]
Contraction = Callable[[Float[Tensor, "*n 3"]], Float[Tensor, "*n 3"]]

RAYS_PER_BLOCK, SAMPLES_PER_BLOCK = 1 << 13, 1 << 21
"""Rays that are walked together, fewer where all of their samples would be more than that."""
FIRST_ROUND = 8
"""Samples of each ray that are evaluated first; every further round takes twice as many."""
OPAQUE_DEPTH = 12.0
"""Optical depth, by the occupancy grid's densities, behind which training takes no samples."""
LEAST_TRANSMITTANCE = 1e-4
"""Transmittance below which a ray ends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rendered:
    """What rays see."""

    colour: Float[Tensor, "rays 3"]
    """Light of the volume alone, without any background."""
    opacity: Float[Tensor, " rays"]
    """Accumulated opacity."""
    depth: Float[Tensor, " rays"]
    """Mean distance that light comes from; infinite where there is hardly any."""

    def over(self, background: Float[Tensor, "*rays 3"]) -> Float[Tensor, "rays 3"]:
        """Colours before a background."""
        return self.colour + (1 - self.opacity)[:, None] * background


@torch.no_grad()
def render_rays(
    radiance: Radiance,
    rays: Rays,
    sample: Callable[[Rays], Packed],
    *,
    contract: Contraction,
    samples_per_ray: int = 512,
) -> Rendered:
    """What any number of rays see, in blocks; `sample` places the samples along them, at most so many on each."""
    block = min(max(SAMPLES_PER_BLOCK // samples_per_ray, 1), RAYS_PER_BLOCK)
    blocks = [
        _render_block(radiance, rays.take(slice(start, start + block)), sample, contract)
        for start in range(0, max(1, rays.count), block)
    ]
    return Rendered(
        colour=torch.cat([b.colour for b in blocks]),
        opacity=torch.cat([b.opacity for b in blocks]),
        depth=torch.cat([b.depth for b in blocks]),
    )


def _render_block(radiance: Radiance, rays: Rays, sample: Callable[[Rays], Packed], contract: Contraction) -> Rendered:
    samples = sample(rays)
    place = torch.arange(samples.count, device=samples.ray.device) - samples.starts.index_select(0, samples.ray)
    transmittance = torch.ones(rays.count, device=place.device)
    colour, depth = torch.zeros_like(rays.origin), torch.zeros_like(transmittance)
    start, size = 0, FIRST_ROUND
    while samples.count:
        now = place < start + size
        part = samples.take(now)
        density, light = radiance(contract(rays.at(part)), rays.direction.index_select(0, part.ray))
        optical = density.float() * part.length
        before = transmittance.index_select(0, part.ray) * torch.exp(-optical_depth_before(optical, part))
        weight = before * -torch.expm1(-optical)
        colour += along_rays(weight[:, None] * light.float(), part)
        depth += along_rays(weight * part.distance, part)
        transmittance = transmittance * torch.exp(-along_rays(optical, part))
        later = rows_of(~now & (transmittance.index_select(0, samples.ray) > LEAST_TRANSMITTANCE))
        samples, place = samples.take(later), place[later]
        start, size = start + size, 2 * size
    opacity = 1 - transmittance
    seen = opacity > 1e-3
    return Rendered(
        colour=colour,
        opacity=opacity,
        depth=torch.where(seen, depth / opacity.clamp(min=1e-3), torch.full_like(depth, torch.inf)),
    )


def _reached(rays: Rays, samples: Packed, grid: OccupancyGrid, contract: Contraction) -> Tensor:
    """Whether light may reach the camera from samples, by the densities of the grid.

    These are the largest of each cell, which a ray may well miss. So no sample counts for more than an optical depth of
    1, and it takes a long way through what is dense throughout to leave samples out.
    """
    optical = (grid.density_at(contract(rays.at(samples))) * samples.length).clamp(max=1.0)
    return optical_depth_before(optical, samples) < OPAQUE_DEPTH


def samples_within(
    rays: Callable[[slice], Rays],
    grid: OccupancyGrid,
    spacing: Spacing,
    *,
    contract: Contraction,
    jitter: Float[Tensor, " rays"],
    budget: int,
    block: int = 1 << 10,
) -> tuple[Rays, Packed]:
    """As many of the first rays as have `budget` samples together, and these samples.

    `rays` gives the rays of a stretch of numbers, one for each number of `jitter`. They are made and walked block by
    block, so that no more are than needed. At least one ray is taken.
    """
    walked: list[Rays] = []
    found: list[Packed] = []
    taken = used = 0
    while taken < len(jitter):
        part = slice(taken, min(taken + block, len(jitter)))
        some = rays(part)
        samples = march(some, grid, spacing, contract=contract, jitter=jitter[part])
        samples = samples.take(_reached(some, samples, grid, contract))
        fits = some.count
        if used + samples.count > budget:
            ends = torch.searchsorted(samples.ray, torch.arange(some.count, device=samples.ray.device), right=True)
            least = 1 if taken == 0 else 0
            whole = (ends <= budget - used).sum().clamp(min=least)
            fits, kept = torch.stack([whole, (samples.ray < whole).sum()]).tolist()
            some, samples = some.take(slice(fits)), samples.take(slice(kept))
        walked.append(some)
        found.append(Packed(rays=0, ray=samples.ray + taken, distance=samples.distance, length=samples.length))
        taken, used = taken + fits, used + samples.count
        if taken < part.stop:
            break
    joined = Rays(
        **{name: torch.cat([getattr(r, name) for r in walked]) for name in ("origin", "direction", "near", "far")}
    )
    packed = {name: torch.cat([getattr(s, name) for s in found]) for name in ("ray", "distance", "length")}
    return joined, Packed(rays=taken, **packed)
