"""What transforms.json files say beside poses: lenses, masks, boxes, splits and axes. Oracles: worked by hand."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from posed_scenes import FLIP, FOCAL, HEIGHT, WIDTH, frames, ring, write_json, write_nerfstudio, write_pictures

from nfield.core.checks import UserError
from nfield.core.lens import Lens
from nfield.io.cameras.posed import load_views

NO_LENS = {"fl_x": None, "fl_y": None, "cx": None, "cy": None, "w": None, "h": None}


def lens_of(root: Path, **facts: Any) -> Lens:
    return load_views(write_nerfstudio(root, **facts)).views[0].lens


def edit(root: Path, change: Any) -> Path:
    content = json.loads((root / "transforms.json").read_text())
    change(content)
    write_json(root / "transforms.json", content)
    return root


@pytest.mark.parametrize(
    ("facts", "model", "distortion"),
    [
        ({"camera_model": "PINHOLE"}, "pinhole", ()),
        ({"camera_model": "SIMPLE_PINHOLE", "k1": 0}, "pinhole", ()),
        ({"camera_model": "SIMPLE_RADIAL", "k1": 0.1}, "opencv", (0.1,)),
        ({"camera_model": "RADIAL", "k1": 0.1, "k2": 0.2}, "opencv", (0.1, 0.2)),
        (
            {"camera_model": "OPENCV", "k1": 0.1, "k2": 0.2, "p1": 0.01, "p2": 0.02, "k3": 0.3},
            "opencv",
            (0.1, 0.2, 0.01, 0.02, 0.3),
        ),
        ({"camera_model": "OPENCV", "k1": 0.1, "k4": 0, "p2": 0.02}, "opencv", (0.1, 0.0, 0.0, 0.02)),
        (
            {"camera_model": "OPENCV_FISHEYE", "k1": 0.1, "k2": 0.2, "k3": 0.3, "k4": 0.4},
            "fisheye",
            (0.1, 0.2, 0.3, 0.4),
        ),
        ({"is_fisheye": True, "k1": 0.1}, "fisheye", (0.1,)),
        ({"k1": 0.1}, "opencv", (0.1,)),
        ({"camera_model": "PINHOLE", "k1": 0.1}, "opencv", (0.1,)),
    ],
)
def test_camera_models(tmp_path: Path, facts: dict[str, Any], model: str, distortion: tuple[float, ...]):
    lens = lens_of(tmp_path, **facts)
    assert (lens.model, lens.distortion) == (model, distortion)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"camera_model": "EQUIRECTANGULAR"},
            "the camera model 'EQUIRECTANGULAR' is not read.*SIMPLE_PINHOLE, PINHOLE",
        ),
        ({"camera_model": "OPENCV", "k4": 0.1}, r"the coefficient k4 = 0\.1 is not read.*Only k1, k2, p1, p2, k3 are"),
        ({"fl_x": 0}, "The focal length fx must be a positive number, but is 0"),
        ({"fl_y": -3.5}, r"The focal length fy must be a positive number, but is -3\.5"),
        ({"fl_x": "ten"}, "fl_x must be a number, but is 'ten'"),
        ({"cx": True}, "cx must be a number, but is True"),
        ({**NO_LENS, "camera_angle_x": 40}, "camera_angle_x must lie between 0 and π, for it is in radians, but is 40"),
        (NO_LENS, r"no focal length is given\. Add fl_x"),
        ({"w": 8.5}, r"w and h must be whole numbers of pixels, but are 8\.5 and 6"),
    ],
)
def test_lenses_that_cannot_be(tmp_path: Path, facts: dict[str, Any], message: str):
    with pytest.raises(UserError, match=rf"transforms\.json', frames\[0\] \('images/p0\.png'\): {message}"):
        load_views(write_nerfstudio(tmp_path, **facts))


def test_what_a_file_leaves_out_of_the_lens(tmp_path: Path):
    """The axis in the middle, square pixels, and the size of the picture."""
    lens = lens_of(tmp_path / "a", **{**NO_LENS, "fl_x": 12.0})
    assert (lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy) == (WIDTH, HEIGHT, 12, 12, 4, 3)
    lens = lens_of(tmp_path / "b", **{**NO_LENS, "fl_y": 12.0, "cx": 3.5})
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == (12, 12, 3.5, 3)
    lens = lens_of(tmp_path / "c", **{**NO_LENS, "camera_angle_x": math.pi / 2})
    assert (lens.fx, lens.fy) == pytest.approx((4, 4))


def test_a_frame_has_a_lens_of_its_own(tmp_path: Path):
    def change(content: dict[str, Any]) -> None:
        content["frames"][1] |= {"fl_x": 11.0, "cx": 3.0}
        content["frames"][2] |= {"camera_angle_x": math.pi / 2, "camera_model": "SIMPLE_RADIAL", "k1": 0.1}

    views = load_views(edit(write_nerfstudio(tmp_path), change)).views
    assert (views[0].lens.fx, views[0].lens.cx) == (FOCAL, 4)
    assert (views[1].lens.fx, views[1].lens.fy, views[1].lens.cx) == (11, FOCAL, 3)
    assert views[2].lens.fx == pytest.approx(4)
    assert views[2].lens.distortion == (0.1,)


def test_pictures_of_another_size_scale_the_lens_where_the_shape_agrees(tmp_path: Path):
    found = load_views(write_nerfstudio(tmp_path, w=16, h=12, fl_x=20.0, fl_y=22.0, cx=7.0, cy=6.0))
    lens = found.views[0].lens
    assert (lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy) == (8, 6, 10, 11, 3.5, 3)
    assert found.notes[0].startswith("9 of 9 pictures have another size than their file says (16 x 12)")


def test_pictures_of_another_shape_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"frames\[0\].*p0\.png' has 8 x 6 pixels.*its camera is for 12 x 12"):
        load_views(write_nerfstudio(tmp_path, w=12, h=12))


def test_orientation_tags_are_left_aside_and_never_turn_a_picture_silently(tmp_path: Path):
    """A tag of 6 would make the 8 x 6 picture 6 x 8: what the camera says decides, and another shape is refused."""
    write_nerfstudio(tmp_path)
    stored = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(6, 8, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("p0.png", "p1.png"):
        Image.fromarray(stored).save(tmp_path / "images" / name, exif=exif)
    found = load_views(tmp_path)
    assert found.notes[0] == "the orientation tags of 2 pictures are left aside: they are read as they are stored"
    np.testing.assert_array_equal(found.views[0].pixels(), stored)
    edit(tmp_path, lambda content: content.update(w=6, h=8))
    with pytest.raises(
        UserError, match=r"p0\.png' has 8 x 6 .*orientation tag \(6\).*save it upright, without the tag"
    ):
        load_views(tmp_path)


def test_masks_of_both_conventions(tmp_path: Path):
    """nerfstudio: black is ignored. instant-ngp: black is used."""
    write_nerfstudio(tmp_path)
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[:, :3] = 1  # any number but 0 counts
    Image.fromarray(painted).save(tmp_path / "mask.png")
    Image.fromarray(painted).save(tmp_path / "images" / "dynamic_mask_p1.png")
    edit(tmp_path, lambda content: content["frames"][0].update(mask_path="mask.png"))
    views = load_views(tmp_path).views
    assert views[0].read_mask is not None
    assert views[1].read_mask is not None
    np.testing.assert_array_equal(views[0].read_mask(), painted == 1)
    np.testing.assert_array_equal(views[1].read_mask(), painted == 0)
    assert views[2].read_mask is None
    small = load_views(tmp_path, downscale=2).views[0]
    assert small.read_mask is not None
    # Columns 2 and 3 make one pixel, of which half is ignored: it is ignored.
    np.testing.assert_array_equal(small.read_mask(), np.arange(4)[None].repeat(3, 0) < 1)


def test_masks_that_do_not_fit(tmp_path: Path):
    write_nerfstudio(tmp_path)
    edit(tmp_path, lambda content: content["frames"][3].update(mask_path="mask.png"))
    with pytest.raises(UserError, match=r"frames\[3\] \('images/p3\.png'\): there is no mask '.*mask\.png'"):
        load_views(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "mask.png")
    with pytest.raises(UserError, match=r"frames\[3\].*mask\.png' has 4 x 4 pixels, but the picture has 8 x 6"):
        load_views(tmp_path)


@pytest.mark.parametrize(
    ("facts", "low", "high", "unbounded"),
    [
        ({"aabb_scale": 1}, [-0.5 / 0.33] * 3, [0.5 / 0.33] * 3, False),
        ({"aabb_scale": 16}, [-0.5 / 0.33] * 3, [0.5 / 0.33] * 3, True),
        ({"scale": 0.25, "offset": [0.5, 0.25, 0]}, [-2, -1, 0], [2, 3, 4], False),
        ({"scale": 0.5, "offset": 0.5}, [-1] * 3, [1] * 3, False),
        ({"aabb": [[0, 0, 0], [4, 2, 2]]}, [0, -1, -1], [4, 3, 3], False),
    ],
)
def test_instant_ngp_boxes_in_the_input_s_units(
    tmp_path: Path, facts: dict[str, Any], low: list[float], high: list[float], unbounded: bool
):
    found = load_views(write_nerfstudio(tmp_path, **facts))
    assert found.box is not None
    np.testing.assert_allclose(found.box.low, low)
    np.testing.assert_allclose(found.box.high, high)
    assert found.unbounded is unbounded
    assert found.notes[0].startswith("the scene's box is that of instant-ngp")
    assert found.notes[0].endswith("it goes on beyond") == unbounded


def test_no_box_is_made_up(tmp_path: Path):
    found = load_views(write_nerfstudio(tmp_path))
    assert found.box is None
    assert found.unbounded is None
    assert found.up is None


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"aabb_scale": 0}, "aabb_scale must be a positive number"),
        ({"scale": -1}, "scale must be a positive number"),
        ({"offset": [1, 2]}, "offset must be 3 numbers"),
        ({"aabb": [[0, 0, 0], [1, 0, 1]]}, "from its lower to its upper corner"),
        ({"aabb": 3}, "aabb must be two corners"),
        ({"up": [0, 0, 0]}, "up must not be zero"),
        ({"train_filenames": "all"}, "train_filenames must be a list of file paths"),
        ({"train_filenames": ["images/p99.png"]}, r"lists 'images/p99\.png'.*no frame has this file_path"),
    ],
)
def test_facts_that_cannot_be(tmp_path: Path, facts: dict[str, Any], message: str):
    with pytest.raises(UserError, match=message):
        load_views(write_nerfstudio(tmp_path, **facts))


def test_up_is_a_unit_vector(tmp_path: Path):
    found = load_views(write_nerfstudio(tmp_path, up=[0, 3, 4]))
    assert found.up is not None
    np.testing.assert_allclose(found.up, [0, 0.6, 0.8])


def test_listed_splits(tmp_path: Path):
    names = [f"./images/p{index}.png" for index in range(9)]
    lists = {"train_filenames": names[:5], "val_filenames": names[5:7], "test_filenames": names[7:]}
    found = load_views(write_nerfstudio(tmp_path, **lists))
    assert [view.name for view in found.of("test")] == ["images/p7.png", "images/p8.png"]
    assert len(found.of("train")) == 5
    assert found.notes == ("2 of 9 views are listed neither for training nor for testing and are left out",)
    edit(tmp_path, lambda content: content.pop("test_filenames"))
    assert [view.name for view in load_views(tmp_path).of("test")] == ["images/p5.png", "images/p6.png"]
    edit(tmp_path, lambda content: content.pop("train_filenames"))
    found = load_views(tmp_path)
    assert (len(found.of("train")), len(found.of("test")), found.notes) == (7, 2, ())


def test_a_view_in_both_lists_is_held_out(tmp_path: Path):
    names = [f"images/p{index}.png" for index in range(9)]
    found = load_views(write_nerfstudio(tmp_path, train_filenames=names, test_filenames=names[:2]))
    assert len(found.of("test")) == 2
    assert found.notes == ("2 views are listed both for training and for testing: they are held out",)


def test_what_is_not_used_is_told(tmp_path: Path):
    write_nerfstudio(tmp_path, ply_file_path="points.ply", applied_transform=[[1, 0, 0, 0]])
    edit(tmp_path, lambda content: content["frames"][2].update(depth_file_path="d.png"))
    assert load_views(tmp_path).notes[:3] == (
        "transforms.json names depths too, which are not used",
        "transforms.json names a point cloud too, which is not used",
        "the poses of transforms.json were turned or moved before (applied_transform); they are taken as they are",
    )


def test_scaled_axes_are_told_once(tmp_path: Path):
    poses = ring()
    for pose in poses[:4]:
        pose[:3, :3] *= 2
    found = load_views(write_nerfstudio(tmp_path, poses))
    assert found.notes[0].startswith("the axes of 4 of 9 poses have the length 2 and not 1")
    np.testing.assert_allclose(found.poses, np.stack(ring()), atol=1e-12)


def test_poses_of_another_convention(tmp_path: Path):
    write_nerfstudio(tmp_path, [pose @ FLIP for pose in ring()])
    assert "--convention opencv" in load_views(tmp_path).notes[0]
    found = load_views(tmp_path, convention="opencv")
    np.testing.assert_allclose(found.poses, np.stack(ring()), atol=1e-12)
    assert len(found.notes) == 1
    edit(tmp_path, lambda content: content.update(from_na=True))
    np.testing.assert_allclose(load_views(tmp_path).poses, np.stack(ring()), atol=1e-12)


def test_pictures_twice_with_windows_paths_and_absolute_ones(tmp_path: Path):
    names = write_pictures(tmp_path / "images", 3)
    listed = frames(ring(4), ["images\\p0.png", "./images/p0.png", str(tmp_path / "images" / names[1]), "images/p2"])
    write_json(tmp_path / "transforms.json", {"camera_angle_x": 1.0, "frames": listed})
    views = load_views(tmp_path).views
    assert [int(view.pixels()[0, 0, 0]) for view in views] == [0, 0, 20, 40]
