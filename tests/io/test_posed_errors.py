"""Folders and files that are no posed photographs: one message each, naming file, frame and value."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from posed_scenes import frames, ring, write_blender, write_colmap_text, write_json, write_nerfstudio

from nfield.core.checks import UserError
from nfield.io.cameras.posed import load_views


def scene_with(root: Path, index: int, **changes: Any) -> Path:
    """A scene with one frame changed; values of None are taken out."""
    write_nerfstudio(root)
    content = json.loads((root / "transforms.json").read_text())
    frame = {**content["frames"][index], **changes}
    content["frames"][index] = {key: value for key, value in frame.items() if value is not None}
    write_json(root / "transforms.json", content)
    return root


def test_paths_that_lead_nowhere(tmp_path: Path):
    with pytest.raises(UserError, match=r"No file '.*scene'\. Check the path"):
        load_views(tmp_path / "scene")
    with pytest.raises(UserError, match=r"holds no camera poses\. Give a folder with one of: transforms_train\.json"):
        load_views(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"abc")
    with pytest.raises(UserError, match=r"a\.mp4' is no file of camera poses that is known"):
        load_views(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"frames": [1,\n 2,\n]}', "has a comma before a closing bracket in line 2, column 3"),
        ('{"frames": [],\n}', "has a comma before a closing bracket in line 1, column 14"),
        ('{"name": "NaN, \\" Infinity",\n "fl_x": NaN}', "holds NaN, which is no number, in line 2, column 10"),
        ('{"fl_x": -Infinity}', "holds -Infinity, which is no number, in line 1, column 10"),
        ('{"fl_x" 3}', r"is no valid JSON \(.*\) in line 1, column 9"),
        ("[1, 2]", r"must hold one JSON object \{\.\.\.\}, but holds a list"),
        ("[" * 100_000, "is no JSON file of cameras"),
        ('{"frames": [{"transform_matrix": ' + "9" * 400 + "}]}", "is no JSON file of cameras"),
        ("{}", 'must list the pictures under "frames", but has no such list'),
        ('{"frames": []}', "must list .* but has none there"),
        ('{"frames": {"a": 1}}', "must list .* but has {'a': 1} there"),
        ('{"frames": [7]}', r"frames\[0\] must be an object \{\.\.\.\}, but is 7"),
        ('{"frames": [{}]}', r"frames\[0\] has no file_path"),
        ("", "is empty"),
    ],
)
def test_files_that_are_no_transforms(tmp_path: Path, text: str, message: str):
    (tmp_path / "transforms.json").write_text(text)
    with pytest.raises(UserError, match=rf"transforms\.json'[,:]? {message}"):
        load_views(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path):
    (tmp_path / "transforms.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(UserError, match="byte 7 is no UTF-8 text"):
        load_views(tmp_path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path):
    path = write_nerfstudio(tmp_path) / "transforms.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_views(tmp_path).views) == 9


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"transform_matrix": None}, " has no transform_matrix"),
        ({"transform_matrix": [[1, 0], [0, 1]]}, r": the pose must be a 4 x 4 .* shape \(2, 2\)"),
        ({"file_path": "../p0.png"}, r": the path '\.\./p0\.png' leads out of the folder"),
        ({"file_path": "images/../../../etc/passwd"}, ": the path .* leads out of the folder"),
        ({"file_path": "/etc/passwd"}, ": the path '/etc/passwd' leads out of the folder"),
        ({"file_path": "..\\..\\p0.png"}, ": the path .* leads out of the folder"),
        ({"file_path": " "}, ": a file's path is missing or strange: ' '"),
        ({"mask_path": "../../mask.png"}, ": the path .* leads out of the folder"),
        ({"fl_x": -1}, ": The focal length fx must be a positive number, but is -1"),
    ],
)
def test_frames_that_cannot_be(tmp_path: Path, changes: dict[str, Any], message: str):
    with pytest.raises(UserError, match=rf"transforms\.json', frames\[4\] \('.*'\){message}"):
        load_views(scene_with(tmp_path, 4, **changes))


def test_links_inside_the_folder_may_lead_out(tmp_path: Path):
    write_nerfstudio(tmp_path / "scene")
    (tmp_path / "scene" / "images").rename(tmp_path / "photos")
    (tmp_path / "scene" / "images").symlink_to(tmp_path / "photos")
    assert load_views(tmp_path / "scene").views[0].pixels().shape == (6, 8, 3)


def test_missing_pictures_are_all_counted(tmp_path: Path):
    write_nerfstudio(tmp_path)
    for name in ("p1.png", "p5.png"):
        (tmp_path / "images" / name).unlink()
    with pytest.raises(
        UserError, match=r"2 of 9 pictures are missing: 'images/p1\.png', 'images/p5\.png'\. .*--skip-mis"
    ):
        load_views(tmp_path)
    found = load_views(tmp_path, skip_missing=True)
    assert len(found.views) == 7
    assert found.notes[0].startswith("2 of 9 views are left out, for their pictures are missing: 'images/p1.png'")


def test_at_most_ten_missing_pictures_are_named(tmp_path: Path):
    write_json(tmp_path / "transforms.json", {"fl_x": 1, "frames": frames(ring(13), [f"{i}.png" for i in range(13)])})
    with pytest.raises(UserError, match=r"13 of 13 pictures are missing: .*'9\.png' and 3 more\. "):
        load_views(tmp_path)
    with pytest.raises(UserError, match=r"all 13 pictures are missing"):
        load_views(tmp_path, skip_missing=True)


def test_scenes_of_one_view_or_one_place(tmp_path: Path):
    with pytest.raises(UserError, match="has 1 view, but depth needs several"):
        load_views(write_blender(tmp_path / "one", ring(1)))
    poses = ring()
    for pose in poses:
        pose[:3, 3] = 1
    with pytest.raises(UserError, match="all 9 cameras stand at one place"):
        load_views(write_colmap_text(tmp_path / "place", poses))


@pytest.mark.parametrize("downscale", [0.5, 0, -1, math.nan, math.inf])
def test_downscale_is_at_least_one(tmp_path: Path, downscale: float):
    with pytest.raises(UserError, match="downscale must be at least 1"):
        load_views(write_nerfstudio(tmp_path), downscale=downscale)


def test_a_file_that_is_no_picture(tmp_path: Path):
    write_nerfstudio(tmp_path)
    (tmp_path / "images" / "p3.png").write_text("hello")
    with pytest.raises(UserError, match=r"p3\.png' is not an image"):
        load_views(tmp_path)


def test_no_view_is_left_for_training(tmp_path: Path):
    names = [f"images/p{index}.png" for index in range(9)]
    with pytest.raises(UserError, match="has no view left for training"):
        load_views(write_nerfstudio(tmp_path, train_filenames=names[:2], test_filenames=names))
