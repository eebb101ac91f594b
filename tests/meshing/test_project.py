"""Polished vertices and normals. Oracles: spheres and a torus in closed form, flat faces, and what must stay put."""

import math

import numpy as np
import pytest
import torch

from nfield.core.mesh import Mesh
from nfield.meshing.checks import describe
from nfield.meshing.extraction import extract_surface
from nfield.meshing.project import median_edge, project, vertex_normals

LOW, HIGH = np.full(3, -1.0), np.full(3, 1.0)


def double(mesh, field, **options):
    return project(mesh, field, dtype=torch.float64, **options)


def scaled_ball(shapes):
    """Zero on the sphere of radius 0.7, but no distance: linear crossings miss it, and so does one Newton step."""
    return lambda x: (x * x).sum(-1) ** 2 - 0.7**4


def test_vertices_come_to_lie_on_the_sphere(shapes):
    field = scaled_ball(shapes)
    mesh = extract_surface(field, LOW, HIGH, 24, dtype=torch.float64)
    before = np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.7).max()
    after = np.abs(np.linalg.norm(double(mesh, field).vertices, axis=1) - 0.7).max()
    assert before > 1e-3
    assert after < 1e-6
    found = describe(double(mesh, field))
    assert found.watertight
    assert found.outward
    assert found.euler_characteristic == 2


def test_area_and_volume_keep_their_second_order(shapes):
    errors = []
    for cells in (16, 32, 64):
        mesh = double(extract_surface(shapes.torus(), LOW, HIGH, cells, dtype=torch.float64), shapes.torus())
        found = describe(mesh)
        assert found.watertight
        assert found.euler_characteristic == 0
        area, volume = 4 * math.pi**2 * 0.6 * 0.25, 2 * math.pi**2 * 0.6 * 0.0625
        errors.append((abs(found.area / area - 1), abs(found.volume / volume - 1)))
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert (rates.mean(0) > 1.8).all()


def test_other_levels(shapes):
    mesh = extract_surface(shapes.ball(0.5), LOW, HIGH, 24, level=0.2)
    radii = np.linalg.norm(double(mesh, shapes.ball(0.5), level=0.2).vertices, axis=1)
    np.testing.assert_allclose(radii, 0.7, atol=1e-9)


def test_fields_without_gradients_are_projected_by_differences(shapes):
    field = scaled_ball(shapes)
    mesh = extract_surface(field, LOW, HIGH, 24, dtype=torch.float64)
    radii = np.linalg.norm(double(mesh, lambda x: field(x.detach())).vertices, axis=1)
    np.testing.assert_allclose(radii, 0.7, atol=1e-4)


def test_batches_change_nothing(shapes):
    field = scaled_ball(shapes)
    mesh = extract_surface(field, LOW, HIGH, 12, dtype=torch.float64)
    np.testing.assert_allclose(double(mesh, field, batch=37).vertices, double(mesh, field).vertices, atol=1e-12)


def test_no_vertex_goes_farther_than_the_limit(shapes):
    """A ball that is larger by 0.05: out of reach at a limit of 0.04, reached at 0.06."""
    mesh = extract_surface(shapes.ball(0.6), LOW, HIGH, 24, dtype=torch.float64)
    largest = np.abs(np.linalg.norm(mesh.vertices, axis=1) - 0.6).max()
    assert largest < 0.005
    near = double(mesh, shapes.ball(0.65), limit=0.04)
    np.testing.assert_array_equal(near.vertices, mesh.vertices)
    far = double(mesh, shapes.ball(0.65), limit=0.06)
    np.testing.assert_allclose(np.linalg.norm(far.vertices, axis=1), 0.65, atol=1e-9)


def test_the_faces_of_the_box_stay(shapes):
    """An eighth of a ball: the three flat faces, which the field knows nothing of, keep their places inside."""
    field = shapes.ball(1.2, (-1.0, -1.0, -1.0))
    mesh = extract_surface(field, LOW, HIGH, 24, dtype=torch.float64)
    moved = double(mesh, field)
    inner = np.linalg.norm(mesh.vertices + 1, axis=1) < 1.0
    assert inner.sum() > 50
    np.testing.assert_array_equal(moved.vertices[inner], mesh.vertices[inner])
    assert describe(moved).watertight


def test_no_face_turns_over():
    """The middle of a fan is called beyond the fan's rim, where its faces would turn over: it stays."""
    rim = [(0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (-0.1, 0.0, 0.0), (0.0, -0.1, 0.0)]
    mesh = Mesh(
        vertices=np.array([(0.0, 0.0, 0.0), *rim]),
        faces=np.array([(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1)]),
    )

    def field(x):
        """Calls the middle to x = 0.2 and holds the rim where it is."""
        middle = (x[:, 1:].abs() < 0.01).all(-1) & (x[:, 0] < 0.09) & (x[:, 0] > -0.09) | (x[:, 0] > 0.15)
        return torch.where(middle, x[:, 0] - 0.2, 0 * x[:, 0])

    np.testing.assert_array_equal(double(mesh, field, limit=1.0).vertices, mesh.vertices)


def test_a_mesh_without_faces_is_left_alone(shapes):
    mesh = Mesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), np.int64))
    assert project(mesh, shapes.ball()) is mesh
    assert vertex_normals(mesh, shapes.ball()).shape == (0, 3)


@pytest.mark.parametrize("differentiable", [True, False])
def test_normals_of_a_sphere_are_its_directions(shapes, differentiable):
    ball = shapes.ball()
    mesh = double(extract_surface(ball, LOW, HIGH, 24, dtype=torch.float64), ball)
    field = ball if differentiable else lambda x: ball(x.detach())
    expected = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(mesh, field, dtype=torch.float64), expected, atol=1e-4)
    faces = vertex_normals(mesh)
    np.testing.assert_allclose(np.linalg.norm(faces, axis=1), 1, atol=1e-6)
    assert (faces * expected).sum(1).min() > 0.97


def test_faces_decide_where_the_gradient_says_nothing(shapes):
    """A constant field, and one whose sign is turned."""
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 12)
    expected = vertex_normals(mesh)
    for field in (lambda x: 0 * x[:, 0], lambda x: -shapes.ball()(x)):
        np.testing.assert_allclose(vertex_normals(mesh, field), expected, atol=1e-6)


def test_flat_faces_have_their_normal_weighted_by_area():
    """Two faces at a right angle, one twice as large: (0, 1, 2) of length one along their common edge."""
    mesh = Mesh(
        vertices=np.array([(0.0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 1), (5, 5, 5)]),
        faces=np.array([(0, 1, 2), (1, 0, 3)]),
    )
    # The second face turns from x to the origin to z: its vector is (-1, 0, 0) x (-1, 0, 1) / 2 = (0, 1, 0) / 2.
    together = np.array([0, 1, 2]) / math.sqrt(5)
    expected = [together, together, [0, 0, 1], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(vertex_normals(mesh), expected, atol=1e-6)
    assert median_edge(mesh) == 1
