"""Fewer faces. Oracles: a sphere's volume, a square that needs two faces, and counts of faces asked for."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.meshing import simplify as module
from nfield.meshing.checks import describe
from nfield.meshing.simplify import Simplified, simplify


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-3, 0.0), (1.0, 1e6)])
def test_a_sphere_stays_closed_and_keeps_its_volume(shapes, scale, offset):
    mesh = shapes.icosphere(4, scale, (offset, 0.0, -offset))
    result = simplify(mesh, 1000)
    found = describe(result.mesh)
    assert result.note is None
    assert found.watertight
    assert found.outward
    assert found.euler_characteristic == 2
    assert found.unused_vertices == 0
    assert 950 <= found.faces <= 1000
    assert found.volume == pytest.approx(4 / 3 * math.pi * scale**3, rel=0.02)
    distances = np.linalg.norm(result.mesh.vertices - [offset, 0, -offset], axis=1)
    np.testing.assert_allclose(distances, scale, rtol=0.02)


def test_a_flat_square_needs_few_faces(shapes):
    mesh = shapes.square(12)
    result = simplify(mesh, 20)
    assert len(result.mesh.faces) <= 20
    assert result.mesh.area == pytest.approx(1, rel=1e-6)
    np.testing.assert_allclose(result.mesh.vertices[:, 2], 0, atol=1e-9)


def test_colours_and_normals_come_along(shapes):
    ball = shapes.icosphere(3)
    mesh = replace(
        ball,
        normals=ball.vertices.astype(np.float32),
        colours=np.rint(ball.vertices * 100 + 110).astype(np.uint8),
    )
    reduced = simplify(mesh, 400).mesh
    directions = reduced.vertices / np.linalg.norm(reduced.vertices, axis=1, keepdims=True)
    assert reduced.normals.dtype == np.float32
    assert (reduced.normals * directions).sum(1).min() > 0.95
    np.testing.assert_allclose(reduced.colours.astype(float), directions * 100 + 110, atol=12)
    bare = simplify(ball, 400).mesh
    assert bare.normals is None
    assert bare.colours is None


def test_enough_faces_change_nothing(shapes):
    mesh = shapes.icosphere(1)
    assert simplify(mesh, 80).mesh is mesh
    assert simplify(mesh, 10**9).mesh is mesh
    with pytest.raises(UserError, match="The number of faces must be at least 4"):
        simplify(mesh, 3)


def opened_below(least, monkeypatch):
    """Decimation that leaves a hole where fewer than `least` faces are asked for."""
    closed = module._decimated

    def decimated(mesh, faces):
        result = closed(mesh, faces)
        return result if faces >= least else replace(result, faces=result.faces[1:])

    monkeypatch.setattr(module, "_decimated", decimated)


def test_more_faces_are_kept_where_fewer_would_not_close(shapes, monkeypatch):
    opened_below(200, monkeypatch)
    result = simplify(shapes.icosphere(3), 60)
    assert describe(result.mesh).watertight
    assert 220 <= len(result.mesh.faces) <= 240
    assert result.note == f"{len(result.mesh.faces)} faces instead of 60, as fewer would not close."


def test_the_mesh_is_kept_where_nothing_closes(shapes, monkeypatch):
    opened_below(10**9, monkeypatch)
    mesh = shapes.icosphere(3)
    result = simplify(mesh, 60)
    assert isinstance(result, Simplified)
    assert result.mesh is mesh
    assert result.note == "The mesh keeps its 1,280 faces: reduced to 60 it would not stay closed."
