"""What a rendered view can be shown as: colours, opacities, depths and normals."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.image import Image
from nfield.core.views import View, pixel_rays
from nfield.fields.scene import Picture
from nfield.io.images.writers import save_image
from nfield.jobs.views.task import OPAQUE
from nfield.rendering.depth_normals import normals_of_places

PRODUCTS = ("colour", "depth", "normals", "opacity")
"""What pictures can show."""

DEPTH_STEPS = 65535
"""Largest number of a 16-bit PNG."""


def save_colours(path: Path, colours: Float[np.ndarray, "height width channels"]) -> None:
    """Values in [0, 1] as an 8-bit PNG."""
    save_image(path, np.clip(colours, 0, 1), Image.from_array(np.zeros(colours.shape, dtype=np.uint8)))


def depth_of(picture: Picture) -> Float[np.ndarray, "height width"]:
    """Depths, infinite where less than half of the light is stopped."""
    return torch.where(picture.opacity > OPAQUE, picture.depth, torch.inf).numpy()


def depth_range(depths: list[Float[np.ndarray, "height width"]]) -> tuple[float, float]:
    """Least and largest finite depth of some pictures; (0, 1) where there is none."""
    finite = [depth[np.isfinite(depth)] for depth in depths]
    finite = [values for values in finite if len(values)]
    if not finite:
        return 0.0, 1.0
    return float(min(values.min() for values in finite)), float(max(values.max() for values in finite))


def save_depth(path: Path, depth: Float[np.ndarray, "height width"], high: float) -> None:
    """Depths up to `high` as a 16-bit PNG: 0 where there is nothing, otherwise in steps of high / 65535."""
    steps = np.where(np.isfinite(depth), np.clip(depth / high, 1 / DEPTH_STEPS, 1), 0)[..., None]
    like = Image.from_array(np.zeros((*depth.shape, 1), dtype=np.uint16))
    save_image(path, steps.astype(np.float32), like)


def depth_scale(high: float) -> dict[str, float]:
    """What tells how the numbers of 16-bit depths are meant."""
    return {"units_per_step": high / DEPTH_STEPS, "empty": 0}


def coloured_depth(
    depth: Float[np.ndarray, "height width"], low: float, high: float
) -> Float[np.ndarray, "height width 3"]:
    """Near places bright, far ones dark, by the inverse of the depth, which tells near ones apart also where others are
    very far; empty ones white.
    """
    from matplotlib import colormaps

    known = np.isfinite(depth)
    low = max(low, 1e-6 * high)
    share = (high / np.where(known, depth, high).clip(low, high) - 1) / max(high / low - 1, 1e-12)
    return np.where(known[..., None], colormaps["viridis"](share)[..., :3], 1.0).astype(np.float32)


def coloured_normals(view: View, picture: Picture) -> Float[np.ndarray, "height width 3"]:
    """Normals of what is seen, in the world's axes: (n + 1) / 2 as colour, white where it is empty."""
    depth = torch.from_numpy(depth_of(picture))
    rows, columns = torch.meshgrid(torch.arange(depth.shape[0]), torch.arange(depth.shape[1]), indexing="ij")
    _, directions = pixel_rays(view, rows, columns)
    normals = normals_of_places(depth[..., None] * directions, directions)
    colours = torch.where((normals != 0).any(-1, keepdim=True), (normals + 1) / 2, torch.ones_like(normals))
    return colours.float().numpy()


def shown_as(
    product: str, view: View, picture: Picture, near_and_far: tuple[float, float]
) -> Float[np.ndarray, "height width channels"]:
    """A picture as one of its products, as values in [0, 1]."""
    if product == "colour":
        return picture.colour.numpy()
    if product == "opacity":
        return picture.opacity[..., None].numpy()
    if product == "normals":
        return coloured_normals(view, picture)
    return coloured_depth(depth_of(picture), *near_and_far)
