"""Camera paths of a views run by name: which cameras they start from, and how large their frames are."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import choice
from nfield.core.lens import Lens
from nfield.core.views import CameraPath, View, ViewSet
from nfield.rendering.paths import Poses, interpolated, orbit, spiral, upward

PATHS: dict[str, str] = {
    "orbit": "once around the scene",
    "spiral": "two turns before it",
    "interpolate": "past the training cameras",
    "held-out": "the cameras of the held-out views",
}
"""Paths by name, and where each leads."""
ROUNDING = 1e-12
FRAMES = 60
"""Of a path, where no number is given."""


def path_by_name(
    name: str, views: ViewSet, middle: Float64[np.ndarray, "3"], frames: int = FRAMES, zoom: float = 1.0
) -> CameraPath:
    """The path of that name; `zoom` gives its pixels per pixel of the input.

    Raises UserError for an unknown name.
    """
    choice(name, PATHS, "camera path")
    if name == "held-out":
        chosen = views.measured
        return resized(
            CameraPath(views=tuple(View(name=v.name, camera_to_world=v.camera_to_world, lens=v.lens) for v in chosen)),
            zoom,
        )
    cameras = views.of("train")
    poses = np.stack([view.camera_to_world for view in cameras])
    up = upward(poses) if views.up is None else views.up
    makers: dict[str, Callable[[], Poses]] = {
        "orbit": lambda: orbit(poses, middle, up, frames),
        "spiral": lambda: spiral(poses, middle, up, frames),
        "interpolate": lambda: interpolated(poses, middle, frames),
    }
    lens = zoomed(cameras[0].lens, zoom)
    return CameraPath(
        views=tuple(View(name=f"{i:05d}", camera_to_world=pose, lens=lens) for i, pose in enumerate(makers[name]()))
    )


def resized(path: CameraPath, zoom: float) -> CameraPath:
    """The same path in pictures that are larger by a factor."""
    return replace(path, views=tuple(replace(view, lens=zoomed(view.lens, zoom)) for view in path.views))


def zoomed(lens: Lens, zoom: float) -> Lens:
    """The lens of pictures that are larger by a factor."""
    # A factor that is a quotient of sizes must give these sizes back, and not one pixel more by rounding.
    width, height = (max(1, math.ceil(size * zoom * (1 - ROUNDING))) for size in (lens.width, lens.height))
    return lens.resized(width, height)
