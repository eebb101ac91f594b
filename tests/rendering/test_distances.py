"""Distances, their colours, and lighter meshes. Oracle: the sphere, whose distance is |x| − 1."""

import numpy as np
import pytest
import trimesh

from nfield.core.mesh import Mesh
from nfield.rendering.error_colours import DISTANCE_MAP, UNKNOWN, colour_table, error_colours
from nfield.rendering.gridded import gridded
from nfield.rendering.lighter import lighter
from nfield.rendering.misfit import misfit
from nfield.rendering.scene import MeshScene


def sphere(subdivisions: int = 5, radius: float = 1.0) -> Mesh:
    shape = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    return Mesh(vertices=np.asarray(shape.vertices, float), faces=np.asarray(shape.faces, dtype=np.int64))


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1e-6, 0.0), (1e6, 0.0), (1.0, 1e7)])
def test_distance_to_a_sphere(scale, shift):
    base = sphere()
    scene = MeshScene(Mesh(vertices=base.vertices * scale + shift, faces=base.faces))
    points = np.random.default_rng(0).normal(size=(200, 3))
    found = scene.distances(points * scale + shift) / scale
    assert found == pytest.approx(np.abs(np.linalg.norm(points, axis=1) - 1), abs=1e-3)


def test_distance_of_no_points_to_no_faces_and_of_strange_points():
    scene = MeshScene(sphere(2))
    assert scene.distances(np.zeros((0, 3))).shape == (0,)
    assert np.isnan(scene.distances(np.array([[np.nan, 0, 0], [0, 0, 0]]))).tolist() == [True, False]
    empty = MeshScene(Mesh(vertices=np.zeros((0, 3)), faces=np.zeros((0, 3), dtype=np.int64)))
    assert np.isnan(empty.distances(np.zeros((2, 3)))).all()


def test_misfit_is_the_distance_of_the_points_not_their_spacing():
    points = sphere(3, radius=1.02).vertices
    found = misfit(MeshScene(sphere(5)), points)
    assert found == pytest.approx(np.full(len(found), 0.02), abs=0.001)


def test_misfit_is_unknown_where_there_are_no_points():
    points = sphere(4).vertices
    scene = MeshScene(sphere(4))
    found = misfit(scene, points[points[:, 2] > 0])
    height = scene.mesh.vertices[:, 2]
    assert np.isfinite(found[height > 0]).all()
    assert np.isnan(found[height < -0.5]).all()
    assert np.isnan(misfit(scene, points[:1])).all()


def test_colours_run_from_pale_to_dark_and_end():
    colours = error_colours(np.array([0.0, 0.5, 1.0, 7.0, np.nan, np.inf]), 1.0).astype(int)
    assert (colours[0] == colour_table(DISTANCE_MAP)[0]).all()
    assert (colours[2] == colour_table(DISTANCE_MAP)[255]).all()
    assert (colours[3] == colours[2]).all()
    assert (colours[4:] == UNKNOWN).all()
    assert colours[0].sum() > colours[1].sum() > colours[2].sum()
    lightness = colour_table(DISTANCE_MAP) @ [0.3, 0.59, 0.11]
    assert (np.diff(lightness) < 0.5).all()
    assert (error_colours(np.array([0.0, 1.0]), 0.0)[0] == colour_table(DISTANCE_MAP)[0]).all()


@pytest.mark.parametrize("faces", [200, 5000, 15000])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_lighter_mesh_keeps_the_shape(faces, shift):
    base = sphere(5)
    light = lighter(Mesh(vertices=base.vertices + shift, faces=base.faces), faces)
    assert 0.5 * faces < len(light.faces) <= faces
    assert light.normals is not None
    radius = np.linalg.norm(light.vertices - shift, axis=1)
    assert radius == pytest.approx(np.ones(len(radius)), abs=0.05)
    assert light.volume == pytest.approx(4 / 3 * np.pi, rel=0.1)
    # Normals point outwards, as the faces turn.
    assert ((light.normals * (light.vertices - shift)).sum(1) > 0.9).all()


def test_small_meshes_stay_as_they_are_and_get_normals():
    base = sphere(2)
    light = lighter(base, 1000)
    assert (light.faces == base.faces).all()
    assert light.vertices == pytest.approx(base.vertices)
    assert light.normals == pytest.approx(base.vertices, abs=0.05)
    own = Mesh(
        vertices=base.vertices, faces=base.faces, normals=np.tile(np.float32([0, 0, 1]), (len(base.vertices), 1))
    )
    assert lighter(own, 1000).normals is own.normals


@pytest.mark.parametrize("faces", [200, 3000, 15000])
def test_gridded_meshes_keep_vertices_of_the_surface(faces):
    base = sphere(5)
    normals = base.vertices.astype(np.float32)
    light = gridded(Mesh(vertices=base.vertices + 7, faces=base.faces, normals=normals), faces)
    assert 0.5 * faces < len(light.faces) <= faces
    assert np.linalg.norm(light.vertices - 7, axis=1) == pytest.approx(1, abs=1e-6)
    assert light.normals == pytest.approx(light.vertices - 7, abs=1e-6)
    assert light.volume == pytest.approx(4 / 3 * np.pi, rel=0.15)


def test_gridding_leaves_small_meshes_alone():
    base = sphere(2)
    assert gridded(base, len(base.faces)) is base
