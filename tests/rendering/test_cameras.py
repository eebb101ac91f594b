"""Cameras: orientation, framing and rays against closed forms."""

import numpy as np
import pytest

from nfield.core.limits import UPWARD
from nfield.rendering.cameras import MARGIN, Camera, orbit_cameras, upright, view_names


def test_axes_of_a_camera_in_front():
    camera = Camera(position=np.array([0.0, 0, 5]), target=np.zeros(3), up=np.array([0.0, 1, 0]))
    assert camera.axes == pytest.approx(np.eye(3))
    assert camera.camera_to_world[:3, 3] == pytest.approx([0, 0, 5])


def test_rays_grow_to_the_right_and_upwards_and_are_square():
    camera = Camera(position=np.array([0.0, 0, 5]), target=np.zeros(3), up=np.array([0.0, 1, 0]), view_angle=90)
    rays = camera.directions(4, 8)
    # The shorter side spans the angle: its pixels' middles lie at ±1/4 and ±3/4 of the slope 1.
    assert rays[0, 0] == pytest.approx([-1.75, 0.75, -1])
    assert rays[3, 7] == pytest.approx([1.75, -0.75, -1])
    assert rays.mean(axis=(0, 1)) == pytest.approx([0, 0, -1])


@pytest.mark.parametrize("count", [1, 2, 4, 7])
@pytest.mark.parametrize("shift", [0.0, 1e7])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_the_box_fits_into_every_picture_and_fills_one(count, shift, scale):
    low, high = np.array([-1.0, -2, -0.7]) * scale + shift, np.array([1.0, 0.5, 3]) * scale + shift
    cameras = orbit_cameras(low, high, count)
    assert len(cameras) == count
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
    extents = []
    for camera in cameras:
        right, up, toward = camera.axes @ (corners - camera.position).T
        slope = np.tan(np.radians(camera.view_angle) / 2)
        extents.append(max(np.abs(right / toward).max(), np.abs(up / toward).max()) / slope)
    assert max(extents) == pytest.approx(1 / MARGIN, rel=1e-4)
    distances = [np.linalg.norm(camera.position - camera.target) for camera in cameras]
    assert distances == pytest.approx([distances[0]] * count, rel=1e-4)


def test_views_stand_where_their_names_say():
    left, right, back, above = orbit_cameras(-np.ones(3), np.ones(3))
    assert view_names() == ["front left", "right", "back", "above"]
    assert left.position[0] < 0 < left.position[2]
    assert right.position[0] > 0
    assert back.position[2] < 0
    assert above.position[1] > 2 * np.linalg.norm(above.position[[0, 2]])
    assert len(set(view_names(6))) == 6


@pytest.mark.parametrize("up", UPWARD)
def test_the_axis_that_is_asked_for_points_upwards(up):
    sign, axis = (-1 if up.startswith("-") else 1), "xyz".index(up[-1])
    side, upward, front = upright(up)
    assert sign * upward[axis] == 1
    assert front.tolist() == ([0, -1, 0] if axis == 2 else [0, 0, 1])
    # A rotation, no mirror: nothing is drawn the wrong way round.
    assert np.linalg.det(np.stack([side, upward, front])) == pytest.approx(1)
    first, *_, above = orbit_cameras(-np.ones(3), np.array([3.0, 1, 2]), up=up)
    assert first.axes[1] @ upward > 0.9
    assert (first.position - first.target) @ front > 0
    assert (first.position - first.target) @ side < 0
    assert above.axes[2] @ upward > 0.9


def test_views_are_the_same_of_a_shape_that_was_turned_with_its_axis():
    low, high = np.array([-1.0, -2, -0.7]), np.array([1.0, 0.5, 3])
    plain = orbit_cameras(low, high)
    for up in UPWARD:
        turn = upright(up)
        ends = np.stack([low, high]) @ turn
        for one, other in zip(plain, orbit_cameras(ends.min(0), ends.max(0), up=up), strict=True):
            assert other.position @ turn.T == pytest.approx(one.position)
            assert other.axes @ turn.T == pytest.approx(one.axes)


def test_boxes_without_size_or_sense_still_give_cameras():
    for low, high in ((np.ones(3), np.ones(3)), (np.full(3, np.nan), np.ones(3))):
        for camera in orbit_cameras(low, high):
            assert np.isfinite(camera.axes).all()


def test_points_inside_bring_the_cameras_nearer():
    points = np.random.default_rng(0).normal(size=(500, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    by_box, by_points = (orbit_cameras(-np.ones(3), np.ones(3), inside=inside)[0] for inside in (None, points))
    assert np.linalg.norm(by_points.position) < 0.9 * np.linalg.norm(by_box.position)
