"""Depth cameras against what a pinhole sees of a unit sphere, and their errors against the laws that are told.

A camera at the distance D sees the cap whose points lie at angles below arccos(1/D) from it. Rays spread evenly over
the image fall on the sphere with a density of cos a / (r² cos³ φ): a, angle of incidence; r, length of the ray; φ, its
angle from the camera's axis.
"""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.meshing.extraction import extract_surface
from nfield.rendering.scene import MeshScene
from nfield.scenes.depth_camera import (
    Seen,
    camera_positions,
    depths,
    deviations,
    diagonal,
    measured,
    middle,
    seen_by_all,
)
from nfield.scenes.scan_options import ScanOptions
from nfield.scenes.scanner import scan
from nfield.scenes.shapes import Sphere


@pytest.fixture(scope="module")
def sphere() -> Mesh:
    return extract_surface(Sphere(radius=1.0), np.full(3, -1.1), np.full(3, 1.1), 64, slope=1.0, dtype=torch.float64)


def seen_by_one(mesh: Mesh, side: int = 300, **options) -> Seen:
    return seen_by_all(MeshScene(mesh), ScanOptions(cameras=1, **options), side, np.random.default_rng(0))


def polar(mesh: Mesh, points: np.ndarray, distance: float) -> np.ndarray:
    """Angles of points of the sphere from the direction to the camera."""
    axis = camera_positions(mesh, 1, distance)[0] - middle(mesh)
    return np.arccos(np.clip(points @ axis / np.linalg.norm(axis) / np.linalg.norm(points, axis=1), -1, 1))


def incidence(polar_angle: np.ndarray, far: float) -> np.ndarray:
    """Angles between normals and the way to a camera `far` from the middle of the unit sphere."""
    return np.arctan2(far * np.sin(polar_angle), far * np.cos(polar_angle) - 1)


@pytest.mark.parametrize("distance", [0.6, 1.5, 20.0])
def test_the_visible_cap_ends_where_rays_graze(sphere: Mesh, distance: float) -> None:
    far = distance * diagonal(sphere)
    angles = polar(sphere, seen_by_one(sphere, distance=distance).points, distance)
    # The last facet seen ends up to a cell behind the horizon, and the last ring of pixels before it is thin.
    assert angles.max() == pytest.approx(math.acos(1 / far), abs=0.05)


@pytest.mark.parametrize("distance", [0.7, 3.0])
def test_density_follows_the_cosine_over_the_squared_distance(sphere: Mesh, distance: float) -> None:
    """Counts in rings of the cap against the integral of the density: pixels spread far more evenly than at random."""
    far = distance * diagonal(sphere)
    angles = polar(sphere, seen_by_one(sphere, distance=distance).points, distance)
    edges = np.linspace(0, 0.9 * math.acos(1 / far), 7)
    fine = np.linspace(0, edges[-1], 6001)
    ray = np.sqrt(1 + far**2 - 2 * far * np.cos(fine))
    across = (far - np.cos(fine)) / ray  # cosine of φ
    density = np.cos(incidence(fine, far)) / (ray**2 * across**3) * 2 * np.pi * np.sin(fine)
    below = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(fine))])
    wanted = np.diff(np.interp(edges, fine, below))
    counts = np.histogram(angles, edges)[0]
    assert counts / counts.sum() == pytest.approx(wanted / wanted.sum(), rel=0.03)


def test_a_pixel_of_a_given_field_of_view_has_its_size(sphere: Mesh) -> None:
    """Share of the rays that hit: the sphere's disc tan²(arcsin(1/D)) π over the image's (2 tan(v/2))²."""
    far = 1.5 * diagonal(sphere)
    for degrees in (60.0, 90.0):
        count = seen_by_one(sphere, field_of_view=degrees).count
        share = math.pi * math.tan(math.asin(1 / far)) ** 2 / (2 * math.tan(math.radians(degrees) / 2)) ** 2
        assert count / 300**2 == pytest.approx(share, rel=0.02)
    # Narrower than the sphere: every ray hits, and only the middle of the cap.
    near = seen_by_one(sphere, side=50, field_of_view=10.0)
    assert near.count == 2500
    # Law of sines, for the ray through the image's corner.
    corner = math.atan(math.sqrt(2) * math.tan(math.radians(5)))
    assert polar(sphere, near.points, 1.5).max() == pytest.approx(math.asin(far * math.sin(corner)) - corner, rel=0.05)


def test_nothing_returns_beyond_the_largest_incidence(sphere: Mesh) -> None:
    far = 1.5 * diagonal(sphere)
    everything = seen_by_one(sphere)
    for limit in (30.0, 60.0):
        kept = seen_by_one(sphere, max_incidence=limit)
        assert np.degrees(kept.incidence).max() <= limit
        assert kept.count == (np.degrees(everything.incidence) <= limit).sum()
        # The incidence of a sphere's points follows from their polar angle, up to the facets' slopes.
        told = np.degrees(incidence(polar(sphere, kept.points, 1.5), far))
        assert told.max() == pytest.approx(limit, abs=2)
    # The default drops what grazes where noise would grow there.
    assert np.degrees(seen_by_one(sphere, noise=0.01, grazing_noise=0.05).incidence).max() <= 80


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_noise_grows_with_incidence_and_depth_as_told(sphere: Mesh, scale: float) -> None:
    """Standard deviations in bins of incidence: within 0.5 % and four standard errors, 1 / √(2 n) each."""
    mesh = Mesh(vertices=scale * (sphere.vertices + 7), faces=sphere.faces)
    far = 0.7 * diagonal(mesh) / scale
    options = ScanOptions(cameras=1, distance=0.7, noise=0.002, grazing_noise=0.2, quadratic_noise=True)
    seen = seen_by_all(MeshScene(mesh), options, 500, np.random.default_rng(1))
    moved = measured(mesh, seen, options, np.random.default_rng(2)).points - seen.points
    along = np.einsum("nd,nd->n", moved, seen.rays)
    assert np.linalg.norm(moved - along[:, None] * seen.rays, axis=1).max() < 1e-9 * scale
    angle = seen.incidence
    # Of a unit sphere both the incidence and the depth follow from the polar angle alone.
    fine = np.linspace(0, math.acos(1 / far), 2001)
    depth = np.interp(angle, incidence(fine, far), far - np.cos(fine))
    law = 0.002 * 2 * math.sqrt(3) * (1 + 0.2 * (angle / (math.pi / 2 - angle)) ** 2) * (depth / far) ** 2
    for low, high in ((0, 20), (20, 35), (35, 50), (50, 65), (65, 80)):
        inside = (np.degrees(angle) >= low) & (np.degrees(angle) < high)
        assert inside.sum() > 3000
        wanted = np.sqrt((law[inside] ** 2).mean())
        assert (along / scale)[inside].std() == pytest.approx(wanted, rel=0.005 + 4 / math.sqrt(2 * inside.sum()))
        assert abs((along / deviations(mesh, seen, options))[inside].mean()) < 5 / math.sqrt(inside.sum())


def test_each_law_alone() -> None:
    """Worked by hand: a ray at 45 degrees doubles the noise for G = 1; the depth 2 z₀ makes it fourfold."""
    square = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    mesh = Mesh(vertices=square, faces=np.array([[0, 1, 2], [0, 2, 3]]))
    direction, across = np.array([0.0, 0, 1]), np.array([1.0, 0, 0])
    assert camera_positions(mesh, 1)[0] == pytest.approx(1.5 * diagonal(mesh) * direction)
    seen = Seen(
        points=np.stack([np.zeros(3), -1.5 * diagonal(mesh) * direction]),
        rays=np.stack([-direction, -direction]),
        normals=np.stack([direction, (direction + across) / math.sqrt(2)]),
        cameras=np.zeros(2, dtype=np.int64),
    )
    size = 0.01 * diagonal(mesh)
    options = ScanOptions(cameras=1, noise=0.01)
    assert deviations(mesh, seen, options) == pytest.approx([size, size])
    options = ScanOptions(cameras=1, noise=0.01, grazing_noise=1.0)
    assert deviations(mesh, seen, options) == pytest.approx([size, 2 * size])
    options = ScanOptions(cameras=1, noise=0.01, quadratic_noise=True)
    assert deviations(mesh, seen, options) == pytest.approx([size, 4 * size])


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_depths_are_rounded_along_the_rays(sphere: Mesh, scale: float) -> None:
    mesh = Mesh(vertices=scale * sphere.vertices, faces=sphere.faces)
    options = ScanOptions(cameras=3, depth_step=0.01)
    seen = seen_by_all(MeshScene(mesh), options, 60, np.random.default_rng(0))
    found = measured(mesh, seen, options, np.random.default_rng(0))
    step = 0.01 * diagonal(mesh)
    steps = depths(mesh, found.points, found.cameras, options) / step
    assert np.abs(steps - np.round(steps)).max() < 1e-9
    moved = found.points - seen.points
    assert np.abs(np.cross(moved, seen.rays)).max() < 1e-9 * scale
    # Depths lie evenly within a step: their error is that of a uniform distribution, step / √12.
    wrong = steps * step - depths(mesh, seen.points, seen.cameras, options)
    assert np.abs(wrong).max() <= 0.5001 * step
    assert wrong.std() == pytest.approx(step / math.sqrt(12), rel=0.05)


def test_images_of_a_given_size_are_taken_once_and_say_how_much_they_hold(sphere: Mesh) -> None:
    options = ScanOptions(points=5000, cameras=2, pixels=40)
    cloud = scan(sphere, options, np.random.default_rng(0))
    # The sphere's disc, in images that fit the ball around its box, which is √3 times as wide at the middle's depth.
    far = 1.5 * diagonal(sphere)
    share = math.pi / 4 * (math.tan(math.asin(1 / far)) / options.half_width) ** 2
    assert cloud.count == pytest.approx(2 * 40**2 * share, rel=0.03)
    assert cloud.notes == (f"the depth images hold {cloud.count:,} points, fewer than the 5,000 asked for",)
    fewer = scan(sphere, ScanOptions(points=100, cameras=2, pixels=40), np.random.default_rng(0))
    assert fewer.count == 100
    assert fewer.notes == ()
    # The same rays: these are some of the others.
    assert np.isin(fewer.points, cloud.points).all()


def test_all_laws_together_are_repeatable_and_free_of_units(sphere: Mesh) -> None:
    options = ScanOptions(
        points=400, noise=0.01, grazing_noise=0.1, quadratic_noise=True, depth_step=1e-3, distance=2.0, normals=True
    )
    first, again, other = (scan(sphere, options, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.points, again.points)
    assert not np.isin(first.points, other.points).all(1).any()
    for scale in (1e-6, 1e6):
        scaled = scan(Mesh(vertices=scale * sphere.vertices, faces=sphere.faces), options, np.random.default_rng(1))
        # Rays of single precision may fall on the other side of a facet's edge or of a rounded depth, rarely.
        near = np.abs(scaled.points / scale - first.points).max(1) < 1e-4
        assert near.mean() > 0.98


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": 0.4}, "--distance"),
        ({"distance": math.nan}, "--distance"),
        ({"field_of_view": 0.0}, "--field-of-view"),
        ({"field_of_view": 180.0}, "--field-of-view"),
        ({"pixels": 1}, "--pixels"),
        ({"pixels": 5000}, "--pixels"),
        ({"max_incidence": 0.0}, "--max-incidence"),
        ({"max_incidence": 91.0}, "--max-incidence"),
        ({"noise": 0.1, "grazing_noise": 0.1, "max_incidence": 89.0}, "--max-incidence must be at most 85"),
        ({"noise": 0.1, "grazing_noise": -1.0}, "--grazing-noise"),
        ({"grazing_noise": 0.1}, "--grazing-noise says how --noise grows"),
        ({"quadratic_noise": True}, "--quadratic-noise says how --noise grows"),
        ({"depth_step": -0.1}, "--depth-step"),
        ({"depth_step": math.inf}, "--depth-step"),
    ],
)
def test_senseless_settings_of_cameras_are_refused_by_name(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ScanOptions(**options)


def test_what_cameras_do_not_see_is_told() -> None:
    """A square that is turned by 45 degrees returns nothing where rays have to meet it head-on."""
    square = np.array([[-1.0, -1, 1], [1, -1, 1], [1, 1, -1], [-1, 1, -1]])
    mesh = Mesh(vertices=square, faces=np.array([[0, 1, 2], [0, 2, 3]]), source="square")
    with pytest.raises(UserError, match="larger --max-incidence"):
        scan(mesh, ScanOptions(points=10, cameras=1, max_incidence=10.0), np.random.default_rng(0))
    options = ScanOptions(points=10, cameras=1, pixels=20, holes=1, hole_radius=2.0)
    with pytest.raises(UserError, match="--holes"):
        scan(mesh, options, np.random.default_rng(0))
