"""The turn around a scene: rigid, level, evenly spaced, looking at the middle."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from nfield.rendering.paths import orbit, upward
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
