"""Posed views of toy scenes, with the truth at hand: what a radiance field is fitted to and measured with."""

import math
from functools import cached_property

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from nfield.core.checks import at_least, positive
from nfield.core.lens import Lens
from nfield.core.views import Split, View, ViewSet
from nfield.scenes.pictures import render
from nfield.scenes.rigs import rig_splits
from nfield.scenes.toy import ToyScene

VIEW_ANGLE = 40.0
"""Degrees from the left to the right edge of the pictures."""
MARGIN = 1.05
"""Room around the scene, as a factor on the ball around it."""


def toy_views(
    scene: ToyScene,
    size: int = 100,
    train: int = 50,
    test: int = 10,
    rig: str = "hemisphere",
    seed: int = 0,
    *,
    radius: float | None = None,
    supersample: int = 3,
) -> ViewSet:
    """Views of size x size pixels, those held out for testing last; each is rendered when it is first asked for.

    Pictures are RGB with straight alpha, and RGB where the background has a colour. Cameras look at the middle of the
    scene's box, at a distance of `radius`: by default the ball around the scene fills the picture.
    """
    at_least(size, 1, "The size of the pictures")
    at_least(train, 1, "The number of views for training")
    at_least(test, 0, "The number of views for testing")
    lens = Lens.of_angle(size, size, VIEW_ANGLE)
    if radius is None:
        radius = MARGIN * scene.radius / math.sin(math.radians(VIEW_ANGLE / 2))
    positive(radius, "The radius of the rig")
    splits: tuple[Split, Split] = ("train", "test")
    poses = rig_splits(rig, train, test, radius, seed=seed, middle=scene.box.middle)
    views = [
        _view(scene, pose, lens, supersample, f"{split}-{number:03}", split)
        for split, part in zip(splits, poses, strict=True)
        for number, pose in enumerate(part)
    ]
    sky = scene.background.sky
    return ViewSet(
        views=tuple(views),
        source=scene.name,
        box=scene.box,
        unbounded=scene.unbounded,
        background=None if sky else scene.background.horizon,
        up=scene.up,
    )


def _view(
    scene: ToyScene, pose: Float64[np.ndarray, "4 4"], lens: Lens, supersample: int, name: str, split: Split
) -> View:
    picture = _Picture(scene, pose, lens, supersample)
    return View(
        name=name,
        camera_to_world=pose,
        lens=lens,
        read=lambda: picture.pixels,
        read_depth=lambda: picture.rendered[1],
        split=split,
    )


class _Picture:
    """One picture, rendered once for its colours and its depths."""

    def __init__(self, scene: ToyScene, pose: Float64[np.ndarray, "4 4"], lens: Lens, supersample: int) -> None:
        self._scene, self._pose, self._lens, self._supersample = scene, pose, lens, supersample

    @cached_property
    def rendered(self) -> tuple[Float32[np.ndarray, "height width 4"], Float32[np.ndarray, "height width"]]:
        """Colours with alpha, and depths."""
        return render(self._scene, self._pose, self._lens, self._supersample)

    @cached_property
    def pixels(self) -> UInt8[np.ndarray, "height width channels"]:
        """The picture in 8 bits, without the alpha where that is 1 everywhere by the scene's background."""
        channels = 4 if self._scene.background.transparent else 3
        return np.round(255 * self.rendered[0][..., :channels]).astype(np.uint8)
