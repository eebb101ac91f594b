"""Posed pictures as COLMAP has them: a sparse model, in text or binary, and a folder of pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError
from nfield.core.views import Box
from nfield.io.cameras.camera_models import Intrinsics, coefficients
from nfield.io.cameras.colmap_binary import read_cameras_binary, read_images_binary, read_points_binary
from nfield.io.cameras.colmap_text import (
    ColmapCamera,
    ColmapImage,
    read_cameras_text,
    read_images_text,
    read_points_text,
)
from nfield.io.cameras.posed_frames import Capture, Frame, Layout, MaskFile, Options, inside
from nfield.io.cameras.poses import pose_of_quaternion

MODEL_FOLDERS = ("sparse/0", "sparse", "colmap/sparse/0", "colmap/sparse", ".")
PICTURES = "images"
MASKS = "masks"
LEVELS_UP = 3
"""How far above the model the folder of pictures may lie: that of colmap/sparse/0."""
PERCENTILES = (1.0, 99.0)
MARGIN = 0.1
"""What is added to the box on each side, as a part of its edge."""
FEWEST_POINTS = 20
"""Below this, percentiles tell nothing."""


@dataclass(frozen=True, kw_only=True)
class _Coding:
    """How a model is stored."""

    cameras: Callable[[Path], dict[int, ColmapCamera]]
    images: Callable[[Path], list[ColmapImage]]
    points: Callable[[Path], Float64[np.ndarray, "n 3"]]


CODINGS = {
    ".bin": _Coding(cameras=read_cameras_binary, images=read_images_binary, points=read_points_binary),
    ".txt": _Coding(cameras=read_cameras_text, images=read_images_text, points=read_points_text),
}


def find_colmap(path: Path) -> Path | None:
    """The cameras file of a model: in a folder, or beside the file of a model that is given; None where none is."""
    if path.is_dir():
        places = [path / folder / f"cameras{suffix}" for folder in MODEL_FOLDERS for suffix in CODINGS]
        return next((place for place in places if place.is_file()), None)
    if path.stem in ("cameras", "images", "points3D") and path.suffix in CODINGS:
        return path.with_name(f"cameras{path.suffix}")
    return None


def read_colmap(path: Path, options: Options) -> Capture:
    """All pictures of a model, in the order of their names. Raises UserError on bad content."""
    coding = CODINGS[path.suffix]
    cameras = coding.cameras(path)
    listed = path.with_name(f"images{path.suffix}")
    images = sorted(coding.images(listed), key=lambda image: image.name)
    if not images:
        raise UserError(f"'{listed}' lists no picture. Reconstruct the scene, or give another model.")
    pictures = _picture_folder(path.parent, images[0], options.image_path)
    frames = tuple(_frame(image, cameras, path, pictures) for image in images)
    notes: list[str] = []
    return Capture(
        frames=frames,
        box=_box(path.with_name(f"points3D{path.suffix}"), coding, notes),
        notes=tuple(notes),
        axes_known=True,
    )


def _picture_folder(model: Path, first: ColmapImage, given: Path | None) -> Path:
    """The folder that the names of pictures are relative to."""
    if given is not None:
        if not given.is_dir():
            raise UserError(f"There is no folder '{given}' of pictures. Correct --image-path.")
        return given
    above = [model, *model.resolve().parents[:LEVELS_UP]]
    for folder in above:
        if (folder / PICTURES).is_dir():
            return folder / PICTURES
    for folder in above:
        if inside(folder, first.name, first.where).is_file():
            return folder
    raise UserError(
        f"No pictures were found for the model in '{model}': there is no folder '{PICTURES}' there or above. "
        "Give their folder as --image-path."
    )


def _frame(image: ColmapImage, cameras: dict[int, ColmapCamera], path: Path, pictures: Path) -> Frame:
    camera = cameras.get(image.camera)
    if camera is None:
        raise UserError(f"{image.where}: there is no camera {image.camera} in '{path}'. Export the model again.")
    given = dict(zip(camera.model.parameters, camera.parameters, strict=True))
    if min(camera.width, camera.height) < 1:
        raise UserError(f"{camera.where}: the camera has {camera.width} x {camera.height} pixels. Export it again.")
    picture = inside(pictures, image.name, image.where)
    mask = inside(pictures.parent / MASKS, f"{image.name}.png", image.where)
    return Frame(
        name=image.name,
        where=image.where,
        picture=picture,
        camera_to_world=pose_of_quaternion(image.quaternion, image.translation, image.where),
        intrinsics=Intrinsics(
            model=camera.model.lens,
            fx=given.get("fx", given.get("f")),
            fy=given.get("fy", given.get("f")),
            cx=given["cx"],
            cy=given["cy"],
            distortion=coefficients(camera.model.lens, given),
            size=(camera.width, camera.height),
        ),
        mask=MaskFile(path=mask, black_is="ignored") if mask.is_file() else None,
    )


def _box(path: Path, coding: _Coding, notes: list[str]) -> Box | None:
    """The box of nearly all points: a few lie far away for mistakes in matching."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    points = coding.points(path)
    points = points[np.isfinite(points).all(1)]
    if len(points) < FEWEST_POINTS:
        return None
    low, high = np.percentile(points, PERCENTILES, axis=0)
    edge = high - low
    if float(edge.max()) <= 0:
        return None
    # A flat scene has a box nevertheless.
    margin = MARGIN * np.maximum(edge, 0.1 * edge.max())
    notes.append(f"the scene's box holds the middle 98 % of {path.name} along each axis, with a margin of 10 %")
    return Box(low=low - margin, high=high + margin)


COLMAP = Layout(
    looked_for="sparse/0/cameras.bin or cameras.txt (COLMAP)",
    find=find_colmap,
    read=read_colmap,
)
