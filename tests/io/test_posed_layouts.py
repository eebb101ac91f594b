"""The same cameras in every layout give the same views. Oracle: pictures' places of points, worked by hand."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from posed_scenes import (
    FOCAL,
    HEIGHT,
    WIDTH,
    look_at,
    ring,
    write_blender,
    write_colmap_binary,
    write_colmap_text,
    write_nerfstudio,
)

from nfield.core.views import View
from nfield.io.cameras.posed import load_views

WRITERS: dict[str, Callable[..., Path]] = {
    "blender": write_blender,
    "nerfstudio": write_nerfstudio,
    "colmap text": write_colmap_text,
    "colmap binary": write_colmap_binary,
}


def place(view: View, point: tuple[float, float, float]) -> list[float]:
    inner = np.linalg.inv(view.camera_to_world) @ [*point, 1.0]
    return view.lens.project(torch.from_numpy(inner[:3])).tolist()


@pytest.mark.parametrize("layout", WRITERS)
def test_a_known_point_lands_on_the_known_pixel(tmp_path: Path, layout: str):
    """From (4, 0, 0) towards the origin with z up, +y is to the right and +z is up, at depth 4 and focal length 10."""
    eyes = [(4.0, 0.0, 0.0), (0.0, 4.0, 0.0)]
    views = load_views(WRITERS[layout](tmp_path, [look_at(eye) for eye in eyes])).views
    assert place(views[0], (0.0, 0.0, 0.0)) == pytest.approx([4, 3])
    assert place(views[0], (0.0, 0.4, 0.8)) == pytest.approx([4 + 10 * 0.4 / 4, 3 - 10 * 0.8 / 4])
    assert place(views[1], (0.4, 0.0, 0.8)) == pytest.approx([4 - 10 * 0.4 / 4, 3 - 10 * 0.8 / 4])
    np.testing.assert_allclose(views[0].position, (4, 0, 0), atol=1e-12)
    np.testing.assert_allclose(views[0].forward, (-1, 0, 0), atol=1e-12)


def test_all_layouts_give_the_same_views(tmp_path: Path):
    sets = {layout: load_views(write(tmp_path / layout)) for layout, write in WRITERS.items()}
    first = sets["nerfstudio"]
    assert len(first.views) == 9
    for layout, found in sets.items():
        np.testing.assert_allclose(found.poses, np.stack(ring()), atol=1e-9, err_msg=layout)
        for one, other in zip(found.views, first.views, strict=True):
            assert (one.lens.width, one.lens.height, one.lens.model) == (WIDTH, HEIGHT, "pinhole")
            assert (one.lens.fx, one.lens.fy, one.lens.cx, one.lens.cy) == pytest.approx((FOCAL, FOCAL, 4, 3))
            assert one.split == other.split
            np.testing.assert_array_equal(one.pixels(), other.pixels())
        assert len(found.lenses) == 1


@pytest.mark.parametrize("layout", WRITERS)
def test_every_eighth_view_is_held_out_where_no_split_is_named(tmp_path: Path, layout: str):
    found = load_views(WRITERS[layout](tmp_path))
    assert [view.split for view in found.views] == ["train"] * 4 + ["test"] + ["train"] * 4
    assert found.notes[-1] == "the files name no split: every 8th view is held out, 1 of 9"


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("blender", "transforms_train.json"),
        ("nerfstudio", "transforms.json"),
        ("colmap text", "sparse/0/cameras.txt"),
        ("colmap text", "sparse/0/images.txt"),
        ("colmap binary", "sparse/0/images.bin"),
        ("colmap binary", "sparse/0"),
        ("colmap binary", "sparse"),
    ],
)
def test_one_file_of_a_layout_is_enough(tmp_path: Path, layout: str, name: str):
    root = WRITERS[layout](tmp_path)
    target = root / name
    if name == "sparse":
        for file in (root / "sparse" / "0").iterdir():
            file.rename(root / "sparse" / file.name)
    assert len(load_views(target).views) == 9


def test_blender_splits_follow_the_file_names(tmp_path: Path):
    for split, count in (("train", 3), ("val", 4), ("test", 2)):
        write_blender(tmp_path, ring(count), split)
    found = load_views(tmp_path)
    assert [view.split for view in found.views] == ["train"] * 3 + ["test"] * 2
    assert found.notes == ("transforms_val.json is left unread, for transforms_test.json holds the test views",)
    assert found.up is not None
    assert found.up.tolist() == [0, 0, 1]
    (tmp_path / "transforms_test.json").unlink()
    found = load_views(tmp_path)
    assert [view.split for view in found.views] == ["train"] * 3 + ["test"] * 4
    assert found.notes == ("there is no transforms_test.json: the views of transforms_val.json are held out",)
    (tmp_path / "transforms_train.json").unlink()
    found = load_views(tmp_path)
    assert (
        found.notes[0] == "there is no transforms_train.json, so that the views of transforms_val.json are split anew"
    )


def test_one_blender_file_is_read_alone(tmp_path: Path):
    write_blender(tmp_path, ring(9), "train")
    write_blender(tmp_path, ring(4), "test")
    found = load_views(tmp_path / "transforms_test.json")
    assert len(found.views) == 4
    assert found.notes[0].startswith("only transforms_test.json is read; give its folder")


def test_blender_angles_of_both_directions(tmp_path: Path):
    write_blender(tmp_path)
    path = tmp_path / "transforms_train.json"
    content = json.loads(path.read_text())
    content["camera_angle_y"] = 2 * math.atan(0.5 * HEIGHT / 20)
    path.write_text(json.dumps(content))
    lens = load_views(tmp_path).views[0].lens
    assert (lens.fx, lens.fy) == pytest.approx((FOCAL, 20))


def test_a_folder_of_several_layouts_says_what_it_leaves(tmp_path: Path):
    write_nerfstudio(tmp_path)
    write_colmap_text(tmp_path)
    found = load_views(tmp_path)
    assert found.notes[0] == "'sparse/0/cameras.txt' is there too and is left unread; give its path to read it"


def test_pictures_are_read_only_when_asked_for(tmp_path: Path):
    """A picture whose header is whole but whose content is cut off is noticed at `pixels`, not before."""
    write_nerfstudio(tmp_path)
    path = tmp_path / "images" / "p0.png"
    path.write_bytes(path.read_bytes()[:50])
    view = load_views(tmp_path).views[0]
    with pytest.raises(ValueError, match=r"p0\.png"):
        view.pixels()
