"""Descriptions of meshes. Oracles: hand-made meshes counted by hand, spheres and a torus in closed form."""

import math

import numpy as np
import pytest
import torch

from nfield.core.mesh import Mesh
from nfield.meshing.checks import describe
from nfield.meshing.edges import odd_edges
from nfield.meshing.extraction import extract_surface


def test_a_tetrahedron(shapes):
    found = describe(shapes.tetrahedron(2.0, (5.0, 0.0, -3.0)))
    assert (found.vertices, found.faces, found.components, found.euler_characteristic) == (4, 4, 1, 2)
    assert found.watertight
    assert found.outward
    assert found.boundary_edges == found.crowded_edges == found.turned_edges == 0
    assert found.degenerate_faces == found.unused_vertices == 0
    assert found.area == pytest.approx(2 * (3 + math.sqrt(3)))
    assert found.volume == pytest.approx(8 / 6)


def test_an_inside_out_tetrahedron(shapes):
    found = describe(shapes.tetrahedron(inward=True))
    assert found.watertight
    assert found.outward is False
    assert found.volume == pytest.approx(-1 / 6)


def test_two_tetrahedra(shapes):
    found = describe(shapes.joined(shapes.tetrahedron(), shapes.tetrahedron(2.0, (3.0, 0.0, 0.0))))
    assert found.watertight
    assert (found.components, found.euler_characteristic) == (2, 4)
    assert found.volume == pytest.approx(9 / 6)


@pytest.mark.parametrize("cells", [1, 3])
def test_an_open_square(shapes, cells):
    found = describe(shapes.square(cells))
    assert not found.watertight
    assert found.volume is None
    assert found.outward is None
    assert found.boundary_edges == 4 * cells
    assert found.crowded_edges == found.turned_edges == 0
    assert (found.components, found.euler_characteristic) == (1, 1)
    assert found.area == pytest.approx(1)


def test_a_face_that_is_turned(shapes):
    solid = shapes.tetrahedron()
    faces = solid.faces.copy()
    faces[0] = faces[0, ::-1]
    found = describe(Mesh(vertices=solid.vertices, faces=faces))
    assert found.turned_edges == 3
    assert found.boundary_edges == found.crowded_edges == 0
    assert not found.watertight


def test_three_faces_at_an_edge():
    vertices = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, -1, 0)])
    mesh = Mesh(vertices=vertices, faces=np.array([(0, 1, 2), (1, 0, 3), (0, 1, 4)]))
    found = describe(mesh)
    assert found.crowded_edges == 1
    assert found.boundary_edges == 6
    found = odd_edges(mesh)
    edges = found.edges
    assert found.count == 7
    assert edges.ends.tolist() == [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [1, 3], [1, 4]]
    assert edges.faces.tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert edges.turns.tolist() == [1, -1, 1, -1, 1, -1, 1]


def test_faces_without_area_and_vertices_without_faces():
    vertices = np.array([(0.0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (7, 7, 7)])
    found = describe(Mesh(vertices=vertices, faces=np.array([(0, 1, 2), (0, 1, 3), (1, 1, 3)])))
    assert found.degenerate_faces == 2
    assert found.unused_vertices == 1


def test_no_faces():
    found = describe(Mesh(vertices=np.zeros((3, 3)), faces=np.zeros((0, 3), np.int64)))
    assert not found.watertight
    assert (found.components, found.euler_characteristic, found.unused_vertices, found.area) == (0, 0, 3, 0)


def test_spheres_of_ever_more_faces(shapes):
    """Inscribed: area and volume come from below, four times nearer with each level."""
    errors = []
    for level in (2, 3, 4):
        found = describe(shapes.icosphere(level, 2.0, (100.0, 0.0, 0.0)))
        assert found.watertight
        assert found.outward
        assert (found.faces, found.euler_characteristic) == (20 * 4**level, 2)
        errors.append((1 - found.area / (16 * math.pi), 1 - found.volume / (32 / 3 * math.pi)))
    assert (np.array(errors) > 0).all()
    np.testing.assert_allclose(np.array(errors[:-1]) / np.array(errors[1:]), 4, rtol=0.03)


def test_a_torus(shapes):
    mesh = extract_surface(shapes.torus(), np.full(3, -1.0), np.full(3, 1.0), 40, dtype=torch.float64)
    found = describe(mesh)
    assert found.euler_characteristic == 0
    assert found.watertight
    assert found.volume == pytest.approx(2 * math.pi**2 * 0.6 * 0.0625, rel=2e-2)
