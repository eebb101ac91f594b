"""Camera paths of nerfstudio's viewer: what is read, by hand-made files, and what is refused."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.io.cameras.path import load_camera_path

POSE = [1, 0, 0, 0.5, 0, 1, 0, -2, 0, 0, 1, 3, 0, 0, 0, 1]


def path_file(folder: Path, **changed: Any) -> Path:
    facts: dict[str, Any] = {
        "camera_type": "perspective",
        "render_height": 60,
        "render_width": 80,
        "fps": 24,
        "camera_path": [
            {"camera_to_world": POSE, "fov": 90, "aspect": 4 / 3},
            {"camera_to_world": [POSE[i : i + 4] for i in range(0, 16, 4)], "fov": 40},
        ],
    }
    facts = {k: v for k, v in {**facts, **changed}.items() if v is not None}
    (folder / "path.json").write_text(json.dumps(facts))
    return folder / "path.json"


def test_poses_and_lenses(tmp_path: Path) -> None:
    path = load_camera_path(path_file(tmp_path))
    assert path.frames_per_second == 24
    first, second = path.views
    np.testing.assert_array_equal(first.camera_to_world, np.reshape(POSE, (4, 4)))
    np.testing.assert_array_equal(second.camera_to_world, first.camera_to_world)
    assert (first.lens.width, first.lens.height, first.lens.cx, first.lens.cy) == (80, 60, 40, 30)
    # An angle of 90 degrees from top to bottom: the focal length is half of the height.
    assert first.lens.fx == first.lens.fy == pytest.approx(30)
    assert second.lens.fy == pytest.approx(30 / math.tan(math.radians(20)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"camera_path": None}, 'must list the cameras under "camera_path"'),
        ({"camera_path": []}, 'must list the cameras under "camera_path"'),
        ({"camera_type": "fisheye"}, "type 'fisheye' cannot be rendered"),
        ({"render_width": None}, "render_width must be a number"),
        ({"render_height": 0.5}, "render_height must be a whole number"),
        ({"fps": 0}, "fps must be a whole number"),
        ({"camera_path": [{"fov": 40}]}, r"camera_path\[0\] must be an object"),
        ({"camera_path": [{"camera_to_world": POSE, "fov": 180}]}, "fov must lie between 0 and 180"),
        ({"camera_path": [{"camera_to_world": POSE[:12], "fov": 40}]}, "4 x 4"),
        ({"camera_path": [{"camera_to_world": [2.0, *POSE[1:]], "fov": 40}]}, "not rigid"),
    ],
)
def test_what_is_no_path_is_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        load_camera_path(path_file(tmp_path, **changed))
