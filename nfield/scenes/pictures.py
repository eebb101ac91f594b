"""Pictures of toy scenes: the mean of exact colours along rays through places spread evenly in every pixel."""

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from nfield.core.checks import at_least
from nfield.core.lens import Lens, Lenses
from nfield.core.views import rays_through
from nfield.scenes.toy import ToyScene


def render(
    scene: ToyScene, camera_to_world: Float64[np.ndarray, "4 4"], lens: Lens, supersample: int = 3
) -> tuple[Float32[np.ndarray, "height width 4"], Float32[np.ndarray, "height width"]]:
    """Colours with straight alpha in [0, 1], and depths along the rays through the pixels' middles.

    Every pixel is the mean over supersample² rays, through the middles of as many equal squares; colours are weighted by
    their alpha, so that edges keep the colour of what covers them. In front of a background that has a colour alpha
    is 1. Depths are distances to the surface, or to where blobs let half of the light pass; infinite where
    there is nothing.
    """
    at_least(supersample, 1, "The supersampling")
    height, width = lens.height, lens.width
    colour = torch.zeros(height * width, 3)
    alpha = torch.zeros(height * width)
    depth = None
    # A pixel's rays through one of its squares at a time, so that memory does not grow with their number.
    for square in range(supersample**2):
        across, down = (square % supersample + 0.5) / supersample, (square // supersample + 0.5) / supersample
        origins, directions = _rays(camera_to_world, lens, across, down)
        traced = scene.trace(origins, directions)
        if across == down == 0.5:
            depth = traced.depth
        seen, share = traced.colour, traced.opacity
        if not scene.background.transparent:
            seen = seen + (1 - share)[:, None] * scene.background.seen(directions)
            share = torch.ones_like(share)
        colour += seen / supersample**2
        alpha += share / supersample**2
    if depth is None:
        depth = scene.depths(*_rays(camera_to_world, lens, 0.5, 0.5))
    straight = torch.where(alpha[:, None] > 0, colour / alpha[:, None].clamp(min=1e-12), 0)
    rgba = torch.cat([straight, alpha[:, None]], -1).clamp(0, 1)
    return rgba.reshape(height, width, 4).numpy(), depth.reshape(height, width).numpy()


def _rays(camera_to_world: Float64[np.ndarray, "4 4"], lens: Lens, across: float, down: float) -> tuple[Tensor, Tensor]:
    """Origins and directions, float32, of one ray through every pixel at the same place in each, row by row."""
    rows, columns = torch.meshgrid(
        torch.arange(lens.height, dtype=torch.float64) + down,
        torch.arange(lens.width, dtype=torch.float64) + across,
        indexing="ij",
    )
    places = torch.stack([columns, rows], -1).reshape(-1, 2)
    pose = torch.from_numpy(np.ascontiguousarray(camera_to_world, dtype=np.float64)).expand(len(places), 4, 4)
    origins, directions = rays_through(Lenses([lens]), torch.zeros(len(places), dtype=torch.int64), places, pose)
    return origins.float(), directions.float()
