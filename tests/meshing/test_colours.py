"""Colours carried from points. Oracles: the nearest point's own colour, equal distances, and a double loop."""

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.meshing import colours as module
from nfield.meshing.colours import carry_colours


def random_cloud(count=50):
    draw = np.random.default_rng(0)
    return draw.random((count, 3)), draw.integers(0, 256, (count, 3)).astype(np.uint8)


def test_a_vertex_upon_a_point_takes_its_colour(shapes):
    points, colours = random_cloud()
    mesh = Mesh(vertices=points[:9], faces=np.arange(9).reshape(3, 3))
    found = carry_colours(mesh, points, colours)
    np.testing.assert_array_equal(found.colours, colours[:9])
    np.testing.assert_array_equal(found.corners, mesh.corners)
    assert mesh.colours is None


def test_one_neighbour_gives_the_nearest_points_colour(shapes):
    points, colours = random_cloud()
    mesh = shapes.icosphere(1)
    distances = np.linalg.norm(mesh.vertices[:, None] - points, axis=2)
    np.testing.assert_array_equal(carry_colours(mesh, points, colours, k=1).colours, colours[distances.argmin(1)])


@pytest.mark.parametrize("block", [7, 2**18])
def test_neighbours_count_by_the_inverse_of_their_distance(shapes, monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)
    points, colours = random_cloud()
    mesh = shapes.icosphere(1)
    found = carry_colours(mesh, points, colours, k=3).colours
    for vertex, colour in zip(mesh.vertices, found, strict=True):
        distance = np.linalg.norm(points - vertex, axis=1)
        near = np.argsort(distance)[:3]
        expected = np.average(colours[near].astype(float), axis=0, weights=1 / distance[near])
        np.testing.assert_allclose(colour.astype(float), expected, atol=0.501)


def test_fewer_points_than_neighbours(shapes):
    """Halfway between black and (200, 100, 50); and a single point colours all."""
    mesh = Mesh(vertices=np.array([(0.5, 0.0, 0.0), (0.0, 0.0, 0.0), (0.5, 1.0, 0.0)]), faces=np.array([[0, 1, 2]]))
    points, colours = np.array([(0.0, 0, 0), (1, 0, 0)]), np.array([(0, 0, 0), (200, 100, 50)], np.uint8)
    assert carry_colours(mesh, points, colours).colours.tolist() == [[100, 50, 25], [0, 0, 0], [100, 50, 25]]
    assert carry_colours(mesh, points[1:], colours[1:]).colours.tolist() == [[200, 100, 50]] * 3


def test_mistakes_are_told(shapes):
    points, colours = random_cloud()
    with pytest.raises(UserError, match="50 points have 49 colours"):
        carry_colours(shapes.tetrahedron(), points, colours[1:])
    with pytest.raises(UserError, match="0 points have 0 colours"):
        carry_colours(shapes.tetrahedron(), points[:0], colours[:0])
