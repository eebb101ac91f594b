"""Removal of unsupported surface. Oracles: half a sphere, and a square with points on one side."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.meshing.checks import describe
from nfield.meshing.components import trim_unsupported


def sphere_points(count=4000):
    """Evenly spread by the golden angle."""
    z = 1 - (2 * np.arange(count) + 1) / count
    turn = math.pi * (3 - math.sqrt(5)) * np.arange(count)
    ring = np.sqrt(1 - z**2)
    return np.stack([ring * np.cos(turn), ring * np.sin(turn), z], 1)


def test_half_a_sphere(shapes):
    """Points on the upper half: a disk of half the area stays, and reaches at most 0.1 below the equator."""
    points = sphere_points()
    mesh = shapes.icosphere(4)
    trimmed = trim_unsupported(mesh, points[points[:, 2] > 0], 0.1, spacings=0.0)
    found = describe(trimmed)
    assert (found.components, found.euler_characteristic, found.unused_vertices) == (1, 1, 0)
    assert found.crowded_edges == found.turned_edges == 0
    assert trimmed.corners.mean(1)[:, 2].min() == pytest.approx(-0.1, abs=0.03)
    # A cap that is z high has 2 pi z of area.
    assert found.area == pytest.approx(2 * math.pi * 1.1, rel=0.02)


def test_the_rim_reaches_two_of_its_own_spacings(shapes):
    """At the rim twelve neighbours fill half a disk, so that a point there stands for twice its area of 4 pi / 4000."""
    points = sphere_points()
    trimmed = trim_unsupported(shapes.icosphere(4), points[points[:, 2] > 0], 0.0)
    reach = 2 * math.sqrt(2 * 4 * math.pi / 4000)
    assert trimmed.corners.mean(1)[:, 2].min() == pytest.approx(-reach, abs=0.03)


def test_points_all_around_leave_the_mesh_whole(shapes):
    mesh = shapes.icosphere(3)
    trimmed = trim_unsupported(mesh, sphere_points(), 0.1)
    np.testing.assert_array_equal(trimmed.corners, mesh.corners)


def test_sparse_points_reach_farther(shapes):
    """100 points on the sphere stand 0.35 apart: at no distance, two spacings hold all of it and none hold nothing."""
    mesh, points = shapes.icosphere(3), sphere_points(100)
    assert len(trim_unsupported(mesh, points, 0.0).faces) == len(mesh.faces)
    with pytest.raises(UserError, match=r"No face lies within 0\.0 of the points"):
        trim_unsupported(mesh, points, 0.0, spacings=0.0)


def test_islands_go(shapes):
    """A lone point on the far side holds a few faces, which are an island beside half a sphere."""
    points = sphere_points()
    with_lone = np.concatenate([points[points[:, 2] > 0], [[0.0, 0.0, -1.0]]])
    mesh = shapes.icosphere(4)
    options = {"spacings": 0.0}
    held = describe(trim_unsupported(mesh, with_lone, 0.1, island_share=0.0, **options))
    assert held.components == 2
    gone = trim_unsupported(mesh, with_lone, 0.1, island_share=0.05, **options)
    assert describe(gone).components == 1
    assert gone.vertices[:, 2].min() > -0.2


def test_colours_and_normals_stay_with_their_vertices(shapes):
    mesh = shapes.icosphere(3)
    mesh = replace(
        mesh, normals=mesh.vertices.astype(np.float32), colours=np.rint(mesh.vertices * 100 + 110).astype(np.uint8)
    )
    points = sphere_points()
    trimmed = trim_unsupported(mesh, points[points[:, 0] > 0], 0.05)
    assert len(trimmed.vertices) < len(mesh.vertices)
    np.testing.assert_array_equal(trimmed.normals, trimmed.vertices.astype(np.float32))
    np.testing.assert_array_equal(trimmed.colours, np.rint(trimmed.vertices * 100 + 110).astype(np.uint8))


def test_mistakes_are_told(shapes):
    mesh, points = shapes.icosphere(1), sphere_points(50)
    with pytest.raises(UserError, match="No face lies within"):
        trim_unsupported(mesh, points + 100, 0.1)
    with pytest.raises(UserError, match="The distance must be at least 0"):
        trim_unsupported(mesh, points, -1.0)
    with pytest.raises(UserError, match="The spacings must be at least 0"):
        trim_unsupported(mesh, points, 1.0, spacings=math.nan)
