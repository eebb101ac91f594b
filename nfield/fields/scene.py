"""A radiance field in the user's own world: where the scene lies, how rays are walked, and pictures of it."""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from nfield.core.lens import Lens, Lenses
from nfield.core.moving import beside
from nfield.core.views import rays_through
from nfield.fields.radiance import RadianceField
from nfield.rendering.composite import Packed
from nfield.rendering.contraction import contract, same
from nfield.rendering.hierarchical import hierarchical_samples
from nfield.rendering.march import Rays, march, within_cube
from nfield.rendering.spacing import Spacing
from nfield.rendering.volume import Contraction, Rendered, render_rays

COARSER = ((0.5, 4.0), (0.25, 2.0))
"""While more than such a share of the cells is occupied, steps along rays are so many times as long: nothing fine is
known yet, and short steps through all of them would take nearly all of the time."""
COARSEST_STEP = 2 / 64
"""Longest step in a scene with bounds, in normalised units."""
ROWS_AT_ONCE = 1 << 16
"""Pixels whose rays are made together, and points that are evaluated together where no gradient is wanted."""


@dataclass(frozen=True, kw_only=True)
class ViewFrame:
    """How the world is brought to the cube: x = (p - middle) / scale, and contracted where it has no bounds."""

    middle: tuple[float, float, float]
    scale: float
    contracted: bool
    step: float
    """Length of steps along rays near the cameras, in normalised units."""
    growth: float = 0.0
    """Cone angle: length of far steps as a share of their distance."""
    near: float = 0.0
    """Distance from a camera within which no samples are taken, in normalised units."""
    importance: tuple[int, int] | None = None
    """Stratified coarse and importance fine samples of a ray, in place of the occupancy grid."""
    far: float = 100.0
    """Distance beyond which no samples are taken, in normalised units; of contracted scenes."""
    carved: bool = False
    """Whether the visual hull of images with alpha has emptied cells from the start: the others may then be solid and
    stay occupied, and steps that are coarse while many are would be coarse to the end."""

    @property
    def spacing(self) -> Spacing:
        """Steps along rays."""
        return Spacing(step=self.step, growth=self.growth)

    def spacing_while(self, share: float) -> Spacing:
        """The same while such a share of the cells is occupied."""
        if self.carved:
            return self.spacing
        times = next((times for least, times in COARSER if share > least), 1.0)
        if not self.contracted:
            times = min(times, max(1.0, COARSEST_STEP / self.step))
        return Spacing(step=times * self.step, growth=times * self.growth)

    def samples_per_ray(self, spacing: Spacing) -> int:
        """Most samples that a ray can have."""
        if self.importance is not None:
            return sum(self.importance)
        if not self.contracted:
            return math.ceil(2 * 3**0.5 / spacing.step)
        ends = spacing.steps(torch.tensor([self.near, self.far]))
        return math.ceil(float(ends[1] - ends[0]))

    @property
    def contract(self) -> Contraction:
        """From normalised places to the cube of the field."""
        return contract if self.contracted else same

    def inner(self, points: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        """Normalised places of points of the world."""
        return (points - beside(self.middle, points)) / self.scale

    def reach(self, position: Float64[np.ndarray, "3"]) -> float:
        """A distance from a place of the world beyond which nothing is seen from it."""
        if self.contracted:
            return self.far * self.scale
        return float(np.linalg.norm(position - np.asarray(self.middle))) + 3**0.5 * self.scale

    def rays(self, origin: Float[Tensor, "n 3"], direction: Float[Tensor, "n 3"]) -> Rays:
        """Rays of the world, in normalised units, with the stretch in which the scene may lie."""
        start, along = self.inner(origin).float(), direction.float()
        if not self.contracted:
            return within_cube(start, along, least=self.near)
        ends = torch.ones_like(start[:, 0])
        return Rays(origin=start, direction=along, near=self.near * ends, far=self.far * ends)


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """What a camera sees, as arrays of the picture's shape; depths in units of the world, infinite where empty."""

    colour: Float[Tensor, "height width 3"]
    """Over the background."""
    opacity: Float[Tensor, "height width"]
    """Accumulated opacity."""
    depth: Float[Tensor, "height width"]


class SceneField(torch.nn.Module):
    """Density and colour at points of the world, and pictures from any camera."""

    def __init__(self, inner: RadianceField, frame: ViewFrame) -> None:
        super().__init__()
        self.inner, self.frame = inner, frame

    @property
    def device(self) -> torch.device:
        """Where the field computes."""
        return self.inner.grid.density.device

    @property
    def middle(self) -> Float64[np.ndarray, "3"]:
        """The point of the world around which the scene lies."""
        return np.asarray(self.frame.middle)

    def forward(
        self, points: Float[Tensor, "*batch 3"], directions: Float[Tensor, "*batch 3"]
    ) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch 3"]]:
        """Densities per unit of length of the world, and colours seen along unit directions."""
        shape = points.shape[:-1]
        places = self.frame.contract(self.frame.inner(points.reshape(-1, 3)).float())
        density, colour = self.inner(places, directions.reshape(-1, 3).float())
        return density.reshape(shape) / self.frame.scale, colour.reshape(*shape, 3)

    def density(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
        """Densities per unit of length of the world; zero where the field has found nothing."""
        flat = points.reshape(-1, 3)
        parts = [flat] if torch.is_grad_enabled() else flat.split(ROWS_AT_ONCE)
        found = torch.cat([self._known_density(part) for part in parts]) if len(flat) else flat.new_zeros(0).float()
        return found.reshape(points.shape[:-1]) / self.frame.scale

    def _known_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        return self.density_within(self.frame.contract(self.frame.inner(points).float()))

    def density_within(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Densities per unit of the field's own length at places of its cube; zero where it has found nothing."""
        known = self.inner.grid.at(places) & (places.abs().amax(-1) <= 1)
        found = torch.zeros(len(places), device=places.device)
        if bool(known.any()):
            found[known] = self.inner.density(places[known])
        return found

    def see(self, origin: Float[Tensor, "n 3"], direction: Float[Tensor, "n 3"]) -> Rendered:
        """What rays of the world see; depths in its units."""
        frame = self.frame
        spacing = frame.spacing_while(self.inner.grid.share)
        found = render_rays(
            self.inner,
            frame.rays(origin, direction),
            functools.partial(self._samples, spacing),
            contract=frame.contract,
            samples_per_ray=frame.samples_per_ray(spacing),
        )
        return Rendered(colour=found.colour, opacity=found.opacity, depth=found.depth * frame.scale)

    def _samples(self, spacing: Spacing, rays: Rays) -> Packed:
        frame, inner = self.frame, self.inner
        if frame.importance is None:
            return march(rays, inner.grid, spacing, contract=frame.contract)
        coarse, fine = (
            ((torch.arange(count, device=self.device) + 0.5) / count).expand(rays.count, count)
            for count in frame.importance
        )
        return hierarchical_samples(
            inner.density,
            rays,
            frame.spacing,
            contract=frame.contract,
            coarse=torch.full_like(coarse, 0.5),
            fine=fine,
        )

    @torch.no_grad()
    def picture(
        self,
        camera_to_world: Float[Tensor, "4 4"],
        lens: Lens,
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> Picture:
        """The picture of a camera, in blocks of rows, on the CPU."""
        device = self.device
        behind = torch.tensor(background, device=device)
        pose, lenses = camera_to_world.to(device, torch.float64), Lenses([lens])
        rows_at_once = max(1, ROWS_AT_ONCE // lens.width)
        parts = []
        for top in range(0, lens.height, rows_at_once):
            rows = torch.arange(top, min(top + rows_at_once, lens.height), dtype=torch.float64, device=device) + 0.5
            columns = torch.arange(lens.width, dtype=torch.float64, device=device) + 0.5
            v, u = torch.meshgrid(rows, columns, indexing="ij")
            places = torch.stack([u, v], -1).reshape(-1, 2)
            index = torch.zeros(len(places), dtype=torch.int64, device=device)
            seen = self.see(*rays_through(lenses, index, places, pose.expand(len(places), 4, 4)))
            parts.append(
                torch.cat([seen.over(behind).clamp(0, 1), seen.opacity[:, None], seen.depth[:, None]], 1).cpu()
            )
        numbers = torch.cat(parts).reshape(lens.height, lens.width, 5)
        return Picture(colour=numbers[..., :3], opacity=numbers[..., 3], depth=numbers[..., 4])

    @torch.no_grad()
    def normals(self, points: Float[Tensor, "*batch 3"], distance: float | None = None) -> Float[Tensor, "*batch 3"]:
        """Unit vectors along which density falls fastest, by differences over `distance`: default two steps.

        Zero where the density does not change.
        """
        h = 2 * self.frame.step * self.frame.scale if distance is None else distance
        slopes = [
            self.density(points - shift) - self.density(points + shift)
            for shift in h * torch.eye(3, dtype=points.dtype, device=points.device)
        ]
        return torch.nn.functional.normalize(torch.stack(slopes, -1), dim=-1)

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return self.inner.count_parameters()
