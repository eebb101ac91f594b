"""Meshes as sources of points. Oracle: areas, means and variances of the surfaces drawn from."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.io.geometry import meshes
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.meshes import save_mesh

SUFFIXES = sorted(meshes.WRITERS)
BALL = trimesh.creation.icosphere(2)


def ball() -> Mesh:
    """A closed mesh whose normals and colours are known."""
    directions = BALL.vertices / np.linalg.norm(BALL.vertices, axis=1, keepdims=True)
    return Mesh(
        vertices=directions * [1, 2, 3],
        faces=BALL.faces.astype(np.int64),
        normals=directions.astype(np.float32),
        colours=np.round(directions * 100 + 110).astype(np.uint8),
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_vertices_of_a_mesh_are_points_and_this_is_told(tmp_path: Path, suffix: str):
    mesh = ball()
    save_mesh(tmp_path / f"a{suffix}", mesh)
    cloud = load_cloud(tmp_path / f"a{suffix}")
    assert cloud.count == len(mesh.vertices)
    assert (cloud.normals is None) == (cloud.colours is None) == (suffix == ".stl")
    assert "its 162 vertices are taken as points" in cloud.notes[0]


def test_points_drawn_from_a_mesh_are_uniform_by_area(tmp_path: Path):
    # Two squares, one of four times the area, with more but smaller faces on the small one.
    vertices = np.array(
        [[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [5, 0, 1], [6, 0, 1], [6, 1, 1], [5, 1, 1], [5.5, 0.5, 1]]
    )
    small = [[4, 5, 8], [5, 6, 8], [6, 7, 8], [7, 4, 8]]
    faces = np.array([[0, 1, 2], [0, 2, 3], *small])
    save_mesh(tmp_path / "a.obj", Mesh(vertices=vertices + 1e7, faces=faces))
    cloud = load_cloud(tmp_path / "a.obj", sample=20_000, generator=np.random.default_rng(3))
    points = cloud.points - 1e7
    large = points[:, 0] < 3
    # The standard error of the share is 0.003; of the means at most 0.01.
    assert large.mean() == pytest.approx(0.8, abs=0.015)
    np.testing.assert_allclose(points[large].mean(0), [1, 1, 0], atol=0.03)
    np.testing.assert_allclose(points[~large].mean(0), [5.5, 0.5, 1], atol=0.03)
    # The mean square distance from the middle of a square of side 2, along x, is 1/3.
    assert points[large][:, 0].var() == pytest.approx(1 / 3, abs=0.02)
    np.testing.assert_allclose(np.where(large, 0, 1), points[:, 2], atol=2e-8)
    np.testing.assert_array_equal(cloud.normals, np.tile(np.float32([0, 0, 1]), (20_000, 1)))
    assert "20,000 points were drawn" in cloud.notes[0]
    again = load_cloud(tmp_path / "a.obj", sample=20_000, generator=np.random.default_rng(3))
    np.testing.assert_array_equal(cloud.points, again.points)
    other = load_cloud(tmp_path / "a.obj", sample=20_000, generator=np.random.default_rng(4))
    assert (cloud.points != other.points).any()


def test_drawn_points_blend_normals_and_colours(tmp_path: Path):
    save_mesh(tmp_path / "a.ply", ball())
    cloud = load_cloud(tmp_path / "a.ply", sample=500, noise=0.0)
    directions = cloud.points / [1, 2, 3]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    np.testing.assert_allclose(cloud.normals, directions, atol=0.02)
    np.testing.assert_allclose(cloud.colours, directions * 100 + 110, atol=6)


def test_meshes_without_area_and_files_without_faces_give_no_samples(tmp_path: Path):
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n")
    with pytest.raises(UserError, match="no area to draw points from"):
        load_cloud(tmp_path / "a.obj", sample=3)
    (tmp_path / "a.xyz").write_text("1 2 3\n")
    with pytest.raises(UserError, match="1 points but no faces"):
        load_cloud(tmp_path / "a.xyz", sample=3)


def test_drawing_from_slivers_and_tiny_faces_stays_within_them(tmp_path: Path):
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1e-9, 0], [2, 0, 0]]) * 1e-6
    mesh = Mesh(vertices=vertices, faces=np.array([[0, 1, 2], [0, 1, 3]]), colours=np.full((4, 3), 77, np.uint8))
    save_mesh(tmp_path / "a.obj", mesh)
    cloud = load_cloud(tmp_path / "a.obj", sample=200)
    assert (cloud.colours == 77).all()
    assert cloud.normals.tolist() == [[0, 0, 1]] * cloud.count
    assert (np.ptp(cloud.points, axis=0) <= [1e-6, 1e-15, 0]).all()
