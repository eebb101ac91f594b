"""Camera rigs. Oracles: what a rigid motion is, geometry of looking at a point, evenness by counting."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.scenes.rigs import RIGS, Rig, rig_poses, rig_splits

MIDDLE = np.array([0.3, -0.2, 0.1])


@given(rig=st.sampled_from(RIGS), count=st.integers(0, 40), radius=st.floats(0.1, 50), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_cameras_are_rigid_look_at_the_middle_and_stand_upright(rig: Rig, count: int, radius: float, seed: int) -> None:
    poses = rig_poses(rig, count, radius, seed=seed, middle=MIDDLE)
    assert poses.shape == (count, 4, 4)
    turns, positions = poses[:, :3, :3], poses[:, :3, 3]
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(turns), 1)
    assert (poses[:, 3] == [0, 0, 0, 1]).all()
    # Backward is the unit vector from the middle to the camera.
    assert np.allclose(positions - MIDDLE, radius * turns[:, :, 2])
    # Right is level, and the camera's up has a part of the world's.
    assert np.allclose(turns[:, 2, 0], 0)
    assert (turns[:, 2, 1] > 0.05).all()
    assert (positions[:, 2] >= MIDDLE[2]).all()


@pytest.mark.parametrize("rig", RIGS)
def test_the_seed_decides(rig: Rig) -> None:
    assert np.array_equal(rig_poses(rig, 5, 2.0, seed=3), rig_poses(rig, 5, 2.0, seed=3))
    assert not np.allclose(rig_poses(rig, 5, 2.0, seed=3), rig_poses(rig, 5, 2.0, seed=4))


def test_the_hemisphere_is_covered_evenly() -> None:
    """Every direction of the sky that it reaches has a camera within the spacing that so many allow."""
    directions = rig_poses("hemisphere", 100, 1.0)[:, :3, 2]
    nearest = np.sort(np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1))), axis=1)[:, 1]
    # A hexagonal lattice of 100 cameras on a half sphere would have 15.4 degrees.
    assert nearest.min() > 9
    assert nearest.max() < 16
    quarters = np.bincount((np.arctan2(directions[:, 1], directions[:, 0]) // (math.pi / 2)).astype(int) + 2)
    assert quarters.min() >= 23


def test_the_orbit_is_a_level_circle() -> None:
    directions = rig_poses("orbit", 12, 1.0)[:, :3, 2]
    assert np.allclose(directions[:, 2], math.sin(math.radians(25)))
    angles = np.unwrap(np.arctan2(directions[:, 1], directions[:, 0]))
    assert np.allclose(np.diff(angles), math.radians(30))


def test_forward_facing_cameras_stand_close_together_in_front() -> None:
    directions = rig_poses("forward-facing", 30, 1.0)[:, :3, 2]
    assert (directions[:, 1] < -0.6).all()
    angles = np.degrees(np.arccos(np.clip(directions @ directions.T, -1, 1)))
    assert 30 < angles.max() < 40.1


@pytest.mark.parametrize(("rig", "least"), [("hemisphere", 3.0), ("orbit", 3.0), ("forward-facing", 1.0)])
def test_cameras_held_out_stand_between_those_of_training(rig: Rig, least: float) -> None:
    train, test = rig_splits(rig, 50, 10, 2.0, seed=1)
    assert np.array_equal(train, rig_poses(rig, 50, 2.0, seed=1))
    cosines = np.clip(test[:, :3, 2] @ train[:, :3, 2].T, -1, 1)
    assert np.degrees(np.arccos(cosines)).min() > least
    # Nor do they stand apart from them.
    assert np.degrees(np.arccos(cosines)).min(1).max() < 20


def test_random_cameras_held_out_are_others() -> None:
    train, test = rig_splits("random", 20, 20, 2.0, seed=1)
    assert not (np.abs(train[:, None] - test).max((-1, -2)) < 1e-3).any()


def test_impossible_rigs_are_refused() -> None:
    with pytest.raises(UserError, match=r"Unknown rig 'orbits'\. Did you mean 'orbit'"):
        rig_poses("orbits", 3, 1.0)
    with pytest.raises(UserError, match="radius of the rig must be a positive number"):
        rig_poses("orbit", 3, -1.0)
