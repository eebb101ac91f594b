"""Pictures of toy scenes: the mean of exact colours along rays through places spread evenly in every pixel."""

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from nfield.core.blocks import blocks
from nfield.core.checks import at_least
from nfield.core.lens import Lens, Lenses
from nfield.core.views import rays_through
from nfield.scenes.toy import AT_ONCE, ToyScene
from nfield.scenes.tracing import one_thread


def render(
    scene: ToyScene, camera_to_world: Float64[np.ndarray, "4 4"], lens: Lens, supersample: int = 3
) -> tuple[Float32[np.ndarray, "height width 4"], Float32[np.ndarray, "height width"]]:
    """Colours with straight alpha in [0, 1], and depths along the rays through the pixels' middles.

    Every pixel is the mean over supersample² rays, through the middles of as many equal squares; colours are weighted
    by their alpha, so that edges keep the colour of what covers them. In front of a background that has a colour alpha
    is 1. Depths are distances to the surface, or to where blobs let half of the light pass; infinite where there is
    nothing.
    """
    at_least(supersample, 1, "The supersampling")
    steps = (torch.arange(supersample, dtype=torch.float64) + 0.5) / supersample
    squares = torch.cartesian_prod(steps, steps)
    colour, alpha, depth = [], [], []
    with one_thread():
        for pixels in blocks(lens.height * lens.width, max(1, AT_ONCE // len(squares))):
            corners = _corners(lens, pixels)
            origins, directions = _rays(camera_to_world, lens, (corners[:, None] + squares).reshape(-1, 2))
            traced = scene.trace(origins, directions)
            seen, share = traced.colour, traced.opacity
            if not scene.background.transparent:
                seen = seen + (1 - share)[:, None] * scene.background.seen(directions)
                share = torch.ones_like(share)
            colour.append(seen.reshape(-1, len(squares), 3).mean(1))
            alpha.append(share.reshape(-1, len(squares)).mean(1))
            if supersample % 2:
                depth.append(traced.depth.reshape(-1, len(squares))[:, len(squares) // 2])
            else:
                depth.append(scene.depths(*_rays(camera_to_world, lens, corners + 0.5)))
    opacity = torch.cat(alpha)[:, None]
    straight = torch.where(opacity > 0, torch.cat(colour) / opacity.clamp(min=1e-12), 0)
    rgba = torch.cat([straight, opacity], -1).clamp(0, 1)
    shape = (lens.height, lens.width)
    return rgba.reshape(*shape, 4).numpy(), torch.cat(depth).reshape(shape).numpy()


def _corners(lens: Lens, pixels: slice) -> Float64[Tensor, "n 2"]:
    """Upper left corners (u, v) of pixels that are counted row by row."""
    numbers = torch.arange(pixels.start, pixels.stop)
    return torch.stack([numbers % lens.width, numbers // lens.width], -1).double()


def _rays(
    camera_to_world: Float64[np.ndarray, "4 4"], lens: Lens, places: Float64[Tensor, "n 2"]
) -> tuple[Float32[Tensor, "n 3"], Float32[Tensor, "n 3"]]:
    """Origins and unit directions through places (u, v) of the picture."""
    pose = torch.from_numpy(np.ascontiguousarray(camera_to_world, dtype=np.float64)).expand(len(places), 4, 4)
    origins, directions = rays_through(Lenses([lens]), torch.zeros(len(places), dtype=torch.int64), places, pose)
    return origins.float(), directions.float()
