"""`nfield render` of views: a camera path as a video, or as a folder of pictures that is there whole or not at all."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nfield.core.checks import UserError, at_least, choice
from nfield.core.views import CameraPath
from nfield.fields.scene import SceneField
from nfield.io.atomic import TEMPORARY_MARK, write_json, writing_error
from nfield.io.cameras.path import load_camera_path
from nfield.io.cameras.view_pictures import picture_name
from nfield.io.images.video import save_video
from nfield.jobs.result import chosen_field
from nfield.jobs.views.outputs import depths_along, frames_along, reach_along, seen
from nfield.jobs.views.paths import FRAMES, PATHS, path_by_name, resized
from nfield.jobs.views.products import PRODUCTS, depth_of, depth_scale, save_colours, save_depth, shown_as
from nfield.jobs.views.result import ViewsResult
from nfield.training.progress import Progress, choose_progress, counted


def render(command: Any, result: ViewsResult) -> Path:
    """Render what the command asks for."""
    show = choice(command.show or "colour", PRODUCTS, "thing to show")
    name = command.path or "orbit"
    by_name = name in PATHS or not (Path(name).exists() or name.endswith(".json"))
    if command.frames is not None:
        at_least(command.frames, 1, "--frames")
        if name == "held-out" or not by_name:
            raise UserError(f"--frames is of no use with --path {name}, whose cameras are given. Leave it out.")
    if by_name:
        path = path_by_name(name, result.views, result.field.middle, command.frames or FRAMES, command.zoom)
    else:
        path = resized(load_camera_path(Path(name)), command.zoom)
    field = chosen_field(command, result)
    out = Path(command.out) if command.out is not None else _default_target(command, name, show)
    if out.suffix.lower() == ".mp4":
        if command.out is not None and out.exists() and not command.overwrite:
            raise UserError(f"'{out}' exists. Choose another --out, or say --overwrite.")
    elif out.suffix:
        raise UserError(f"--out must be a video (.mp4) or a folder for pictures, but is '{out}'.")
    elif out.exists() and (command.out is not None or not out.is_dir()):
        raise UserError(f"'{out}' exists. Choose a new folder for --out.")
    progress = choose_progress(quiet=command.quiet)
    return write_rendering(out, field, path, result.config["background"], show, progress)


def _default_target(command: Any, name: str, show: str) -> Path:
    """In the run folder: pictures of held-out views, otherwise a video."""
    stem = Path(name).stem + ("" if show == "colour" else f"-{show}")
    outputs = Path(command.run) / "outputs"
    return outputs / f"rendering-{stem}" if name == "held-out" else outputs / f"rendering-{stem}.mp4"


def write_rendering(
    out: Path,
    field: SceneField,
    path: CameraPath,
    background: Iterable[float],
    show: str,
    progress: Progress,
) -> Path:
    """Render a path to `out`: a video where its suffix is .mp4, otherwise a new folder of one PNG a frame.

    Depths in a folder are 16-bit numbers in steps that scale.json tells; in a video they are colours, near ones bright.
    Raises UserError where the place cannot be written.
    """
    behind = tuple(background)
    is_video = out.suffix.lower() == ".mp4"
    near_and_far = depths_along(field, path) if show == "depth" and is_video else (0.0, 1.0)
    if is_video:
        frames = frames_along(field, path, behind, show, near_and_far)
        save_video(out, counted(frames, len(path.views), "rendering", progress), path.frames_per_second)
        return out
    with _new_folder(out) as folder:
        reach = reach_along(field, path)
        for view in counted(path.views, len(path.views), "rendering", progress):
            picture, file = seen(field, view, behind), folder / f"{picture_name(view.name)}.png"
            if show == "depth":
                save_depth(file, depth_of(picture), reach)
            else:
                save_colours(file, shown_as(show, view, picture, near_and_far))
        if show == "depth":
            write_json(folder / "scale.json", depth_scale(reach))
    return out


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder that takes the place of `out` when all is written, and is removed after any failure."""
    temporary = out.with_name(f".{out.name}{TEMPORARY_MARK}-{os.getpid()}")
    try:
        temporary.mkdir()
        yield temporary
        if out.exists():
            shutil.rmtree(out)
        os.replace(temporary, out)
    except OSError as error:
        raise writing_error(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
