"""Camera paths as nerfstudio's viewer exports them: `camera_path.json`.

One object with `render_width`, `render_height`, `fps` and `camera_path`, whose entries have a `camera_to_world` matrix
of 16 numbers, row by row, in OpenGL's axes, and `fov`, the picture's angle in degrees from top to bottom. Places are in
the world of the cameras that were fitted.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.checks import UserError
from nfield.core.lens import Lens
from nfield.core.views import CameraPath, View
from nfield.io.cameras.poses import pose_of_matrix
from nfield.io.cameras.transforms import number
from nfield.io.json_files import read_json_object

LARGEST_SIDE = 16384
PERSPECTIVE = "perspective"


def load_camera_path(path: Path) -> CameraPath:
    """The frames of a file. Raises UserError where it is no camera path, or holds cameras that are no pinholes."""
    facts = read_json_object(path, "camera")
    entries = facts.get("camera_path")
    where = f"'{path}'"
    if not isinstance(entries, list) or not entries:
        raise UserError(
            f'{where} must list the cameras under "camera_path", as nerfstudio\'s viewer exports them; '
            f"its keys are {', '.join(facts) or 'none'}."
        )
    kind = facts.get("camera_type", PERSPECTIVE)
    if kind != PERSPECTIVE:
        raise UserError(f"{where}: cameras of the type '{kind}' cannot be rendered. Export it as '{PERSPECTIVE}'.")
    width, height = (_whole(facts.get(name), name, where, LARGEST_SIDE) for name in ("render_width", "render_height"))
    fps = _whole(facts.get("fps", 30), "fps", where, 1000)
    views = tuple(_view(entry, f"{where}, camera_path[{i}]", i, width, height) for i, entry in enumerate(entries))
    return CameraPath(views=views, frames_per_second=fps)


def _view(entry: Any, where: str, index: int, width: int, height: int) -> View:
    if not isinstance(entry, dict) or "camera_to_world" not in entry:
        raise UserError(f'{where} must be an object with "camera_to_world" and "fov".')
    matrix = entry["camera_to_world"]
    if isinstance(matrix, list) and len(matrix) == 16:
        matrix = [matrix[row : row + 4] for row in range(0, 16, 4)]
    pose, _ = pose_of_matrix(matrix, where)
    angle = number(entry.get("fov"), "fov", where)
    if not 0 < angle < 180:
        raise UserError(f"{where}: fov must lie between 0 and 180 degrees, but is {angle:g}.")
    focal = 0.5 * height / math.tan(math.radians(angle) / 2)
    lens = Lens(width=width, height=height, fx=focal, fy=focal, cx=width / 2, cy=height / 2)
    return View(name=f"{index:05d}", camera_to_world=np.asarray(pose), lens=lens)


def _whole(found: Any, name: str, where: str, most: int) -> int:
    value = number(found, name, where)
    if value != round(value) or not 1 <= value <= most:
        raise UserError(f"{where}: {name} must be a whole number from 1 to {most}, but is {value:g}.")
    return int(value)
