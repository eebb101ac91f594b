"""Removal of pieces and of made-up surface, against shapes whose pieces and distances are known."""

import math

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.meshing.checks import describe
from nfield.meshing.components import component_labels, components, keep_components, keep_supported
from nfield.meshing.extraction import extract_surface
from nfield.meshing.trim import trim_unsupported

LOW, HIGH = np.full(3, -1.0), np.full(3, 1.0)


def on_sphere(count, radius, middle=(0.0, 0.0, 0.0)):
    points = np.random.default_rng(0).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * radius + middle


@pytest.fixture(scope="module")
def pieces(shapes):
    """A shell between radii 0.4 and 0.6, thus with a bubble, and a small ball beside it."""

    def shell(x):
        return (x.norm(dim=-1) - 0.5).abs() - 0.1

    return extract_surface(shapes.union(shell, shapes.ball(0.05, (0.8, 0.8, 0.8))), LOW, HIGH, 80)


def test_components_are_sorted_by_area(pieces) -> None:
    found = components(pieces)
    radii = np.array([0.6, 0.4, 0.05])
    np.testing.assert_allclose(found.areas, 4 * math.pi * radii**2, rtol=0.1)
    np.testing.assert_allclose(found.volumes, [1, -1, 1] * (4 / 3 * math.pi * radii**3), rtol=0.15)
    for label, radius in enumerate(radii[:2]):
        at = np.linalg.norm(pieces.vertices[found.labels == label], axis=1)
        np.testing.assert_allclose(at, radius, atol=0.01)


def test_small_pieces_and_bubbles_go_without_points(pieces) -> None:
    kept = describe(keep_components(pieces))
    assert kept.components == 1
    assert kept.volume == pytest.approx(4 / 3 * math.pi * 0.216, rel=1e-2)
    assert describe(keep_components(pieces, area_share=0.0)).components == 2


def test_points_hold_bubbles_and_small_pieces(pieces) -> None:
    inner = on_sphere(200, 0.4)
    assert describe(keep_components(pieces, np.concatenate([on_sphere(200, 0.6), inner]))).components == 2
    small = on_sphere(10, 0.05, (0.8, 0.8, 0.8))
    assert describe(keep_components(pieces, np.concatenate([inner, small]))).components == 3
    assert describe(keep_components(pieces, np.concatenate([inner, small]), point_share=0.06)).components == 2


def test_the_largest_piece_stays_even_if_it_is_a_bubble(pieces) -> None:
    turned = Mesh(vertices=pieces.vertices, faces=pieces.faces[:, ::-1].copy())
    kept = describe(keep_components(turned, area_share=0.0))
    assert kept.area == pytest.approx(4 * math.pi * 0.16, rel=1e-2)


def test_supported_pieces_have_points_over_their_area(pieces) -> None:
    points = np.concatenate([on_sphere(2000, 0.6), on_sphere(1, 0.4)])
    assert describe(keep_supported(pieces, points, 0.06)).components == 1
    assert describe(keep_supported(pieces, points, 0.06, share=0.0)).components == 3
    with pytest.raises(UserError, match="No piece of the surface lies within"):
        keep_supported(pieces, points + 10, 0.06)


def test_vertices_that_no_face_uses_belong_to_no_piece() -> None:
    mesh = Mesh(vertices=np.eye(5, 3), faces=np.array([[0, 2, 4]]))
    assert component_labels(mesh).tolist() == [0, -1, 0, -1, 0]
    none = Mesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), np.int64))
    assert len(component_labels(none)) == 0
    assert keep_components(none) is none


def test_half_a_sphere_of_points_keeps_half_a_sphere(shapes) -> None:
    """The cut lies at the distance beyond the rim: a zone of height 0.6 + d has the area 2 π r (r + d)."""
    mesh = extract_surface(shapes.ball(0.6), LOW, HIGH, 60)
    points = on_sphere(8000, 0.6)
    points = points[points[:, 2] > 0]
    for distance in (0.1, 0.2):
        trimmed = trim_unsupported(mesh, points, distance)
        angle = 2 * math.asin(distance / 1.2)
        assert trimmed.area == pytest.approx(2 * math.pi * 0.6 * 0.6 * (1 + math.sin(angle)), rel=0.03)
        found = describe(trimmed)
        assert found.components == 1
        assert found.crowded_edges == 0
        assert found.unused_vertices == 0


def test_sparse_scans_reach_farther(shapes) -> None:
    """At distance zero only the points' own spacing decides: two of them leave no gaps in 600 points' surface."""
    mesh = extract_surface(shapes.ball(0.6), LOW, HIGH, 60)
    assert describe(trim_unsupported(mesh, on_sphere(600, 0.6), 0.0, spacings=3.0)).watertight
    assert trim_unsupported(mesh, on_sphere(600, 0.6), 0.01, spacings=0.0).area < 0.3 * mesh.area


def test_islands_go(shapes) -> None:
    mesh = extract_surface(shapes.ball(0.6), LOW, HIGH, 60)
    points = on_sphere(8000, 0.6)
    points = np.concatenate([points[points[:, 2] > 0], [[0.0, 0.0, -0.6]]])
    assert describe(trim_unsupported(mesh, points, 0.03, island_share=0.02)).components == 1
    assert describe(trim_unsupported(mesh, points, 0.03, island_share=0.0)).components == 2


def test_nothing_near_the_points_is_told(shapes) -> None:
    mesh = extract_surface(shapes.ball(0.6), LOW, HIGH, 20)
    with pytest.raises(UserError, match=r"No face lies within 0\.1 of the points"):
        trim_unsupported(mesh, on_sphere(500, 0.6) + 10, 0.1)
