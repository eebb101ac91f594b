"""Read posed photographs: pictures with the lens and the pose of the camera that took each, in any known layout."""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from nfield.core.checks import UserError, at_least, choice
from nfield.core.lens import Lens
from nfield.core.views import View, ViewSet
from nfield.io.cameras.blender import BLENDER
from nfield.io.cameras.colmap import COLMAP
from nfield.io.cameras.nerfstudio import NERFSTUDIO
from nfield.io.cameras.pose_checks import check_places, note_on_axes
from nfield.io.cameras.posed_frames import Capture, Frame, Layout, Options
from nfield.io.cameras.view_pictures import read_view_mask, read_view_pixels, size_and_orientation
from nfield.io.files import check_file

LAYOUTS: dict[str, Layout] = {"blender": BLENDER, "nerfstudio": NERFSTUDIO, "colmap": COLMAP}
"""In the order of preference where a folder holds several."""
CONVENTIONS = ("opengl", "opencv")
HELD_OUT = 8
"""Of so many views one is held out where the files name no split, as papers on such captures do."""
SHOWN_MISSING = 10


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """A view, and what was met in looking at its picture's header."""

    view: View
    resized: bool
    orientation: int


def load_views(
    path: str | os.PathLike[str],
    *,
    downscale: float | int = 1,
    skip_missing: bool = False,
    convention: Literal["opengl", "opencv"] = "opengl",
    image_path: str | os.PathLike[str] | None = None,
) -> ViewSet:
    """Posed photographs of one scene; pixels are read when they are asked for, and not kept.

    `path` is a folder or one of its files: transforms_train.json and its siblings (Blender), transforms.json
    (nerfstudio, instant-ngp), or a sparse model of COLMAP with pictures in images/ (or in `image_path`).
    `downscale` divides width and height, averaging over areas. `skip_missing` leaves out views whose pictures are
    missing. `convention` tells the cameras' axes in transforms files; COLMAP's are known.
    `ViewSet.notes` tells what was chosen for the user. Without a split in the files every 8th view is held out.
    Raises UserError where files are missing or damaged, or their cameras cannot be.
    """
    at_least(downscale, 1, "downscale")
    choice(convention, CONVENTIONS, "convention")
    source = Path(path)
    layout, found, notes = _layout(source)
    options = Options(convention=convention, image_path=None if image_path is None else Path(image_path))
    capture = layout.read(found, options)
    notes += capture.notes
    frames = _with_pictures(capture.frames, source, skip_missing, notes)
    poses = np.stack([frame.camera_to_world for frame in frames]) if frames else np.zeros((0, 4, 4))
    check_places(poses, str(source))
    looked = [_look(frame, downscale) for frame in frames]
    notes += _notes(capture, frames, looked, poses, convention)
    views = ViewSet(
        views=tuple(one.view for one in looked),
        source=str(source),
        box=capture.box,
        unbounded=capture.unbounded,
        up=capture.up,
    )
    return _with_split(views, frames, notes)


def _layout(path: Path) -> tuple[Layout, Path, list[str]]:
    """The layout of a folder or a file, and what it is to read."""
    if not path.is_dir():
        check_file(path, "camera")
    matches = [(layout, found) for layout in LAYOUTS.values() if (found := layout.find(path)) is not None]
    if not matches:
        wanted = ", ".join(layout.looked_for for layout in LAYOUTS.values())
        holds = "holds no camera poses" if path.is_dir() else "is no file of camera poses that is known"
        raise UserError(f"'{path}' {holds}. Give a folder with one of: {wanted}.")
    layout, found = matches[0]
    if not path.is_dir():
        return layout, found, []
    # Other poses of the same pictures are not merged, but their owner should know which ones were taken.
    others = [str(other.relative_to(path)) for other_layout, other in matches[1:] if other != found]
    return layout, found, [f"'{other}' is there too and is left unread; give its path to read it" for other in others]


def _with_pictures(frames: Sequence[Frame], source: Path, skip_missing: bool, notes: list[str]) -> list[Frame]:
    missing = [frame for frame in frames if not frame.picture.is_file()]
    if not missing:
        return list(frames)
    names = ", ".join(f"'{frame.name}'" for frame in missing[:SHOWN_MISSING])
    if len(missing) > SHOWN_MISSING:
        names += f" and {len(missing) - SHOWN_MISSING} more"
    if not skip_missing:
        raise UserError(
            f"'{source}': {len(missing)} of {len(frames)} pictures are missing: {names}. The first was looked for at "
            f"'{missing[0].picture}'. Copy them there, or leave them out with --skip-missing."
        )
    if len(missing) == len(frames):
        raise UserError(f"'{source}': all {len(frames)} pictures are missing: {names}. Copy them there.")
    notes.append(f"{len(missing)} of {len(frames)} views are left out, for their pictures are missing: {names}")
    return [frame for frame in frames if frame.picture.is_file()]


def _look(frame: Frame, downscale: float) -> _Looked:
    """The view of a frame, after a look at the header of its picture."""
    width, height, orientation = size_and_orientation(frame.picture)
    _check_size(frame, width, height, orientation)
    lens: Lens = frame.intrinsics.lens(width, height, frame.where)
    small = tuple(max(1, round(size / downscale)) for size in (width, height))
    read_mask = None
    if frame.mask is not None:
        mask_size = size_and_orientation(frame.mask.path)[:2]
        if mask_size != (width, height):
            raise UserError(
                f"{frame.where}: the mask '{frame.mask.path}' has {mask_size[0]} x {mask_size[1]} pixels, "
                f"but the picture has {width} x {height} (width x height). Give a mask of the picture's size."
            )
        read_mask = functools.partial(read_view_mask, frame.mask, (width, height), *small)
    view = View(
        name=frame.name,
        camera_to_world=frame.camera_to_world,
        lens=lens if small == (width, height) else lens.resized(*small),
        read=functools.partial(read_view_pixels, frame.picture, (width, height), *small),
        read_mask=read_mask,
        split=frame.split or "train",
    )
    return _Looked(view=view, resized=frame.intrinsics.size not in (None, (width, height)), orientation=orientation)


def _check_size(frame: Frame, width: int, height: int, orientation: int) -> None:
    """Raise UserError where a picture has another shape than its camera; a pixel of rounding is let through."""
    if frame.intrinsics.size is None:
        return
    stated_width, stated_height = frame.intrinsics.size
    if abs(width * stated_height - height * stated_width) <= max(width, height, stated_width, stated_height):
        return
    hint = "Give pictures of the camera's shape, or correct w and h."
    if orientation >= 5 and (height, width) == (stated_width, stated_height):
        hint = (
            f"Its orientation tag ({orientation}) turns it upright, but poses are read with pictures as they are "
            "stored: save it upright, without the tag."
        )
    raise UserError(
        f"{frame.where}: the picture '{frame.picture}' has {width} x {height} pixels (width x height), "
        f"but its camera is for {stated_width} x {stated_height}. {hint}"
    )


def _notes(
    capture: Capture, frames: Sequence[Frame], looked: Sequence[_Looked], poses: np.ndarray, convention: str
) -> list[str]:
    """What holds for many views, told once."""
    notes = []
    scaled = [frame.scale for frame in frames if frame.scale != 1]
    if scaled:
        notes.append(
            f"the axes of {len(scaled)} of {len(frames)} poses have the length {scaled[0]:.4g} and not 1: "
            "they are brought to 1, and positions stay"
        )
    resized = [frame for frame, one in zip(frames, looked, strict=True) if one.resized]
    if resized and resized[0].intrinsics.size:
        width, height = resized[0].intrinsics.size
        notes.append(
            f"{len(resized)} of {len(frames)} pictures have another size than their file says ({width} x {height}): "
            "their lenses are scaled to them"
        )
    turned = sum(one.orientation != 1 for one in looked)
    if turned:
        notes.append(f"the orientation tags of {turned} pictures are left aside: they are read as they are stored")
    axes = None if capture.axes_known else note_on_axes(poses, convention)
    return [*notes, axes] if axes else notes


def _with_split(found: ViewSet, frames: Sequence[Frame], notes: list[str]) -> ViewSet:
    """The views with the files' split, or else with every 8th held out, and all notes."""
    if any(frame.split for frame in frames):
        if not found.of("train"):
            raise UserError(f"'{found.source}' has no view left for training. Correct the lists of its files.")
    else:
        found = found.hold_out(HELD_OUT)
        notes.append(
            f"the files name no split: every {HELD_OUT}th view is held out, {len(found.of('test'))} of "
            f"{len(found.views)}"
        )
    return replace(found, notes=tuple(notes))
