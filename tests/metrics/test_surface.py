"""Distances between surfaces. Oracles: concentric spheres and planes in closed form, a search over all faces."""

import math

import numpy as np
import pytest
import trimesh

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.core.sampling import sample_surface
from nfield.metrics import closest
from nfield.metrics.closest import ClosestOnMesh, distances_to_triangles
from nfield.metrics.surface import SURFACE_DEFINITIONS, surface_metrics

SAMPLES = 4000


def sphere(radius=1.0, level=4, middle=(0.0, 0.0, 0.0), inward=False):
    ball = trimesh.creation.icosphere(level)
    faces = ball.faces.astype(np.int64)
    directions = ball.vertices / np.linalg.norm(ball.vertices, axis=1, keepdims=True)
    return Mesh(vertices=radius * directions + middle, faces=faces[:, ::-1].copy() if inward else faces)


def square(height=0.0, edge=1.0, faces=((0, 1, 2), (0, 2, 3))):
    corners = np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)])
    return Mesh(vertices=corners * edge + [0, 0, height], faces=np.array(faces))


def random_mesh(seed=0, count=30):
    vertices = np.random.default_rng(seed).normal(size=(3 * count, 3))
    return Mesh(vertices=vertices, faces=np.arange(3 * count).reshape(-1, 3))


def distance_by_search(point, corners):
    """From a point to one triangle: the least over its inside, its edges and its corners, each on its own."""
    a, edges = corners[0], corners[1:] - corners[0]
    share = np.linalg.solve(edges @ edges.T, edges @ (point - a))
    found = [np.linalg.norm(point - corner) for corner in corners]
    if (share >= 0).all() and share.sum() <= 1:
        found.append(np.linalg.norm(point - a - share @ edges))
    for i in range(3):
        start, edge = corners[i], corners[(i + 1) % 3] - corners[i]
        along = (point - start) @ edge / (edge @ edge)
        if 0 <= along <= 1:
            found.append(np.linalg.norm(point - start - along * edge))
    return min(found)


@pytest.mark.parametrize("at_once", [17, 1 << 17])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-4, 0.0), (1e3, 1e6)])
def test_closest_faces_against_a_search_over_all(monkeypatch, at_once, scale, offset):
    monkeypatch.setattr(closest, "_POINTS_AT_ONCE", at_once)
    base = random_mesh()
    mesh = Mesh(vertices=base.vertices * scale + offset, faces=base.faces)
    points = np.random.default_rng(1).normal(size=(60, 3)) * 2 * scale + offset
    every = np.array([[distance_by_search(p, c) for c in mesh.corners] for p in points])
    found = ClosestOnMesh(mesh).find(points)
    np.testing.assert_allclose(found.distances, every.min(1), rtol=0, atol=2e-7 * scale * 6)
    across = np.cross(*(mesh.corners[:, 1:] - mesh.corners[:, :1]).transpose(1, 0, 2))
    expected = (across / np.linalg.norm(across, axis=1, keepdims=True))[every.argmin(1)]
    np.testing.assert_allclose(found.normals, expected, atol=1e-6)


@pytest.mark.parametrize("part", [1, 7, 64])
def test_parts_of_a_mesh_give_what_the_whole_gives(monkeypatch, part):
    mesh = random_mesh()
    points = np.random.default_rng(2).normal(size=(500, 3))
    whole = ClosestOnMesh(mesh).find(points)
    monkeypatch.setattr(closest, "_FACES_AT_ONCE", part)
    parts = ClosestOnMesh(mesh).find(points)
    np.testing.assert_allclose(parts.distances, whole.distances, rtol=0, atol=1e-7)
    # Where two triangles are as near to all digits of the search, either may be named.
    same = np.isclose(parts.normals, whole.normals, atol=1e-12).all(1)
    assert same.mean() > 0.99


def test_distances_to_triangles_above_beside_and_upon():
    corners = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0)])
    points = np.array([(0.2, 0.2, 3), (0.2, 0.2, -3), (-3, -4, 0), (1, 1, 0), (0.5, -2, 0), (0.25, 0.25, 0)])
    found = distances_to_triangles(points, np.broadcast_to(corners, (6, 3, 3)))
    np.testing.assert_allclose(found, [3, 3, 5, math.sqrt(0.5), 2, 0], atol=1e-12)


def test_faces_without_area_are_passed_over():
    mesh = Mesh(vertices=np.concatenate([square().vertices, [[9.0, 9, 9]]]), faces=np.array([(0, 1, 2), (4, 4, 4)]))
    assert ClosestOnMesh(mesh).find(np.array([[0.5, 0.25, 2.0]])).distances == pytest.approx([2])


def test_points_are_spread_evenly_by_area():
    """Counts of a square's 16 cells, cut into faces of very unequal sizes: chi-square with 15 degrees of freedom."""
    vertices = np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0.1, 0.2, 0)])
    mesh = Mesh(vertices=vertices, faces=np.array([(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)]))
    count = 16000
    points, faces = sample_surface(mesh, count, np.random.default_rng(0))
    cells = np.histogram2d(points[:, 0], points[:, 1], bins=4, range=[(0, 1), (0, 1)])[0]
    assert cells.sum() == count
    # The 1e-4 quantile.
    assert ((cells - count / 16) ** 2 / (count / 16)).sum() < 44.3
    np.testing.assert_allclose(points.mean(0), [0.5, 0.5, 0], atol=5 / math.sqrt(12 * count))
    np.testing.assert_allclose(np.bincount(faces) / count, [0.1, 0.45, 0.4, 0.05], atol=0.02)
    assert distances_to_triangles(points, mesh.corners[faces]).max() < 1e-12


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_points_of_tiny_and_huge_meshes(scale):
    points, _ = sample_surface(square(edge=scale), 1000, np.random.default_rng(0))
    np.testing.assert_allclose(points[:, :2].mean(0) / scale, 0.5, atol=0.05)


def test_faces_without_area_are_never_drawn():
    mesh = Mesh(vertices=square().vertices, faces=np.array([(0, 0, 1), (0, 1, 2), (2, 2, 2)]))
    assert set(sample_surface(mesh, 500, np.random.default_rng(0))[1]) == {1}


def test_concentric_spheres():
    """Distance 0.1 everywhere, up to the sagitta of the faces, some 0.002 of the radius; diagonal 2 sqrt(3)."""
    found = surface_metrics(sphere(1.1), sphere(1.0), samples=SAMPLES, tau=0.05)
    assert found.diagonal == pytest.approx(2 * math.sqrt(3), rel=1e-2)
    for name in ("accuracy", "completeness", "chamfer", "hausdorff"):
        units = getattr(found, f"{name}_units")
        assert units == pytest.approx(0.1, abs=3e-3)
        assert getattr(found, name) == pytest.approx(units / found.diagonal)
    assert found.chamfer == pytest.approx((found.accuracy + found.completeness) / 2)
    assert found.hausdorff >= max(found.accuracy, found.completeness)
    assert found.precision == found.recall == found.fscore == 1
    assert found.normal_consistency == pytest.approx(1, abs=5e-3)
    assert found.flipped == 0
    assert found.samples == SAMPLES
    assert surface_metrics(sphere(1.1), sphere(1.0), samples=SAMPLES, tau=0.01).fscore == 0


def test_a_mesh_against_itself():
    found = surface_metrics(sphere(), sphere(), samples=SAMPLES)
    assert found.hausdorff < 1e-7
    assert found.fscore == 1
    assert found.normal_consistency == pytest.approx(1, abs=1e-3)
    assert found.flipped == 0


def test_a_mesh_inside_out():
    found = surface_metrics(sphere(inward=True), sphere(), samples=SAMPLES)
    assert found.flipped == 1
    assert found.normal_consistency == pytest.approx(1, abs=1e-3)
    assert found.hausdorff < 1e-7


def test_half_of_a_square():
    """All of the mesh lies on the truth, half of the truth on the mesh; the rest lies up to sqrt(0.5) from it."""
    found = surface_metrics(square(faces=[(0, 1, 2)]), square(), samples=20_000, tau=1e-6)
    assert found.accuracy < 1e-7
    assert found.precision == 1
    assert found.recall == pytest.approx(0.5, abs=0.02)
    assert found.fscore == pytest.approx(2 * found.recall / (1 + found.recall))
    # A third of the other half's height, for one half of all points.
    assert found.completeness_units == pytest.approx(math.sqrt(0.5) / 6, rel=0.03)
    assert found.hausdorff_units == pytest.approx(math.sqrt(0.5), rel=0.03)
    assert found.diagonal == pytest.approx(math.sqrt(2))


def test_a_right_angle_has_no_normals_in_common():
    upright = Mesh(vertices=square().vertices[:, [2, 0, 1]], faces=square().faces)
    found = surface_metrics(upright, square(), samples=200)
    assert found.normal_consistency == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1e4])
def test_units_scale_with_the_mesh(scale):
    one = surface_metrics(sphere(1.1, 3), sphere(1.0, 3), samples=500)
    other = surface_metrics(sphere(1.1 * scale, 3), sphere(scale, 3), samples=500)
    for name in ("accuracy", "completeness", "chamfer", "hausdorff"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-6)
        assert getattr(other, f"{name}_units") == pytest.approx(scale * getattr(one, f"{name}_units"), rel=1e-6)
    assert other.diagonal == pytest.approx(scale * one.diagonal)
    assert other.fscore == one.fscore


def test_a_place_far_from_the_origin_changes_nothing():
    far = (1e6, -2e6, 3e6)
    found = surface_metrics(sphere(1.1, 3, far), sphere(1.0, 3, far), samples=500)
    near = surface_metrics(sphere(1.1, 3), sphere(1.0, 3), samples=500)
    assert found.chamfer == pytest.approx(near.chamfer, rel=1e-6)


def test_the_same_generator_draws_the_same():
    one, other = (surface_metrics(sphere(1.1, 2), sphere(level=2), samples=100) for _ in range(2))
    assert one == other
    draw = np.random.default_rng(1)
    assert surface_metrics(sphere(1.1, 2), sphere(level=2), samples=100, generator=draw) != one
    assert set(SURFACE_DEFINITIONS) <= set(vars(one))


def test_a_cloud_as_the_truth():
    """The vertices of a square grid, below a square at height 0.1, with and without normals."""
    axis = np.linspace(0, 1, 41)
    points = np.stack([*np.meshgrid(axis, axis), np.zeros((41, 41))], -1).reshape(-1, 3)
    down = np.tile([0.0, 0, -1], (len(points), 1))
    found = surface_metrics(square(0.1), PointCloud.from_arrays(points, down), samples=SAMPLES)
    assert found.completeness_units == pytest.approx(0.1, rel=1e-6)
    # The closest point of the cloud lies aside by up to half a diagonal of its cells.
    assert 0.1 <= found.accuracy_units <= math.hypot(0.1, 0.025 * math.sqrt(0.5))
    assert found.normal_consistency == pytest.approx(1)
    assert found.flipped == 1
    bare = surface_metrics(square(0.1), PointCloud.from_arrays(points), samples=100)
    assert bare.normal_consistency is None
    assert bare.flipped is None
    assert bare.completeness_units == pytest.approx(0.1, rel=1e-6)
    unknown = surface_metrics(square(0.1), PointCloud.from_arrays(points, 0 * down), samples=100)
    assert unknown.normal_consistency is None


def test_mistakes_are_told():
    good = square()
    nothing = Mesh(vertices=np.zeros((3, 3)), faces=np.zeros((0, 3), np.int64))
    flat = Mesh(vertices=good.vertices, faces=np.array([(0, 1, 1)]))
    broken = Mesh(vertices=np.where(good.vertices == 1, np.nan, good.vertices), faces=good.faces)
    point = Mesh(vertices=np.ones((3, 3)), faces=np.array([(0, 1, 2)]))
    for bad, words in ((nothing, "no area"), (flat, "no area"), (broken, "not finite")):
        with pytest.raises(UserError, match=words):
            surface_metrics(bad, good, samples=10)
    for bad, words in ((nothing, "no faces"), (flat, "no area"), (broken, "not finite")):
        with pytest.raises(UserError, match=words):
            ClosestOnMesh(bad)
    for bad in (nothing, broken, point):
        with pytest.raises(UserError, match="has a bounding box with diagonal"):
            surface_metrics(good, bad, samples=10)
    with pytest.raises(UserError, match="The number of samples must be at least 1"):
        surface_metrics(good, good, samples=0)
    with pytest.raises(UserError, match=r"tau, the distance up to which .* must be a positive number"):
        surface_metrics(good, good, tau=0.0)
    with pytest.raises(UserError, match="number of points to sample must be at least 1"):
        sample_surface(good, 0, np.random.default_rng(0))
