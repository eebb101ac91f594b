"""The pictures of a views run, under outputs/."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8

from nfield.core.image import Image
from nfield.core.views import View, ViewSet, pixel_rays
from nfield.experiments.views_summary import Shown
from nfield.fields.scene import Picture, SceneField
from nfield.io.atomic import write_json
from nfield.io.image_writers import save_image
from nfield.io.video import save_video
from nfield.io.view_pictures import picture_name
from nfield.rendering.paths import orbit, upward
from nfield.tasks.radiance import OPAQUE

if TYPE_CHECKING:
    from nfield.experiments.views_result import ViewsResult

DEPTH_STEPS = 65535
"""Largest number of a 16-bit PNG."""
LARGEST_VIDEO = 800
"""Pixels along the longer side of a video."""


def save_colours(path: Path, colours: Float[np.ndarray, "height width channels"]) -> None:
    """Values in [0, 1] as an 8-bit PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_image(path, np.clip(colours, 0, 1), Image.from_array(np.zeros(colours.shape, dtype=np.uint8)))


def write_outputs(outputs: Path, result: "ViewsResult") -> None:
    """Everything under outputs/: the measured views, and the video where one is asked for."""
    if result.views is None:
        raise AssertionError("outputs are written where the views are at hand")
    write_views(outputs, result.shown, result.field)
    frames = result.config["options"]["frames"]
    if frames:
        write_orbit(outputs, result.field, result.views, result.config["background"], frames)


def write_views(outputs: Path, shown: list[Shown], field: SceneField) -> None:
    """Truth, field and baseline of every held-out view, with opacities, depths and normals."""
    depths = [_depth(one.picture) for one in shown]
    finite = np.concatenate([depth[np.isfinite(depth)] for depth in depths])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    for one, depth in zip(shown, depths, strict=True):
        name = picture_name(one.view.name)
        save_colours(outputs / "truth" / f"{name}.png", one.truth)
        save_colours(outputs / "views" / f"{name}.png", one.picture.colour.numpy())
        save_colours(outputs / "opacity" / f"{name}.png", one.picture.opacity.numpy()[..., None])
        _save_depth(outputs / "depth" / f"{name}.png", depth, high)
        save_colours(outputs / "depth" / f"{name}-coloured.png", _coloured(depth, low, high))
        save_colours(outputs / "normals" / f"{name}.png", _normals(field, one.view, depth))
        if one.baseline is not None:
            save_colours(outputs / "baseline" / f"{name}.png", one.baseline.colour.numpy())
            plain = _coloured(_depth(one.baseline), low, high)
            save_colours(outputs / "baseline-depth" / f"{name}-coloured.png", plain)
    if shown:
        write_json(outputs / "depth" / "scale.json", {"units_per_step": high / DEPTH_STEPS, "empty": 0})


def _depth(picture: Picture) -> Float[np.ndarray, "height width"]:
    """Depths, infinite where less than half of the light is stopped."""
    return torch.where(picture.opacity > OPAQUE, picture.depth, torch.inf).numpy()


def _save_depth(path: Path, depth: Float[np.ndarray, "height width"], high: float) -> None:
    """Depths as a 16-bit PNG: 0 where there is nothing, otherwise in steps of high / 65535."""
    path.parent.mkdir(parents=True, exist_ok=True)
    steps = np.where(np.isfinite(depth), np.clip(depth / high, 1 / DEPTH_STEPS, 1), 0)[..., None]
    like = Image.from_array(np.zeros((*depth.shape, 1), dtype=np.uint16))
    save_image(path, steps.astype(np.float32), like)


def _coloured(depth: Float[np.ndarray, "height width"], low: float, high: float) -> Float[np.ndarray, "height width 3"]:
    """Near places bright, far ones dark, empty ones white."""
    from matplotlib import colormaps

    known = np.isfinite(depth)
    share = np.where(known, (high - np.where(known, depth, high)) / max(high - low, 1e-12), 0)
    return np.where(known[..., None], colormaps["viridis"](share)[..., :3], 1.0).astype(np.float32)


def _normals(field: SceneField, view: View, depth: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "h w 3"]:
    """Normals where the light comes from, in the world's axes: (n + 1) / 2 as colour, white where it is empty."""
    rows, columns = np.nonzero(np.isfinite(depth))
    colours = np.ones((*depth.shape, 3), dtype=np.float32)
    origin, direction = pixel_rays(view, torch.from_numpy(rows), torch.from_numpy(columns))
    points = origin + torch.from_numpy(depth[rows, columns])[:, None] * direction
    colours[rows, columns] = (field.normals(points.to(field.inner.grid.density.device)).cpu().numpy() + 1) / 2
    return colours


def write_orbit(outputs: Path, field: SceneField, views: ViewSet, background: list[float], frames: int) -> None:
    """A video of one turn around the scene, from as far and as high as the cameras were."""
    cameras = views.of("train")
    poses = np.stack([view.camera_to_world for view in cameras])
    up = upward(poses) if views.up is None else views.up
    path = orbit(poses, np.asarray(field.frame.middle), up, frames)
    lens = cameras[0].lens
    shrink = min(1.0, LARGEST_VIDEO / max(lens.width, lens.height))
    lens = lens.resized(math.ceil(lens.width * shrink), math.ceil(lens.height * shrink))
    red, green, blue = background

    def pictures() -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        for pose in path:
            colour = field.picture(torch.from_numpy(pose), lens, (red, green, blue)).colour
            yield (colour * 255).round().to(torch.uint8).numpy()

    save_video(outputs / "video.mp4", pictures())
