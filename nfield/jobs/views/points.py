"""Points that cameras see in a radiance field: where the light at random places of pictures comes from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, UInt8

from nfield.core.checks import UserError, at_least
from nfield.core.cloud import PointCloud
from nfield.core.lens import Lenses
from nfield.core.views import View, rays_through
from nfield.fields.scene import SceneField
from nfield.jobs.views.task import OPAQUE

PIXELS_AT_ONCE = 1 << 15
LEAST_PIXELS = 1 << 12
MOST_PIXELS = 50
"""Pixels that are drawn for each point at the most, and in any case, since many may show nothing."""
SLANTED = 0.1
"""Least cosine between a ray and a normal that is told from neighbouring pixels: below it they see other things."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenPoints:
    """Points with what is seen of them, all in the world's axes."""

    points: Float64[np.ndarray, "n 3"]
    rays: Float64[np.ndarray, "n 3"]
    """Unit directions that they were seen along."""
    depths: Float64[np.ndarray, " n"]
    """Distances from the cameras that they were seen by."""
    normals: Float64[np.ndarray, "n 3"]
    """Unit normals towards the cameras; zero where neighbouring pixels see something else."""
    colours: UInt8[np.ndarray, "n 3"]

    def cloud(self, source: str) -> PointCloud:
        """As a cloud."""
        return PointCloud.from_arrays(self.points, self.normals, self.colours, source=source)


def seen_points(field: SceneField, cameras: Sequence[View], count: int, generator: torch.Generator) -> SeenPoints:
    """At most `count` points behind random places of all cameras' pictures; fewer where most show nothing.

    Raises UserError where no camera sees anything.
    """
    at_least(count, 1, "The number of points")
    parts: list[tuple[torch.Tensor, ...]] = []
    found, drawn, most = 0, 0, max(MOST_PIXELS * count, LEAST_PIXELS)
    while found < count and drawn < most and (found or drawn < PIXELS_AT_ONCE):
        share = max(found / drawn if drawn else 1.0, 1 / MOST_PIXELS)
        pixels = min(PIXELS_AT_ONCE, math.ceil((count - found) / share), most - drawn)
        parts.append(_behind(field, cameras, pixels, generator))
        found, drawn = found + len(parts[-1][0]), drawn + pixels
    if not found:
        raise UserError("No camera sees anything in this field: it has learned nothing yet. Train for longer.")
    points, rays, depths, normals, colours = (torch.cat(arrays)[:count].numpy() for arrays in zip(*parts, strict=True))
    colours = (colours * 255).round().astype(np.uint8)
    return SeenPoints(points=points, rays=rays, depths=depths, normals=normals, colours=colours)


@torch.no_grad()
def _behind(
    field: SceneField, cameras: Sequence[View], count: int, generator: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """What is seen through that many random places, and through those a pixel beside each for the normals."""
    lenses = Lenses([view.lens for view in cameras])
    poses = torch.from_numpy(np.stack([view.camera_to_world for view in cameras]))
    sizes = torch.tensor([[view.lens.width, view.lens.height] for view in cameras], dtype=torch.float64)
    camera = torch.randint(len(cameras), (count,), generator=generator)
    # Anywhere in the pictures: middles of pixels would be drawn more than once.
    place = torch.rand(count, 2, generator=generator, dtype=torch.float64) * sizes[camera]
    # A pixel further inwards, so that it is still in the picture.
    side = torch.where(place < sizes[camera] / 2, 1.0, -1.0)
    seen = []
    for step in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        origin, ray = rays_through(lenses, camera, place + side * torch.tensor(step), poses[camera])
        device = field.device
        view = field.see(origin.to(device), ray.to(device))
        seen.append((origin + view.depth.cpu().double()[:, None] * ray, view, ray))
    (points, view, ray), (across, *_), (down, *_) = seen
    normal = torch.linalg.cross(across - points, down - points)
    normal = torch.nn.functional.normalize(normal, dim=-1)
    slant = (normal * ray).sum(-1, keepdim=True)
    normal = torch.where(slant.abs() > SLANTED, -slant.sign() * normal, torch.zeros_like(normal))
    normal = torch.where(normal.isfinite().all(-1, keepdim=True), normal, torch.zeros_like(normal))
    opacity = view.opacity.cpu()
    kept = opacity > OPAQUE
    colour = (view.colour.cpu() / opacity.clamp(min=OPAQUE)[:, None]).clamp(0, 1)
    return points[kept], ray[kept].double(), view.depth.cpu()[kept].double(), normal[kept], colour[kept]
