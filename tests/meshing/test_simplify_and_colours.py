"""Decimated meshes against the shapes they stand for, and carried colours against those of the points."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.meshing import simplify as module
from nfield.meshing.checks import describe
from nfield.meshing.colours import carry_colours
from nfield.meshing.extraction import extract_surface
from nfield.meshing.polish import vertex_normals
from nfield.meshing.simplify import simplify

LOW, HIGH = np.full(3, -1.0), np.full(3, 1.0)


def halves(mesh):
    """Red above, blue below."""
    above = (mesh.vertices[:, 2] > mesh.vertices[:, 2].mean())[:, None]
    return replace(mesh, colours=np.where(above, [255, 0, 0], [0, 0, 255]).astype(np.uint8))


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("name", ["ball", "torus", "capsule"])
def test_fewer_faces_of_the_same_shape(shapes, name, shift) -> None:
    mesh = halves(extract_surface(getattr(shapes, name)(), LOW, HIGH, 60))
    mesh = replace(mesh, vertices=1e-3 * mesh.vertices + shift, normals=vertex_normals(mesh))
    result = simplify(mesh, 1500)
    assert result.note is None
    before, after = describe(mesh), describe(result.mesh)
    assert after.watertight
    assert after.outward
    assert after.faces <= 1500
    assert after.euler_characteristic == before.euler_characteristic
    assert after.volume == pytest.approx(before.volume, rel=2e-2)
    assert result.mesh.normals is not None
    above = result.mesh.vertices[:, 2] - shift > 1e-4
    below = result.mesh.vertices[:, 2] - shift < -1e-4
    assert (result.mesh.colours[above, 0] > 200).all()
    assert (result.mesh.colours[below, 2] > 200).all()


def test_rough_surfaces_stay_closed(shapes) -> None:
    """Thin bridges and many holes: decimation must not pinch one shut without being noticed."""
    mesh = extract_surface(shapes.random_waves(3, highest=25.0), LOW, HIGH, 40)
    result = simplify(mesh, len(mesh.faces) // 10)
    assert describe(result.mesh).watertight
    assert (result.note is None) == (len(result.mesh.faces) <= len(mesh.faces) // 10)


def test_a_result_with_holes_is_not_handed_out(shapes, monkeypatch) -> None:
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 20)
    monkeypatch.setattr(module, "_decimated", lambda mesh, faces: replace(mesh, faces=mesh.faces[:faces]))
    result = simplify(mesh, 100)
    assert result.mesh is mesh
    assert "would not stay closed" in result.note


def test_twice_as_many_faces_are_tried(shapes, monkeypatch) -> None:
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 30)
    decimate = module._decimated

    def fragile(mesh, faces):
        reduced = decimate(mesh, faces)
        return reduced if faces > 300 else replace(reduced, faces=reduced.faces[1:])

    monkeypatch.setattr(module, "_decimated", fragile)
    result = simplify(mesh, 200)
    assert 300 < len(result.mesh.faces) <= 400
    assert "instead of 200" in result.note


def test_nothing_to_do_and_too_little_to_leave(shapes) -> None:
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 10)
    assert simplify(mesh, 10**6).mesh is mesh
    with pytest.raises(UserError, match="number of faces must be at least 4"):
        simplify(mesh, 3)


def test_a_vertex_upon_a_point_takes_its_colour(shapes) -> None:
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 10)
    colours = np.random.default_rng(0).integers(0, 256, (len(mesh.vertices), 3), dtype=np.uint8)
    np.testing.assert_array_equal(carry_colours(mesh, mesh.vertices, colours).colours, colours)


def test_smooth_colours_are_interpolated(shapes) -> None:
    """Colours linear in the position: errors are a share of what a spacing of the points changes."""
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 30)
    points = np.random.default_rng(0).normal(size=(20_000, 3))
    points *= 0.7 / np.linalg.norm(points, axis=1, keepdims=True)

    def ramp(x):
        return 127.5 + 150 * x

    carried = carry_colours(mesh, points, np.rint(ramp(points)).astype(np.uint8)).colours
    spacing = math.sqrt(4 * math.pi * 0.49 / 20_000)
    assert np.sqrt(((carried - ramp(mesh.vertices)) ** 2).mean()) < 150 * spacing / 2


def test_one_point_and_wrong_counts(shapes) -> None:
    mesh = extract_surface(shapes.ball(), LOW, HIGH, 10)
    one = carry_colours(mesh, np.zeros((1, 3)), np.array([[1, 2, 3]], np.uint8)).colours
    assert (one == [1, 2, 3]).all()
    with pytest.raises(UserError, match="2 points have 1 colours"):
        carry_colours(mesh, np.zeros((2, 3)), np.zeros((1, 3), np.uint8))
