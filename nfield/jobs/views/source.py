"""Where views come from: a toy scene by name or file, or a folder of posed images."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional

from nfield.core.checks import UserError, at_least, choice

if TYPE_CHECKING:
    from nfield.core.views import ViewSet
    from nfield.jobs.views.options import ViewsOptions
    from nfield.scenes.toy import ToyScene
    from nfield.training.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What the command takes beyond the options of the run."""

    scene: Optional[str] = None
    """Toy scene by name or file (.yaml), or posed photographs: a folder or file of Blender, nerfstudio, instant-ngp
    or COLMAP. Default: the toy scene checkered-sphere."""
    size: int = 100
    """Pixels along a side of a toy scene's pictures."""
    train: int = 50
    """Views of a toy scene to learn from."""
    test: int = 10
    """Views of a toy scene that are held out."""
    rig: str = "hemisphere"
    """Where a toy scene's cameras stand: hemisphere, orbit, forward-facing or random."""
    downscale: float = 1.0
    """Make photographs this many times smaller along each side."""
    skip_missing: bool = False
    """Leave out frames whose picture is missing, instead of stopping."""
    convention: Literal["opengl", "opencv"] = "opengl"
    """Axes of the cameras in transforms.json: opengl (x right, y up, looking along -z) or opencv (y down, along +z)."""
    image_path: Optional[str] = None
    """Folder of a COLMAP model's pictures. Default: images beside the model."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ViewsData:
    """Posed images, and how they came from their source."""

    views: "ViewSet"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The fields of `Source`, kept in config.json, so that a run that is resumed has the same views."""
    pictures_kept: bool = True
    """Whether the pictures are the user's; those of toy scenes are made anew."""

    @property
    def source(self) -> str:
        """Name of the views."""
        return self.views.source


def open_source(command: Any, options: "ViewsOptions", progress: "Progress") -> ViewsData:
    """The views that the command names."""
    taken = {field.name: getattr(command, field.name) for field in dataclasses.fields(Source)}
    views = open_views(command.scene, seed=options.seed, **{k: v for k, v in taken.items() if k != "scene"})
    return ViewsData(views=views, options=taken, pictures_kept=opened_scene(command.scene) is None)


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the command took, from config.json of an earlier run."""
    return dict(config.get("source_options", {}))


def size(config: Mapping[str, Any]) -> str:
    """Number and size of a run's views in words."""
    views = config["views"]
    told = f"{views['width']} x {views['height']}"
    return f"{views['train']} views to train on, {views['test']} held out, {told}"


def opened_scene(source: str | None) -> "ToyScene | None":
    """The toy scene of that name or file, the default one for None; None where `source` is a file or folder of views.

    Raises UserError where it is neither.
    """
    from nfield.scenes.scene_files import DEFAULT_SCENE, load_scene

    if source is not None and Path(source).exists() and Path(source).suffix not in (".yaml", ".yml"):
        return None
    if source is not None and (os.sep in source or source.startswith(".")) and not Path(source).exists():
        raise UserError(f"There is no '{source}'. Give a folder or file of posed images, or a toy scene.")
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
) -> "ViewSet":
    """The views of a source: pictures of a toy scene, rendered for these cameras, or photographs as they are read.

    Raises UserError for anything in it that cannot be used.
    """
    from nfield.io.cameras.posed import load_views
    from nfield.scenes.rigs import RIGS
    from nfield.scenes.toy_views import toy_views

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


def content(data: ViewsData) -> list[Any]:
    """Cameras and, of pictures that were not made here, their pixels."""
    found: list[Any] = []
    for view in data.views.views:
        found += [view.name, view.camera_to_world]
        # Toy scenes are rendered anew on each machine, where a last bit may differ.
        if data.pictures_kept and view.read is not None:
            found.append(view.read())
    return found
