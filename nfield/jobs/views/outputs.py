"""The pictures of a views run, under outputs/."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from nfield.core.views import CameraPath, View
from nfield.fields.scene import Picture, SceneField
from nfield.io.atomic import write_json
from nfield.io.cameras.view_pictures import picture_name
from nfield.io.images.video import save_video
from nfield.jobs.views.cameras import write_cameras
from nfield.jobs.views.paths import path_by_name, zoomed
from nfield.jobs.views.pixels import over
from nfield.jobs.views.products import (
    coloured_depth,
    coloured_normals,
    depth_of,
    depth_range,
    depth_scale,
    save_colours,
    save_depth,
    shown_as,
)
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.shown import shown_views
from nfield.training.progress import Progress, counted

BLACK = (0.0, 0.0, 0.0)
LARGEST_VIDEO = 480
"""Pixels along the longer side of a run's own video: larger ones take minutes on two cores."""
SAMPLED_FRAMES, SAMPLED_SIDE = 8, 64
"""Frames of a path, and their longer side, that are looked at to find how far depths reach."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """One view as it is, and as the fields see it."""

    view: View
    truth: Float[np.ndarray, "height width 3"]
    picture: Picture
    baseline: Picture | None


class ViewWriter:
    """Writes truth, field and baseline of held-out views, with opacities, depths and normals, as they come."""

    def __init__(self, outputs: Path, result: ViewsResult) -> None:
        self.outputs = outputs
        path = path_by_name("held-out", result.views, result.field.middle)
        self.low, self.high = depths_along(result.field, path)
        self.reach = reach_along(result.field, path)
        write_json(_made(outputs / "depth") / "scale.json", depth_scale(self.reach))

    def __call__(self, one: Shown) -> None:
        """Write one view."""
        name, outputs = f"{picture_name(one.view.name)}.png", self.outputs
        depth, coloured = depth_of(one.picture), f"{picture_name(one.view.name)}-coloured.png"
        save_colours(_made(outputs / "truth") / name, one.truth)
        save_colours(_made(outputs / "views") / name, one.picture.colour.numpy())
        save_colours(_made(outputs / "opacity") / name, one.picture.opacity.numpy()[..., None])
        save_depth(_made(outputs / "depth") / name, depth, self.reach)
        save_colours(outputs / "depth" / coloured, coloured_depth(depth, self.low, self.high))
        save_colours(_made(outputs / "normals") / name, coloured_normals(one.view, one.picture))
        if one.baseline is not None:
            save_colours(_made(outputs / "baseline") / name, one.baseline.colour.numpy())
            plain = coloured_depth(depth_of(one.baseline), self.low, self.high)
            save_colours(_made(outputs / "baseline-depth") / coloured, plain)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_outputs(
    result: ViewsResult, outputs: Path, progress: Progress | None = None, *, measured: bool = False
) -> None:
    """Write the corrected cameras, the held-out views unless they were `measured`, and a turn around the scene.

    Of an opened run, whose pictures are not at hand, the cameras alone.
    """
    write_cameras(outputs / "cameras.json", result)
    if any(view.read is None for view in result.views.views):
        return
    if not measured:
        write = ViewWriter(outputs, result)
        red, green, blue = result.config["background"]
        for view in shown_views(result.views, result.config["options"]["held_out_side"]):
            other = None if result.baseline is None else seen(result.baseline, view, (red, green, blue))
            truth = over(view.pixels(), (red, green, blue))
            picture = seen(result.field, view, (red, green, blue))
            write(Shown(view=view, truth=truth, picture=picture, baseline=other))
    if result.config["options"]["frames"]:
        write_orbit(outputs, result, progress)


def seen(field: SceneField, view: View, background: Iterable[float]) -> Picture:
    """What a view's camera sees."""
    red, green, blue = background
    return field.picture(torch.from_numpy(view.camera_to_world), view.lens, (red, green, blue))


def depths_along(field: SceneField, path: CameraPath) -> tuple[float, float]:
    """How near and how far a path's pictures show anything, from a few small ones."""
    chosen = np.unique(np.linspace(0, len(path.views) - 1, SAMPLED_FRAMES).round().astype(int))
    return depth_range([depth_of(seen(field, _small(path.views[i], SAMPLED_SIDE), BLACK)) for i in chosen])


def reach_along(field: SceneField, path: CameraPath) -> float:
    """A depth that no picture of a path goes beyond."""
    return max(field.frame.reach(view.position) for view in path.views)


def _small(view: View, side: int) -> View:
    return replace(view, lens=zoomed(view.lens, min(1.0, side / max(view.lens.width, view.lens.height))))


def frames_along(
    field: SceneField,
    path: CameraPath,
    background: Iterable[float],
    product: str,
    near_and_far: tuple[float, float],
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The frames of a video."""
    for view in path.views:
        values = shown_as(product, view, seen(field, view, background), near_and_far)
        yield np.broadcast_to((values * 255).round().astype(np.uint8), (*values.shape[:2], 3))


def write_orbit(outputs: Path, result: ViewsResult, progress: Progress | None = None) -> None:
    """A video of one turn around the scene, from as far and as high as the cameras were."""
    lens = result.views.of("train")[0].lens
    zoom = min(1.0, LARGEST_VIDEO / max(lens.width, lens.height))
    path = path_by_name("orbit", result.views, result.field.middle, result.config["options"]["frames"], zoom)
    frames = frames_along(result.field, path, result.config["background"], "colour", (0, 1))
    save_video(outputs / "video.mp4", counted(frames, len(path.views), "rendering", progress))
