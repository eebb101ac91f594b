"""COLMAP's models: camera models against COLMAP's formulas, boxes of points, and damaged files."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from posed_scenes import (
    FLIP,
    PINHOLE,
    ring,
    write_colmap_binary,
    write_colmap_text,
    write_pictures,
)

from nfield.core.checks import UserError
from nfield.io.cameras.posed import load_views

MODELS = [
    ("SIMPLE_PINHOLE", 0, (10.0, 4.0, 3.0)),
    ("PINHOLE", 1, (10.0, 11.0, 4.0, 3.5)),
    ("SIMPLE_RADIAL", 2, (10.0, 4.0, 3.0, 0.1)),
    ("RADIAL", 3, (10.0, 4.0, 3.0, 0.1, -0.2)),
    ("OPENCV", 4, (10.0, 11.0, 4.0, 3.0, 0.1, -0.2, 0.01, 0.02)),
    ("OPENCV_FISHEYE", 5, (10.0, 11.0, 4.0, 3.0, 0.1, -0.2, 0.03, 0.04)),
    ("SIMPLE_RADIAL_FISHEYE", 8, (10.0, 4.0, 3.0, 0.1)),
    ("RADIAL_FISHEYE", 9, (10.0, 4.0, 3.0, 0.1, -0.2)),
]


def by_colmap(name: str, p: tuple[float, ...], u: float, v: float) -> tuple[float, float]:
    """COLMAP's place of (u, v) on the plane at depth 1, each model written out as its documentation has it."""
    r2 = u * u + v * v
    theta = np.arctan(np.sqrt(r2))
    t2, out = theta**2, theta / np.sqrt(r2)
    match name:
        case "SIMPLE_PINHOLE":
            return p[0] * u + p[1], p[0] * v + p[2]
        case "PINHOLE":
            return p[0] * u + p[2], p[1] * v + p[3]
        case "SIMPLE_RADIAL":
            return p[0] * u * (1 + p[3] * r2) + p[1], p[0] * v * (1 + p[3] * r2) + p[2]
        case "RADIAL":
            radial = 1 + p[3] * r2 + p[4] * r2**2
            return p[0] * u * radial + p[1], p[0] * v * radial + p[2]
        case "OPENCV":
            radial = 1 + p[4] * r2 + p[5] * r2**2
            return (
                p[0] * (u * radial + 2 * p[6] * u * v + p[7] * (r2 + 2 * u * u)) + p[2],
                p[1] * (v * radial + 2 * p[7] * u * v + p[6] * (r2 + 2 * v * v)) + p[3],
            )
        case "OPENCV_FISHEYE":
            radial = out * (1 + p[4] * t2 + p[5] * t2**2 + p[6] * t2**3 + p[7] * t2**4)
            return p[0] * u * radial + p[2], p[1] * v * radial + p[3]
        case "SIMPLE_RADIAL_FISHEYE":
            return p[0] * u * out * (1 + p[3] * t2) + p[1], p[0] * v * out * (1 + p[3] * t2) + p[2]
    radial = out * (1 + p[3] * t2 + p[4] * t2**2)
    return p[0] * u * radial + p[1], p[0] * v * radial + p[2]


@pytest.mark.parametrize(("name", "number", "parameters"), MODELS)
def test_camera_models_project_as_colmap_does(tmp_path: Path, name: str, number: int, parameters: tuple[float, ...]):
    camera = (name, number, parameters)
    for write, root in ((write_colmap_text, tmp_path / "text"), (write_colmap_binary, tmp_path / "binary")):
        lens = load_views(write(root, ring(2), camera)).views[0].lens
        found = lens.project(torch.tensor([0.2, -0.3, -1.0], dtype=torch.float64)).tolist()
        assert found == pytest.approx(by_colmap(name, parameters, 0.2, 0.3), abs=1e-9)


def test_models_that_are_not_read(tmp_path: Path):
    camera = ("FULL_OPENCV", 6, (10.0, 10.0, 4.0, 3.0, *[0.0] * 8))
    with pytest.raises(UserError, match=r"cameras\.txt', line 2: the camera model 'FULL_OPENCV' is not read.*PINHOLE"):
        load_views(write_colmap_text(tmp_path / "text", ring(2), camera))
    with pytest.raises(UserError, match=r"cameras\.bin', CAMERA_ID 7: the camera model 'FULL_OPENCV' is not read"):
        load_views(write_colmap_binary(tmp_path / "binary", ring(2), camera))
    with pytest.raises(UserError, match="the camera model 'MODEL_ID 99' is not read"):
        load_views(write_colmap_binary(tmp_path / "new", ring(2), ("NEW", 99, (1.0,))))


@pytest.mark.parametrize("points_line", ["", "1.5 2.5 -1", "1.5 2.5 -1 3 4 17", None])
def test_the_second_line_of_a_picture_may_be_empty_or_left_out(tmp_path: Path, points_line: str | None):
    found = load_views(write_colmap_text(tmp_path, points_line=points_line))
    np.testing.assert_allclose(found.poses, np.stack(ring()), atol=1e-9)


def test_pictures_come_in_the_order_of_their_names(tmp_path: Path):
    write_colmap_text(tmp_path)
    path = tmp_path / "sparse" / "0" / "images.txt"
    first, *lines = path.read_text().splitlines()
    pairs = [lines[i : i + 2] for i in range(0, len(lines), 2)]
    path.write_text("\n".join([first, *(line for pair in reversed(pairs) for line in pair)]))
    assert [view.name for view in load_views(tmp_path).views] == [f"p{i}.png" for i in range(9)]


def test_the_box_holds_the_points_but_for_strays(tmp_path: Path):
    points = np.random.default_rng(0).uniform((-1, -2, 0), (1, 2, 0.5), (5000, 3))
    points[:5] = 1e6
    for write, root in ((write_colmap_text, tmp_path / "text"), (write_colmap_binary, tmp_path / "binary")):
        found = load_views(write(root, points=points))
        assert found.box is not None
        np.testing.assert_allclose(found.box.low, (-1.18, -2.36, -0.045), atol=0.03)
        np.testing.assert_allclose(found.box.high, (1.18, 2.36, 0.545), atol=0.03)
        assert found.notes[0].startswith("the scene's box holds the middle 98 % of points3D")
        assert found.unbounded is None


def test_few_points_give_no_box(tmp_path: Path):
    assert load_views(write_colmap_text(tmp_path, points=np.eye(3))).box is None


def test_an_inside_out_capture_is_not_suspected(tmp_path: Path):
    """COLMAP's axes are known."""
    found = load_views(write_colmap_text(tmp_path, [pose @ FLIP for pose in ring()]))
    assert len(found.notes) == 1


def test_pictures_elsewhere(tmp_path: Path):
    write_colmap_text(tmp_path / "scene")
    (tmp_path / "scene" / "images").rename(tmp_path / "photos")
    with pytest.raises(UserError, match=r"No pictures were found for the model in '.*sparse/0'.*--image-path"):
        load_views(tmp_path / "scene")
    assert len(load_views(tmp_path / "scene", image_path=tmp_path / "photos").views) == 9
    with pytest.raises(UserError, match=r"There is no folder '.*nowhere' of pictures"):
        load_views(tmp_path / "scene", image_path=tmp_path / "nowhere")


def test_a_model_beside_its_pictures(tmp_path: Path):
    """All in one folder."""
    write_colmap_text(tmp_path / "scene")
    for file in (tmp_path / "scene" / "sparse" / "0").iterdir():
        file.rename(tmp_path / file.name)
    write_pictures(tmp_path)
    assert len(load_views(tmp_path).views) == 9


def test_masks_lie_in_a_folder_of_their_own(tmp_path: Path):
    write_colmap_text(tmp_path)
    (tmp_path / "masks").mkdir()
    painted = np.zeros((6, 8), np.uint8)
    painted[2:] = 255
    Image.fromarray(painted).save(tmp_path / "masks" / "p1.png.png")
    views = load_views(tmp_path).views
    assert views[0].read_mask is None
    assert views[1].read_mask is not None
    np.testing.assert_array_equal(views[1].read_mask(), painted > 0)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("cameras.txt", "7 PINHOLE eight 6 1 1 1 1", "line 1 must hold CAMERA_ID MODEL WIDTH HEIGHT PARAMS"),
        ("cameras.txt", "7 PINHOLE 8 6 1 1 1", r"line 1: the camera has 3 parameters, but its model has 4 \(fx, fy"),
        ("cameras.txt", "7 PINHOLE 0 6 1 1 1 1", "the camera has 0 x 6 pixels"),
        ("cameras.txt", "7 PINHOLE 8 6 -1 1 1 1", "The focal length fx must be a positive number, but is -1"),
        ("cameras.txt", "8 PINHOLE 8 6 1 1 1 1", r"line 2 \('p0\.png'\): there is no camera 7"),
        ("images.txt", "1 1 0 0 0 0 0 7 a.png", "line 1 must hold IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"),
        ("images.txt", "1 0 0 0 0 0 0 0 7 p0.png", r"\('p0\.png'\): the pose must be finite"),
        ("images.txt", "1 1 0 0 0 0 0 0 7 ../p0.png", r"the path '\.\./p0\.png' leads out of the folder"),
        ("images.txt", "# nothing", "lists no picture"),
        ("points3D.txt", "1 2 3 x", "line 1 must hold POINT3D_ID X Y Z"),
    ],
)
def test_bad_lines(tmp_path: Path, name: str, line: str, message: str):
    write_colmap_text(tmp_path)
    (tmp_path / "sparse" / "0" / name).write_text(line + "\n")
    with pytest.raises(UserError, match=message):
        load_views(tmp_path)


@pytest.mark.parametrize("name", ["cameras.bin", "images.bin", "points3D.bin"])
@pytest.mark.parametrize("kept", [4, 20, -1])
def test_truncated_binaries(tmp_path: Path, name: str, kept: int):
    write_colmap_binary(tmp_path, camera=PINHOLE, points=np.zeros((30, 3)))
    path = tmp_path / "sparse" / "0" / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=rf"{name}' is truncated or no {name} of COLMAP: it ends within record \d+"):
        load_views(tmp_path)


def test_a_count_that_is_no_count_is_noticed_at_once(tmp_path: Path):
    write_colmap_binary(tmp_path)
    path = tmp_path / "sparse" / "0" / "images.bin"
    path.write_bytes(struct.pack("<Q", 2**60) + path.read_bytes()[8:])
    with pytest.raises(UserError, match="ends within record 10 of its images"):
        load_views(tmp_path)


def test_a_model_without_its_pictures_list(tmp_path: Path):
    write_colmap_binary(tmp_path)
    (tmp_path / "sparse" / "0" / "images.bin").unlink()
    with pytest.raises(UserError, match=r"No file '.*images\.bin'"):
        load_views(tmp_path)
