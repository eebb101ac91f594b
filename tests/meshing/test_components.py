"""Connected pieces. Oracles: tetrahedra of known areas and volumes, put together by hand."""

import math

import numpy as np
import pytest

from nfield.core.mesh import Mesh
from nfield.meshing.components import components, keep_components

FACTOR = (3 + math.sqrt(3)) / 2
"""Area of a tetrahedron of edge 1."""


def small_and_large(shapes):
    return shapes.joined(shapes.tetrahedron(1.0, (9.0, 0.0, 0.0)), shapes.tetrahedron(3.0))


def test_pieces_come_largest_first(shapes):
    found = components(small_and_large(shapes))
    assert found.labels.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    np.testing.assert_allclose(found.areas, [9 * FACTOR, FACTOR])
    np.testing.assert_allclose(found.volumes, [27 / 6, 1 / 6])


def test_bubbles_are_negative_and_open_pieces_have_no_volume(shapes):
    mesh = shapes.joined(
        shapes.tetrahedron(9.0), shapes.tetrahedron(2.0, (1.0, 1.0, 1.0), inward=True), shapes.square()
    )
    np.testing.assert_allclose(components(mesh).volumes, [729 / 6, -8 / 6, 0], atol=1e-12)


def test_vertices_without_faces_belong_to_no_piece(shapes):
    solid = shapes.tetrahedron()
    mesh = Mesh(vertices=np.concatenate([np.ones((1, 3)), solid.vertices]), faces=solid.faces + 1)
    assert components(mesh).labels.tolist() == [-1, 0, 0, 0, 0]
    nothing = Mesh(vertices=np.zeros((2, 3)), faces=np.zeros((0, 3), np.int64))
    assert components(nothing).labels.tolist() == [-1, -1]
    assert keep_components(nothing) is nothing


def test_small_pieces_go_unless_points_lie_next_to_them(shapes):
    mesh = small_and_large(shapes)
    assert keep_components(mesh) is mesh
    kept = keep_components(mesh, area_share=0.2)
    np.testing.assert_array_equal(kept.corners, shapes.tetrahedron(3.0).corners)
    assert len(kept.vertices) == 4
    points = np.concatenate([np.zeros((9, 3)), [[9.5, 0.1, 0.1]]])
    assert keep_components(mesh, points, area_share=0.2, point_share=0.1) is mesh
    assert len(keep_components(mesh, points, area_share=0.2, point_share=0.11).faces) == 4


def test_a_large_piece_without_points_goes(shapes):
    """Zeros of a field in empty space between clusters: the largest piece by far, and nearest to no point."""
    small, other = shapes.tetrahedron(1.0), shapes.tetrahedron(1.0, (90.0, 0.0, 0.0))
    mesh = shapes.joined(small, other, shapes.tetrahedron(30.0, (30.0, 0.0, 0.0)))
    points = np.concatenate([small.vertices, other.vertices])
    kept = keep_components(mesh, points)
    assert kept.volume == pytest.approx(2 / 6)
    assert len(components(kept).areas) == 2


def test_a_piece_with_far_fewer_points_than_its_size_asks_for_goes(shapes):
    """Areas of 100 and 4: with 260 points spread evenly the small piece has ten, and a quarter of them keeps it."""
    large, small = shapes.tetrahedron(10.0), shapes.tetrahedron(2.0, (50.0, 0.0, 0.0))
    mesh = shapes.joined(large, small)
    for count, pieces in ((1, 1), (3, 2)):
        points = np.concatenate([np.repeat(large.vertices, 65, 0)[count:], np.repeat(small.vertices[:1], count, 0)])
        kept = keep_components(mesh, points, point_share=0.5)
        assert len(components(kept).areas) == pieces


def test_bubbles_go_unless_points_lie_next_to_them(shapes):
    """The bubble, 1/16 of the outer surface's area, is dropped however small the share that is asked for."""
    mesh = shapes.joined(shapes.tetrahedron(8.0), shapes.tetrahedron(2.0, (1.0, 1.0, 1.0), inward=True))
    kept = keep_components(mesh, area_share=0.0)
    assert kept.volume == pytest.approx(512 / 6)
    assert keep_components(mesh, np.array([[1.1, 1.1, 1.1]])) is mesh
    # A bubble that is the largest piece of all does not take the place of the largest solid.
    turned = shapes.joined(shapes.tetrahedron(8.0, inward=True), shapes.tetrahedron(0.1, (1.0, 1.0, 1.0)))
    assert keep_components(turned).volume == pytest.approx(1e-3 / 6)


def test_colours_and_normals_go_with_their_vertices(shapes):
    bare = small_and_large(shapes)
    numbers = np.arange(24).reshape(8, 3)
    mesh = Mesh(
        vertices=bare.vertices,
        faces=bare.faces,
        normals=numbers.astype(np.float32),
        colours=numbers.astype(np.uint8),
    )
    kept = keep_components(mesh, area_share=0.2)
    np.testing.assert_array_equal(kept.normals, numbers[4:])
    np.testing.assert_array_equal(kept.colours, numbers[4:])
