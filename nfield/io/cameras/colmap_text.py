"""COLMAP's models in text: cameras.txt, images.txt and points3D.txt. (https://colmap.github.io/format.html)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError
from nfield.io.cameras.camera_models import CameraModel, camera_model
from nfield.io.files import check_file, shown
from nfield.io.geometry.number_lines import is_blank, is_number

IMAGE_FIELDS = 10


@dataclass(frozen=True, kw_only=True)
class ColmapCamera:
    """One camera of a model."""

    where: str
    model: CameraModel
    width: int
    height: int
    parameters: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ColmapImage:
    """One registered picture of a model: world-to-camera rotation (w, x, y, z) and translation."""

    where: str
    name: str
    quaternion: tuple[float, ...]
    translation: tuple[float, ...]
    camera: int


def read_cameras_text(path: Path) -> dict[int, ColmapCamera]:
    """Cameras by CAMERA_ID. Raises UserError with the line of the first mistake."""
    cameras = {}
    for line_number, line in _lines(path, "cameras"):
        if is_blank(line, "#"):
            continue
        words = line.split()
        where = f"'{path}', line {line_number}"
        try:
            key, name, width, height = int(words[0]), words[1], int(words[2]), int(words[3])
            parameters = tuple(float(word) for word in words[4:])
        except (ValueError, IndexError):
            raise _strange(where, "CAMERA_ID MODEL WIDTH HEIGHT PARAMS...", line) from None
        model = camera_model(name, where)
        check_parameters(parameters, model, where)
        cameras[key] = ColmapCamera(where=where, model=model, width=width, height=height, parameters=parameters)
    return cameras


def read_images_text(path: Path) -> list[ColmapImage]:
    """The registered pictures. Raises UserError with the line of the first mistake.

    Each takes two lines, of which the second lists points, and may be empty or left out.
    """
    images = []
    points_next = False
    for line_number, line in _lines(path, "images"):
        if line.startswith("#"):
            continue
        words = line.split(maxsplit=IMAGE_FIELDS - 1)
        if points_next and _lists_points(line):
            points_next = False
            continue
        if not words:
            continue
        where = f"'{path}', line {line_number}"
        try:
            numbers = tuple(float(word) for word in words[1:8])
            camera, name = int(words[8]), words[9].strip()
        except (ValueError, IndexError):
            raise _strange(where, "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME", line) from None
        images.append(
            ColmapImage(
                where=f"{where} ('{name}')",
                name=name,
                quaternion=numbers[:4],
                translation=numbers[4:],
                camera=camera,
            )
        )
        points_next = True
    return images


def read_points_text(path: Path) -> Float64[np.ndarray, "n 3"]:
    """Positions of the points. Raises UserError with the line of the first mistake."""
    points = []
    for line_number, line in _lines(path, "points"):
        if is_blank(line, "#"):
            continue
        try:
            x, y, z = (float(word) for word in line.split(maxsplit=4)[1:4])
        except ValueError:
            raise _strange(f"'{path}', line {line_number}", "POINT3D_ID X Y Z ...", line) from None
        points.append((x, y, z))
    return np.array(points, np.float64).reshape(-1, 3)


def check_parameters(parameters: tuple[float, ...], model: CameraModel, where: str) -> None:
    """Raise UserError where a camera has not as many parameters as its model."""
    if len(parameters) != len(model.parameters):
        raise UserError(
            f"{where}: the camera has {len(parameters)} parameters, but its model has {len(model.parameters)} "
            f"({', '.join(model.parameters)}). Export the model again."
        )


def _lists_points(line: str) -> bool:
    """Whether a line may hold X Y POINT3D_ID of any number of points: tools leave empty ones out."""
    words = line.split()
    return len(words) % 3 == 0 and (not words or (is_number(words[0]) and is_number(words[-1])))


def _lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    check_file(path, what)
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        yield from enumerate(file, 1)


def _strange(where: str, wanted: str, line: str) -> UserError:
    return UserError(f"{where} must hold {wanted}, but holds {shown(line)}. Export the model as text again.")
