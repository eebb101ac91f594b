"""Poses: quaternions by hand and there and back, matrices that are no poses, and cameras that cannot be a scene."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from posed_scenes import FLIP, look_at, quaternion, ring

from nfield.core.checks import UserError
from nfield.io.cameras.pose_checks import check_places, nearest_point, note_on_axes
from nfield.io.cameras.poses import pose_of_matrix, pose_of_quaternion, rotation_of_quaternion

HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("turn", "image_of_x", "image_of_y"),
    [
        ((1, 0, 0, 0), (1, 0, 0), (0, 1, 0)),
        ((HALF, 0, 0, HALF), (0, 1, 0), (-1, 0, 0)),  # a quarter turn about z
        ((HALF, HALF, 0, 0), (1, 0, 0), (0, 0, 1)),  # about x
        ((0, 1, 0, 0), (1, 0, 0), (0, -1, 0)),  # half a turn about x
        ((-1, 0, 0, 0), (1, 0, 0), (0, 1, 0)),  # the other quaternion of the identity
    ],
)
def test_quaternions_worked_by_hand(turn: Any, image_of_x: Any, image_of_y: Any):
    rotation = rotation_of_quaternion(np.array(turn, float))
    np.testing.assert_allclose(rotation[:, 0], image_of_x, atol=1e-12)
    np.testing.assert_allclose(rotation[:, 1], image_of_y, atol=1e-12)


@given(arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_quaternions_there_and_back(turn: np.ndarray):
    turn = turn / np.linalg.norm(turn)
    rotation = rotation_of_quaternion(turn)
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    back = quaternion(rotation)
    np.testing.assert_allclose(back * np.sign(back @ turn), turn, atol=1e-7)


@given(
    arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1),
    arrays(np.float64, 3, elements=st.floats(-100, 100)),
)
def test_world_to_camera_is_inverted(turn: np.ndarray, shift: np.ndarray):
    """COLMAP's camera sees a world point x at R x + t; so must the inverse of our pose, but for the axes' signs.

    The quaternion's length does not matter.
    """
    pose = pose_of_quaternion(turn, shift, "here")
    rotation = rotation_of_quaternion(turn / np.linalg.norm(turn))
    point = np.array([1.0, -2.0, 3.0])
    seen = np.linalg.inv(pose) @ [*point, 1]
    np.testing.assert_allclose(seen[:3] * [1, -1, -1], rotation @ point + shift, atol=1e-9)


@pytest.mark.parametrize("bad", [((0, 0, 0, 0), (1, 2, 3)), ((1, 0, 0, 0), (1, math.nan, 3))])
def test_quaternions_that_are_none(bad: Any):
    with pytest.raises(UserError, match="here: the pose must be finite with a quaternion other than zero"):
        pose_of_quaternion(*bad, "here")


def test_matrices_are_taken_exactly_and_in_any_convention():
    pose = look_at((1, 2, 3))
    for matrix in (pose.tolist(), pose[:3].tolist()):
        found, scale = pose_of_matrix(matrix, "here")
        np.testing.assert_allclose(found, pose, atol=1e-15)
        assert scale == 1
    np.testing.assert_allclose(pose_of_matrix((pose @ FLIP).tolist(), "here", "opencv")[0], pose, atol=1e-15)
    mitsuba = pose @ np.diag([-1, 1, -1, 1])
    np.testing.assert_allclose(pose_of_matrix(mitsuba.tolist(), "here", "mitsuba")[0], pose, atol=1e-15)


def test_a_uniform_scale_is_taken_out_and_rounding_is_mended():
    pose = look_at((1, 2, 3))
    scaled = pose.copy()
    scaled[:3, :3] *= 2.5
    found, scale = pose_of_matrix(scaled.tolist(), "here")
    np.testing.assert_allclose(found, pose, atol=1e-12)
    assert scale == pytest.approx(2.5)
    found, scale = pose_of_matrix(np.round(pose, 3).tolist(), "here")
    assert scale == 1
    np.testing.assert_allclose(found[:3, :3].T @ found[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found, pose, atol=2e-3)


def _changed(change: Any) -> list[list[float]]:
    pose = np.eye(4)
    change(pose)
    return pose.tolist()


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2], [3, 4]], r"must be a 4 x 4 \(or 3 x 4\) matrix, but has the shape \(2, 2\)"),
        ([[1, 2], [3]], "must be 4 rows of 4 numbers, but is"),
        ("pose", "must be 4 rows of 4 numbers, but is 'pose'"),
        (_changed(lambda m: m.__setitem__((1, 3), math.inf)), "holds inf in row 2, column 4"),
        (_changed(lambda m: m.__setitem__((3, 0), 0.5)), "last row must be 0 0 0 1, but is 0.5 0 0 1"),
        (_changed(lambda m: m.__setitem__((3, slice(0, 3)), 1)), r"but is 1 1 1 1\. Is it transposed\?"),
        (_changed(lambda m: m.__setitem__((0, 0), -1)), "mirrored, for the determinant of its rotation is -1"),
        (_changed(lambda m: m.__setitem__((0, 0), 2)), "axes have the lengths 2 1 1"),
        (_changed(lambda m: m.__setitem__((0, 1), 0.5)), "axes have the lengths 1 1.118 1"),
        (_changed(lambda m: m.__setitem__((2, 2), 0)), r"flat, .*determinant 0"),
    ],
)
def test_matrices_that_are_no_poses(matrix: Any, message: str):
    with pytest.raises(UserError, match=rf"^here: the pose('s)? .*{message}|^here: the pose is {message}"):
        pose_of_matrix(matrix, "here")


def test_skew_axes_are_named():
    pose = np.eye(4)
    pose[:3, 1] = (math.cos(math.radians(80)), math.sin(math.radians(80)), 0)
    with pytest.raises(UserError, match=r"its x and y axes stand at 80\.00 degrees and not at 90"):
        pose_of_matrix(pose.tolist(), "here")


def test_places():
    poses = np.stack(ring())
    check_places(poses, "scene")
    with pytest.raises(UserError, match="'scene' has 1 view, but depth needs several"):
        check_places(poses[:1], "scene")
    poses[:, :3, 3] = (1, 2, 3)
    with pytest.raises(UserError, match=r"all 9 cameras stand at one place \(1 2 3\)"):
        check_places(poses, "scene")


def test_the_point_where_axes_meet():
    target = (0.5, -1.0, 2.0)
    poses = np.stack([look_at(eye, target) for eye in ((4, 0, 0), (0, 4, 1), (-4, 0, 3))])
    found = nearest_point(poses)
    assert found is not None
    np.testing.assert_allclose(found, target, atol=1e-9)
    parallel = np.stack([look_at((x, 0, 5), (x, 0.1, 0)) for x in (0.0, 1.0, 2.0)])
    assert nearest_point(parallel) is None
    assert note_on_axes(parallel, "opengl") is None


def test_cameras_that_look_away():
    poses = np.stack(ring())
    assert note_on_axes(poses, "opengl") is None
    note = note_on_axes(poses @ FLIP, "opengl")
    assert note is not None
    assert note.startswith("9 of 9 cameras look away from the point where their axes meet")
    assert note.endswith("the poses are in OpenCV's axes; read them with --convention opencv")
    one = poses.copy()
    one[0] = one[0] @ FLIP
    assert note_on_axes(one, "opengl") is None


def test_a_panning_camera_is_not_suspected():
    """Cameras along a wall, turned by chance, have axes that pass each other by."""
    random = np.random.default_rng(0)
    poses = np.stack([look_at(eye, eye + random.normal(size=3)) for eye in random.normal(size=(20, 3))])
    assert note_on_axes(poses, "opengl") is None
