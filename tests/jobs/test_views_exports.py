"""Meshes and clouds of radiance fields, against a ball of known place, size and colours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from solid_fields import ball_field

from nfield.core.checks import UserError
from nfield.core.lens import Lens
from nfield.core.views import View
from nfield.fields.scene import SceneField
from nfield.jobs.views.mesh import scene_mesh
from nfield.jobs.views.points import SeenPoints, seen_points
from nfield.meshing.checks import describe
from nfield.scenes.rigs import rig_poses

MIDDLE = np.array([3.0, -1.0, 2.0])


def cameras(distance: float = 20.0, *, below: bool = True) -> list[View]:
    poses = rig_poses("random", 12, distance, middle=MIDDLE)
    if below:
        turn = np.diag([1.0, -1.0, -1.0, 1.0])
        turn[:3, 3] = MIDDLE - turn[:3, :3] @ MIDDLE
        poses = np.concatenate([poses, turn @ poses])
    lens = Lens.of_angle(48, 40, 50.0)
    return [View(name=f"{i}", camera_to_world=pose, lens=lens) for i, pose in enumerate(poses)]


def seen(field: SceneField, count: int = 4000) -> SeenPoints:
    return seen_points(field, cameras(), count, torch.Generator().manual_seed(0))


def test_seen_points_lie_on_the_ball() -> None:
    found = seen(ball_field())
    assert len(found.points) == 4000
    offsets = found.points - MIDDLE
    radius = np.linalg.norm(offsets, axis=1)
    # The radius is 5 world units and a step 0.1 of them.
    assert np.abs(np.median(radius) - 5) < 0.1
    known = np.linalg.norm(found.normals, axis=1) > 0.5
    assert known.mean() > 0.9
    cosine = (found.normals * offsets).sum(1)[known] / radius[known]
    assert np.median(cosine) > 0.97
    assert (cosine > 0).mean() > 0.99
    assert ((found.rays * offsets).sum(1) < 0).mean() > 0.99, "seen from before"
    expected = (1 + offsets / 5) / 2 * 255
    assert np.median(np.abs(found.colours - expected)) < 6
    cloud = found.cloud("ball")
    np.testing.assert_array_equal(cloud.points, found.points)
    np.testing.assert_array_equal(cloud.colours, found.colours)
    np.testing.assert_allclose(cloud.normals, found.normals, atol=1e-6)


def test_the_same_points_again() -> None:
    np.testing.assert_array_equal(seen(ball_field(), 100).points, seen(ball_field(), 100).points)


def test_a_field_in_which_nothing_is_seen() -> None:
    field = ball_field()
    field.inner.densest = 0.0  # type: ignore[assignment]
    with pytest.raises(UserError, match="No camera sees anything"):
        seen(field, 100)


def test_the_mesh_is_where_the_cameras_see_the_ball() -> None:
    field = ball_field()
    found = seen(field, 20_000)
    mesh, notes = scene_mesh(field, found, 64)
    assert notes == ()
    told = describe(mesh)
    assert told.watertight, "the ball is seen from all sides"
    assert told.outward
    offsets = mesh.vertices - MIDDLE
    radius = np.linalg.norm(offsets, axis=1)
    reach = np.median(np.linalg.norm(found.points - MIDDLE, axis=1))
    assert np.abs(radius - reach).max() < 0.1
    assert mesh.normals is not None
    assert mesh.colours is not None
    assert np.quantile((mesh.normals * offsets).sum(1) / radius, 0.01) > 0.98
    assert np.abs(mesh.colours - (1 + offsets / 5) / 2 * 255).max() < 8


def test_what_no_camera_sees_is_left_out() -> None:
    """From above alone: cameras 20 away see the ball of 5 down to where lines of sight touch it."""
    field = ball_field()
    above = cameras(below=False)
    found = seen_points(field, above, 4000, torch.Generator().manual_seed(0))
    mesh, _ = scene_mesh(field, found, 64)
    assert not describe(mesh).watertight
    distances, _ = cKDTree(found.points).query(mesh.vertices)
    spacing = (4 * np.pi * 25 / 4000) ** 0.5
    assert distances.max() < 8 * spacing
    away = np.stack([view.position for view in above]) - MIDDLE
    height = (mesh.vertices - MIDDLE)[:, None] * away / np.linalg.norm(away, axis=1, keepdims=True)
    assert height.sum(-1).max(1).min() > 5 * 5 / 20 - 8 * spacing


def test_faces_of_a_mesh_of_views_can_be_few() -> None:
    field = ball_field()
    mesh, _ = scene_mesh(field, seen(field), 64, faces=500)
    assert 400 <= len(mesh.faces) <= 500


def test_points_that_are_seen_edge_on_are_no_surface() -> None:
    field = ball_field()
    found = seen(field, 100)
    with pytest.raises(UserError, match="seen edge on"):
        scene_mesh(field, replace(found, normals=np.zeros_like(found.normals)))


def test_a_mesh_of_space_without_bounds_is_brought_back() -> None:
    """The ball of 0.4 in the contracted cube is one of 0.8, five times as large in the world's units."""
    field = ball_field(radius=0.4, contracted=True, far=40.0, growth=0.02, scale=5.0)
    found = seen(field, 10_000)
    radius = np.linalg.norm(scene_mesh(field, found, 48)[0].vertices - MIDDLE, axis=1)
    reach = np.median(np.linalg.norm(found.points - MIDDLE, axis=1))
    assert np.abs(radius - reach).max() < 0.05
    assert abs(reach - 4) < 0.2
