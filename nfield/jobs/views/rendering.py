"""A camera path as a video, or as a folder of pictures that is there whole or not at all."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nfield.core.views import CameraPath
from nfield.fields.scene import SceneField
from nfield.io.atomic import TEMPORARY_MARK, write_json, writing_error
from nfield.io.cameras.view_pictures import picture_name
from nfield.io.images.video import save_video
from nfield.jobs.views.outputs import depths_along, frames_along, reach_along, render
from nfield.jobs.views.products import depth_of, depth_scale, save_colours, save_depth, shown_as
from nfield.training.progress import Progress, counted


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
            picture, file = render(field, view, behind), folder / f"{picture_name(view.name)}.png"
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
