"""Where views come from: a toy scene by name or file, or a folder of posed photographs."""

import os
from pathlib import Path
from typing import Literal

from nfield.core.checks import UserError, at_least, choice
from nfield.core.views import ViewSet
from nfield.io.cameras.posed import load_views
from nfield.scenes.rigs import RIGS
from nfield.scenes.scene_files import DEFAULT_SCENE, load_scene
from nfield.scenes.toy import ToyScene
from nfield.scenes.toy_views import toy_views


def opened_scene(source: str | None) -> ToyScene | None:
    """The toy scene of that name or file, the default one for None; None where `source` is a file or folder of views.

    Raises UserError where it is neither.
    """
    if source is not None and Path(source).exists() and Path(source).suffix not in (".yaml", ".yml"):
        return None
    if source is not None and (os.sep in source or source.startswith(".")) and not Path(source).exists():
        raise UserError(f"There is no '{source}'. Give a folder or file of posed photographs, or a toy scene.")
    return load_scene(source or DEFAULT_SCENE)


def open_views(
    source: str | None,
    *,
    size: int = 100,
    train: int = 50,
    test: int = 10,
    rig: str = "hemisphere",
    downscale: float = 1.0,
    skip_missing: bool = False,
    convention: Literal["opengl", "opencv"] = "opengl",
    image_path: str | None = None,
    seed: int = 0,
) -> ViewSet:
    """The views of a source: pictures of a toy scene, rendered for these cameras, or photographs as they are read.

    Raises UserError for anything in it that cannot be used.
    """
    scene = opened_scene(source)
    if scene is None:
        return load_views(
            str(source),
            downscale=downscale,
            skip_missing=skip_missing,
            convention=convention,
            image_path=image_path,
        )
    choice(rig, RIGS, "rig")
    at_least(size, 2, "--size")
    return toy_views(scene, size, train, test, rig, seed=seed)
