"""The turn around a scene: rigid, level, evenly spaced, looking at the middle."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nfield.rendering.paths import interpolated, orbit, spiral, upward
from nfield.scenes.rigs import rig_poses


@pytest.mark.parametrize("up", [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 0.0)])
def test_a_turn(up: tuple[float, float, float]) -> None:
    middle, axis = np.array([1.0, -2.0, 0.5]), np.array(up) / np.linalg.norm(up)
    cameras = rig_poses("hemisphere", 9, 3.0, middle=middle)
    path = orbit(cameras, middle, np.array(up), 12)
    turns = path[:, :3, :3]
    np.testing.assert_allclose(turns.transpose(0, 2, 1) @ turns, np.broadcast_to(np.eye(3), (12, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1)
    offsets = path[:, :3, 3] - middle
    np.testing.assert_allclose(np.linalg.norm(offsets, axis=1), 3.0)
    np.testing.assert_allclose(path[:, :3, 2], offsets / 3.0, atol=1e-12)
    assert (path[:, :3, 1] @ axis > 0).all(), "the right way up"
    np.testing.assert_allclose(path[:, :3, 0] @ axis, 0, atol=1e-12)
    # Neighbours are equally far apart, the last and the first as well.
    steps = np.linalg.norm(np.roll(offsets, -1, axis=0) - offsets, axis=1)
    np.testing.assert_allclose(steps, steps[0])


def test_cameras_straight_above_still_give_a_turn() -> None:
    above = np.eye(4)
    above[:3, 3] = (0, 0, 2)
    path = orbit(above[None], np.zeros(3), np.array([0.0, 0.0, 1.0]), 4)
    assert np.isfinite(path).all()
    np.testing.assert_allclose(path[:, 2, 3], 2 * math.sin(math.radians(80)))


@pytest.mark.parametrize("tilt", [0.0, 10.0, 25.0, 45.0])
@pytest.mark.parametrize("one_side", [False, True])
def test_the_upward_direction_is_square_to_the_right_axes_of_level_cameras(tilt: float, one_side: bool) -> None:
    """Cameras on a hemisphere, all round or on one side, in worlds that are tilted as a COLMAP world may be."""
    cameras = rig_poses("hemisphere", 40, 2.0)
    if one_side:
        cameras = cameras[cameras[:, 1, 3] < -0.8]
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_rotvec([math.radians(tilt), 0, 0]).as_matrix()
    found = upward(turn @ cameras)
    assert math.degrees(math.acos(min(1.0, float(found @ turn[:3, 2])))) < 2


def test_the_upward_direction_of_cameras_held_in_opposite_ways() -> None:
    """Half of the cameras upside down: up or down, but along the axis."""
    cameras = rig_poses("orbit", 8, 2.0)
    cameras = np.concatenate([cameras, cameras @ np.diag([-1.0, -1.0, 1.0, 1.0])])
    np.testing.assert_allclose(np.abs(upward(cameras)), [0, 0, 1], atol=1e-6)


def rigid(path: np.ndarray) -> None:
    turns = path[:, :3, :3]
    np.testing.assert_allclose(turns.transpose(0, 2, 1) @ turns, np.broadcast_to(np.eye(3), turns.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turns), 1)


@pytest.mark.parametrize("rig", ["forward-facing", "hemisphere", "orbit"])
def test_a_spiral_stays_before_the_scene_and_looks_at_it(rig: str) -> None:
    middle, up = np.array([0.5, 0.0, -1.0]), np.array([0.0, 0.0, 1.0])
    cameras = rig_poses(rig, 20, 4.0, middle=middle)
    path = spiral(cameras, middle, up, 40)
    rigid(path)
    offsets = path[:, :3, 3] - middle
    distances = np.linalg.norm(offsets, axis=1)
    np.testing.assert_allclose(path[:, :3, 2], offsets / distances[:, None], atol=1e-9)
    assert (path[:, :3, 1] @ up > 0).all(), "the right way up"
    assert 2.5 < distances.min() < distances.max() < 5.5
    # Never turns away by more than the widest sway, and moves at all: it is no standing picture.
    mean = offsets.mean(0) / np.linalg.norm(offsets.mean(0))
    angles = np.degrees(np.arccos((offsets @ mean / distances).clip(-1, 1)))
    assert 1 < angles.max() < 35
    # The frame after the last is the first: no jump is longer than the others.
    steps = np.linalg.norm(np.roll(offsets, -1, axis=0) - offsets, axis=1)
    assert steps[-1] < 1.5 * steps[:-1].max()


def test_a_spiral_is_as_wide_as_the_cameras_stand() -> None:
    """Cameras on a small flat patch: half axes are the bound of their offsets, within a tenth."""
    across = np.linspace(-0.4, 0.4, 41)
    cameras = np.tile(np.eye(4), (41, 1, 1))
    cameras[:, 0, 3], cameras[:, 2, 3] = across, 4.0
    path = spiral(cameras, np.zeros(3), np.array([0.0, 1.0, 0.0]), 200)
    assert np.abs(path[:, 0, 3]).max() == pytest.approx(np.quantile(np.abs(across), 0.9), rel=0.1)


def test_interpolation_passes_cameras_in_a_short_order() -> None:
    """Cameras on a circle in random order: the way past them is about the circle, from the first one on."""
    cameras = rig_poses("orbit", 12, 2.0)
    order = np.random.default_rng(0).permutation(12)
    path = interpolated(cameras[order], np.zeros(3), 111)
    rigid(path)
    np.testing.assert_allclose(path[0], cameras[order[0]], atol=1e-9)
    length = np.linalg.norm(np.diff(path[:, :3, 3], axis=0), axis=1)
    circle = 2 * math.pi * np.linalg.norm(cameras[0, :2, 3])
    assert 0.8 * circle < length.sum() < 1.3 * circle
    assert length.max() < 2 * np.median(length), "an even pace"
    # All the time it looks about where the cameras look.
    towards = -path[:, :3, 3] / np.linalg.norm(path[:, :3, 3], axis=1, keepdims=True)
    assert ((towards * -path[:, :3, 2]).sum(1) > 0.95).all()


def test_few_frames_do_not_lead_through_the_scene() -> None:
    """Cameras all over a hemisphere, and four frames: all of these stay well outside, and look inwards."""
    path = interpolated(rig_poses("hemisphere", 50, 2.0), np.zeros(3), 4)
    distance = np.linalg.norm(path[:, :3, 3], axis=1)
    assert distance.min() > 1.2
    assert ((path[:, :3, 3] * path[:, :3, 2]).sum(1) / distance > 0.8).all()


def test_interpolation_between_few_cameras() -> None:
    cameras = rig_poses("orbit", 4, 2.0)
    assert (interpolated(cameras[:1], np.zeros(3), 5) == cameras[0]).all()
    # Two at one place are one.
    np.testing.assert_allclose(interpolated(np.stack([cameras[0]] * 2), np.zeros(3), 5), cameras[[0] * 5], atol=1e-12)
    two = interpolated(cameras[:2], np.zeros(3), 7)
    np.testing.assert_allclose(two[[0, -1]], cameras[:2], atol=1e-9)
    np.testing.assert_allclose(two[3, :3, 3], cameras[:2, :3, 3].mean(0), atol=1e-9)
    assert len(interpolated(cameras, np.zeros(3), 1)) == 1
