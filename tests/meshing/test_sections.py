"""Curves in which planes cut meshes. Oracle: circles on spheres and tori, squares on a cube."""

import numpy as np
import pytest
import trimesh

from nfield.core.mesh import Mesh
from nfield.meshing.sections import closed_sections


def as_mesh(shape: trimesh.Trimesh) -> Mesh:
    return Mesh(vertices=np.asarray(shape.vertices, np.float64), faces=np.asarray(shape.faces, np.int64))


def length(loop: np.ndarray) -> float:
    return float(np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum())


SPHERE = as_mesh(trimesh.creation.icosphere(subdivisions=5))


@pytest.mark.parametrize("height", [0.0, 0.3, -0.9])
@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 2, -2)])
def test_a_sphere_is_cut_in_one_circle(height: float, normal: tuple[int, int, int]) -> None:
    across = np.array(normal) / np.linalg.norm(normal)
    (loop,) = closed_sections(SPHERE, height * across, across)
    radius = np.sqrt(1 - height**2)
    assert np.abs(loop @ across - height).max() < 1e-12
    assert np.linalg.norm(loop - height * across, axis=1) == pytest.approx(radius, abs=1e-3)
    # In order: a jump between corners that are no neighbours would lengthen the curve.
    assert length(loop) == pytest.approx(2 * np.pi * radius, rel=2e-3)


def test_a_torus_is_cut_in_two_circles() -> None:
    torus = as_mesh(trimesh.creation.torus(1.0, 0.25, major_sections=96, minor_sections=48))
    flat = sorted(length(loop) for loop in closed_sections(torus, np.zeros(3), np.array([0.0, 0, 1])))
    assert flat == [pytest.approx(2 * np.pi * 0.75, rel=2e-3), pytest.approx(2 * np.pi * 1.25, rel=2e-3)]
    upright = [length(loop) for loop in closed_sections(torus, np.zeros(3), np.array([0.0, 1, 0]))]
    assert upright == [pytest.approx(2 * np.pi * 0.25, rel=5e-3)] * 2


def test_a_plane_through_corners_and_along_faces_still_gives_closed_curves() -> None:
    cube = as_mesh(trimesh.creation.box((2, 2, 2)))
    (diagonal,) = closed_sections(cube, np.zeros(3), np.array([1.0, -1, 0]))
    assert length(diagonal) == pytest.approx(2 * (2 + 2 * np.sqrt(2)))
    (top,) = closed_sections(cube, np.array([0.0, 0, 1]), np.array([0.0, 0, 1]))
    assert length(top) == pytest.approx(8)


def test_no_curve_where_the_plane_misses_or_the_mesh_is_open() -> None:
    assert closed_sections(SPHERE, np.array([0, 0, 1.5]), np.array([0.0, 0, 1])) == []
    upper = Mesh(vertices=SPHERE.vertices, faces=SPHERE.faces[(SPHERE.corners[:, :, 2] > 0).all(1)])
    assert closed_sections(upper, np.zeros(3), np.array([1.0, 0, 0])) == []
    assert len(closed_sections(upper, np.array([0, 0, 0.5]), np.array([0.0, 0, 1]))) == 1
    nothing = Mesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), np.int64))
    assert closed_sections(nothing, np.zeros(3), np.array([0.0, 0, 1])) == []


def test_edges_of_more_than_two_faces_end_a_curve() -> None:
    """Two tetrahedra that share an edge: a plane through it meets that edge with four steps."""
    corners = np.array([[0.0, 0, -1], [0, 0, 1], [1, 0, 0], [1, 1, 0], [-1, 0, 0], [-1, -1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2], [0, 1, 4], [0, 4, 5], [0, 5, 1], [1, 5, 4]])
    mesh = Mesh(vertices=corners, faces=faces)
    assert closed_sections(mesh, np.array([0, 0, 0.1]), np.array([0.0, 0, 1])) == []
