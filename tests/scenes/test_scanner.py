"""Clouds of meshes, against formulas of the scanned shapes and against scans with one option less."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.meshing.extraction import extract_surface
from nfield.scenes.depth_camera import camera_positions
from nfield.scenes.scan_options import ScanOptions
from nfield.scenes.scanner import sample_cloud, scan
from nfield.scenes.shapes import Box, Sphere, Torus

HALF = np.array([1.0, 0.5, 0.25])


def cuboid() -> Mesh:
    """A box of twelve triangles, on whose faces the distance of `Box` is zero up to rounding."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64) * HALF
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh(vertices=corners, faces=np.array(faces, dtype=np.int64), source="cuboid")


def meshed(shape, cells: int) -> Mesh:
    low, high = shape.bounds
    return extract_surface(shape, 1.1 * low, 1.1 * high, cells, slope=1.0, dtype=torch.float64)


@pytest.fixture(scope="module")
def sphere() -> Mesh:
    return meshed(Sphere(radius=1.0), 48)


@pytest.fixture(scope="module")
def torus() -> Mesh:
    return meshed(Torus(large=1.0, small=0.4), 64)


def scanned(mesh: Mesh, *, seed: int = 0, **options) -> PointCloud:
    return scan(mesh, ScanOptions(**{"points": 3000, **options}), np.random.default_rng(seed))


def sampled(mesh: Mesh, *, points: int = 3000, seed: int = 0, **options) -> PointCloud:
    return sample_cloud(mesh, points, generator=np.random.default_rng(seed), **options)


def distances(shape, points: np.ndarray) -> np.ndarray:
    return shape(torch.from_numpy(points.reshape(-1, 3))).numpy().reshape(points.shape[:-1])


def off_the_cuboid(points: np.ndarray) -> np.ndarray:
    return np.abs(distances(Box(half=tuple(HALF)), points))


@pytest.mark.parametrize("draw", [scanned, sampled])
def test_points_lie_on_the_surface_in_the_number_wanted(draw) -> None:
    cloud = draw(cuboid())
    assert cuboid().volume == pytest.approx(1.0)
    assert cloud.points.shape == (3000, 3)
    assert cloud.points.dtype == np.float64
    assert cloud.normals is None
    assert cloud.source == "cuboid"
    assert off_the_cuboid(cloud.points).max() < 1e-6


@pytest.mark.parametrize("draw", [scanned, sampled])
def test_units_and_axes_are_kept(draw, sphere: Mesh) -> None:
    """A sphere of a thousandth and one of a thousand units, far from the origin: radii remain those of the mesh."""
    for scale in (1e-3, 1e3):
        centre = scale * np.array([1000.0, -2000.0, 500.0])
        moved = Mesh(vertices=sphere.vertices * scale + centre, faces=sphere.faces)
        radii = np.linalg.norm(draw(moved).points - centre, axis=1) / scale
        assert np.abs(radii - 1).max() < 2e-3


def test_uniform_points_are_spread_by_area() -> None:
    """Numbers of points on the six faces of the box, by the chi-squared distribution of 5 degrees: 99.99 % below 26."""
    points = sampled(cuboid(), points=20_000).points
    axis = (np.abs(np.abs(points) - HALF)).argmin(1)
    counts = np.bincount(2 * axis + (points[np.arange(len(points)), axis] > 0), minlength=6)
    areas = np.repeat(np.prod(HALF) / HALF, 2)
    wanted = 20_000 * areas / areas.sum()
    assert ((counts - wanted) ** 2 / wanted).sum() < 26


def test_cameras_stand_evenly_on_a_sphere(torus: Mesh) -> None:
    for count in (1, 2, 12, 50):
        positions = camera_positions(torus, count)
        radii = np.linalg.norm(positions, axis=1)
        assert np.ptp(radii) < 1e-2 * radii[0]
        assert radii[0] > torus.diagonal
        if count > 10:
            # Cap of a radius s has the share s²/4 of the unit sphere, so neighbours lie about 2/sqrt(count) apart.
            nearest = cKDTree(positions / radii[:, None]).query(positions / radii[:, None], k=2)[0][:, 1]
            assert nearest.min() > 2 / np.sqrt(count)
            assert np.linalg.norm((positions / radii[:, None]).mean(0)) < 0.1


def test_only_what_a_camera_sees_is_scanned(torus: Mesh) -> None:
    """One camera: by the torus's formula nothing lies between it and its points. Others are hidden and missing."""
    camera = np.array([camera_positions(torus, 1)[0]])
    shape = Torus(large=1.0, small=0.4)
    share_between = np.linspace(0, 0.97, 100)[:, None, None]

    def hidden(points: np.ndarray) -> np.ndarray:
        ways = camera + share_between * (points - camera)
        return distances(shape, ways).min(0) < -0.01

    assert not hidden(scanned(torus, cameras=1).points).any()
    assert hidden(sampled(torus).points).mean() > 0.3


def test_normals_are_those_of_the_faces_towards_the_camera(sphere: Mesh) -> None:
    inverted = Mesh(vertices=sphere.vertices, faces=sphere.faces[:, ::-1].copy())
    for mesh in (sphere, inverted):
        cloud = scanned(mesh, cameras=1, normals=True)
        toward = camera_positions(mesh, 1)[0] - cloud.points
        assert (np.einsum("nd,nd->n", cloud.normals, toward) > 0).all()
        assert np.einsum("nd,nd->n", cloud.normals, cloud.points).min() > 0.98
    whole = scanned(sphere, normals=True)
    assert np.einsum("nd,nd->n", whole.normals, whole.points).min() > 0.98
    # Twelve cameras leave nothing of a convex shape unseen.
    assert cKDTree(whole.points).query(sampled(sphere).points)[0].max() < 0.25


def test_noise_of_cameras_lies_along_their_rays(sphere: Mesh) -> None:
    """The standard deviation of 3000 draws is known to 1.3 % (one standard error)."""
    camera = camera_positions(sphere, 1)[0]
    clean, noisy = (scanned(sphere, cameras=1, noise=noise).points for noise in (0.0, 0.01))
    rays = (clean - camera) / np.linalg.norm(clean - camera, axis=1, keepdims=True)
    moved = noisy - clean
    along = np.einsum("nd,nd->n", moved, rays)
    # Rays start at the camera in single precision.
    assert np.linalg.norm(moved - along[:, None] * rays, axis=1).max() < 1e-5
    assert along.std() == pytest.approx(0.01 * sphere.diagonal, rel=0.05)
    assert abs(along.mean()) < 0.1 * along.std()


def test_noise_of_uniform_points_is_the_same_along_all_axes(sphere: Mesh) -> None:
    moved = sampled(sphere, noise=0.01).points - sampled(sphere).points
    assert moved.std(0) == pytest.approx(0.01 * sphere.diagonal, rel=0.05)
    # Without the clean points: noise of a distance's size σ moves the radius by σ too.
    radii = np.linalg.norm(sampled(sphere, noise=0.01).points, axis=1)
    assert radii.std() == pytest.approx(0.01 * sphere.diagonal, rel=0.05)


@pytest.mark.parametrize("draw", [scanned, sampled])
def test_outliers_are_of_the_share_and_in_the_enlarged_box(draw) -> None:
    clean, cloud = draw(cuboid()), draw(cuboid(), outliers=0.2)
    assert cloud.count == 3000
    away = off_the_cuboid(cloud.points) > 1e-6
    assert away.sum() == 600
    assert (clean.points[~away] == cloud.points[~away]).all()
    outliers = cloud.points[away] / (1.1 * HALF)
    assert np.abs(outliers).max() <= 1
    # Uniform in [-1, 1]: mean 0 and variance 1/3, each within four standard errors.
    assert np.abs(outliers.mean(0)).max() < 4 * np.sqrt(1 / 3 / 600)
    assert np.abs(outliers.var(0) - 1 / 3).max() < 4 * np.sqrt((1 / 5 - 1 / 9) / 600)
    # Shuffled: not all at the start.
    assert abs(np.flatnonzero(away).mean() - 1500) < 4 * 3000 / np.sqrt(12 * 600)
    assert not off_the_cuboid(draw(cuboid(), outliers=0.0).points).max() > 1e-6
    assert draw(cuboid(), outliers=1.0).count == 3000


def test_holes_are_empty_and_of_their_size(sphere: Mesh) -> None:
    """The farthest surface point from a dense cloud is a hole's middle, as far from all points as its radius says."""
    surface = sampled(sphere, points=20_000, seed=1).points
    empty = [
        cKDTree(scanned(sphere, points=20_000, holes=holes, hole_radius=0.1).points).query(surface)[0]
        for holes in (0, 1, 6)
    ]
    radius = 0.1 * sphere.diagonal
    assert empty[0].max() < radius / 2
    for found in empty[1:]:
        assert radius * 0.9 < found.max()
    assert empty[1].max() < radius * 1.15
    # A ball of radius s around a point of the unit sphere cuts off the share s²/4 of its area.
    assert (empty[1] > radius / 2).mean() == pytest.approx((radius / 2) ** 2 / 4, rel=0.5)
    assert (empty[2] > radius / 2).sum() > 2 * (empty[1] > radius / 2).sum()


@pytest.mark.parametrize("draw", [scanned, sampled])
def test_the_same_seed_gives_the_same_cloud(draw) -> None:
    options = {"noise": 0.01, "outliers": 0.1}
    if draw is scanned:
        options |= {"holes": 3, "misregistration": 0.01, "normals": True}
    one, two, other = (draw(cuboid(), seed=seed, **options) for seed in (5, 5, 6))
    assert np.array_equal(one.points, two.points)
    assert not np.isin(one.points, other.points).all(1).any()
    if one.normals is not None:
        assert np.array_equal(one.normals, two.normals)


def test_misregistration_moves_each_camera_as_a_rigid_body() -> None:
    clean = scanned(cuboid(), cameras=1, normals=True)
    assert np.array_equal(clean.points, scanned(cuboid(), cameras=1, misregistration=0.0).points)
    moved = scanned(cuboid(), cameras=1, misregistration=0.05, normals=True)
    change = np.linalg.norm(moved.points - clean.points, axis=1)
    assert 0 < change.max() < 0.05 * 8 * cuboid().diagonal
    # Kabsch: the best rotation and shift leave nothing over, also of the normals.
    a, b = clean.points - clean.points.mean(0), moved.points - moved.points.mean(0)
    left, _, right = np.linalg.svd(a.T @ b)
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    assert np.abs(a @ turn - b).max() < 1e-9
    assert np.abs(clean.normals @ turn - moved.normals).max() < 1e-6


def test_misregistration_has_the_size_told(sphere: Mesh) -> None:
    """Shifts of many cameras: the sphere's points leave it by the shift's part along the normal; turns change none."""
    cloud = scanned(sphere, cameras=200, misregistration=0.01)
    off = np.linalg.norm(cloud.points, axis=1) - 1
    # 600 draws of 200 shifts: 3 % in one standard error, somewhat more for the points are not spread over a sphere.
    assert off.std() == pytest.approx(0.01 * sphere.diagonal, rel=0.2)


def test_an_open_surface_is_seen_from_both_sides() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    cloud = scanned(Mesh(vertices=vertices, faces=np.array([[0, 1, 2], [0, 2, 3]])), normals=True)
    assert np.abs(cloud.points[:, 2]).max() < 1e-9
    assert set(np.round(cloud.normals[:, 2])) == {-1.0, 1.0}


def test_many_points_of_few_cameras(sphere: Mesh) -> None:
    cloud = scanned(sphere, points=60_000, cameras=1)
    assert cloud.count == 60_000
    assert cloud.notes == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points", 0),
        ("noise", -0.1),
        ("noise", float("nan")),
        ("outliers", 1.1),
        ("outliers", float("nan")),
        ("cameras", 0),
        ("holes", -1),
        ("hole_radius", -0.1),
        ("misregistration", float("inf")),
    ],
)
def test_senseless_options_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(UserError, match=f"--{field.replace('_', '-')}"):
        dataclasses.replace(ScanOptions(), **{field: value})


def test_what_cannot_be_scanned_is_told(sphere: Mesh) -> None:
    with pytest.raises(UserError, match="--holes"):
        scanned(sphere, holes=1, hole_radius=2.0)
    with pytest.raises(UserError, match="--points"):
        scanned(sphere, points=10**12)
    dot = Mesh(vertices=np.zeros((3, 3)), faces=np.array([[0, 1, 2]]), source="dot")
    with pytest.raises(UserError, match="dot"):
        scanned(dot)
    with pytest.raises(UserError, match="dot"):
        sampled(dot)
    for draw in (scanned, sampled):
        with pytest.raises(UserError, match="nothing"):
            draw(Mesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), dtype=np.int64), source="nothing"))
    with pytest.raises(UserError, match="--noise"):
        sampled(sphere, noise=-1.0)
