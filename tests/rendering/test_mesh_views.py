"""Pictures of meshes against closed forms: silhouettes, normals, sides, and the same picture at any scale and place."""

import numpy as np
import pytest
import trimesh

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.rendering.cameras import Camera
from nfield.rendering.mesh_views import four_views, mesh_cameras, render_mesh

UP = np.array([0.0, 1.0, 0.0])


def sphere(*, smooth: bool = True, subdivisions: int = 5) -> Mesh:
    shape = trimesh.creation.icosphere(subdivisions=subdivisions)
    vertices = np.asarray(shape.vertices, dtype=np.float64)
    normals = vertices.astype(np.float32) if smooth else None
    return Mesh(vertices=vertices, faces=np.asarray(shape.faces, dtype=np.int64), normals=normals)


def box() -> Mesh:
    shape = trimesh.creation.box(extents=(2, 2, 2))
    return Mesh(vertices=np.asarray(shape.vertices, float), faces=np.asarray(shape.faces, dtype=np.int64))


def moved(mesh: Mesh, scale: float, shift: float) -> Mesh:
    return Mesh(vertices=mesh.vertices * scale + shift, faces=mesh.faces, normals=mesh.normals)


def front(distance: float = 6.0, view_angle: float = 30.0) -> Camera:
    return Camera(position=np.array([0, 0, distance]), target=np.zeros(3), up=UP, view_angle=view_angle)


@pytest.mark.parametrize("distance", [3.0, 6.0, 300.0])
def test_silhouette_of_a_sphere(distance):
    # A pinhole at distance d sees the unit sphere as a disk of slope 1 / √(d² − 1).
    angle = 2.4 * np.degrees(np.arctan(1 / np.sqrt(distance**2 - 1)))
    picture = render_mesh(sphere(), front(distance, angle), 400, colour=np.zeros((10242, 3)))
    pixel = 2 * np.tan(np.radians(angle) / 2) / 400
    assert (1 - picture / 255).sum() / 3 * pixel**2 == pytest.approx(np.pi / (distance**2 - 1), rel=0.005)


def test_normals_as_colours():
    picture = render_mesh(sphere(), front(), 201, colour="normals").astype(int)
    assert picture[100, 100] == pytest.approx([128, 128, 255], abs=1)
    rows, columns = np.nonzero((picture != 255).any(-1))
    right, left = picture[100, columns.max() - 2], picture[100, columns.min() + 2]
    top, bottom = picture[rows.min() + 2, 100], picture[rows.max() - 2, 100]
    assert right[0] > 230
    assert left[0] < 25
    assert top[1] > 230
    assert bottom[1] < 25


def test_normals_turn_with_the_camera():
    side = Camera(position=np.array([6.0, 0, 0]), target=np.zeros(3), up=UP)
    assert render_mesh(sphere(), side, 101, colour="normals")[50, 50] == pytest.approx([128, 128, 255], abs=2)


def test_red_corner_is_above_to_the_right():
    mesh = box()
    colours = np.full((8, 3), 255, dtype=np.uint8)
    colours[(mesh.vertices == [1, 1, 1]).all(axis=1)] = (255, 0, 0)
    picture = render_mesh(mesh, front(), (120, 160), colour=colours).astype(int)
    redness = picture[..., 0] - picture[..., 2]
    # The front face's corners lie 45 pixels from the middle (60, 80): its slope is 1 / 5 of tan 15°'s 60 pixels.
    red = {(row, column): redness[60 + 41 * row, 80 + 41 * column] for row in (-1, 1) for column in (-1, 1)}
    assert red[-1, 1] > 150
    assert max(value for corner, value in red.items() if corner != (-1, 1)) < 30


def test_face_colours_are_not_mixed():
    mesh = box()
    colours = np.where((mesh.corners.mean(1)[:, 2] > 0.9)[:, None], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    picture = render_mesh(mesh, front(), 99, colour=colours)
    assert picture[49, 49, 2] > 180
    assert picture[49, 49, :2].max() == 0


def test_the_inside_has_another_colour():
    mesh = sphere()
    outside = render_mesh(mesh, front(), 51)[25, 25].astype(int)
    turned = Mesh(vertices=mesh.vertices, faces=mesh.faces[:, ::-1].copy(), normals=mesh.normals)
    inside = render_mesh(turned, front(), 51)[25, 25].astype(int)
    assert abs(outside[0] - outside[2]) < 20
    assert inside[0] - inside[2] > 60


def test_vertex_normals_make_it_smooth_and_faces_flat():
    def steps(mesh: Mesh) -> float:
        picture = render_mesh(mesh, front(), 200)[80:120, 80:120].astype(float)
        return float(np.abs(np.diff(picture, 2, axis=0)).max())

    assert steps(sphere(subdivisions=2)) <= 3
    assert steps(sphere(subdivisions=2, smooth=False)) > 6


def test_normals_that_are_unknown_or_contradict_fall_back_to_the_faces():
    mesh = sphere(smooth=False, subdivisions=3)
    expected = render_mesh(mesh, front(), 64)
    for normals in (np.zeros_like(mesh.vertices), -mesh.vertices, np.full_like(mesh.vertices, np.nan)):
        strange = Mesh(vertices=mesh.vertices, faces=mesh.faces, normals=normals.astype(np.float32))
        assert (render_mesh(strange, front(), 64) == expected).all()


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e7), (1e-2, -1e5)])
def test_the_picture_is_the_same_at_any_scale_and_place(scale, shift):
    mesh = sphere(subdivisions=3)
    expected = np.stack(four_views(mesh, 64)).astype(int)
    other = np.stack(four_views(moved(mesh, scale, shift), 64)).astype(int)
    assert np.abs(expected - other).mean() < 0.3


def test_several_meshes_share_the_cameras_of_one():
    cameras = mesh_cameras(sphere())
    small = four_views(moved(sphere(), 0.5, 0.0), 100, cameras=cameras)
    large = four_views(sphere(), 100)
    for one, other in zip(small, large, strict=True):
        areas = [(picture < 250).any(-1).sum() for picture in (one, other)]
        assert areas[0] == pytest.approx(areas[1] / 4, rel=0.1)


def test_shape_of_the_picture_and_white_around():
    picture = render_mesh(sphere(), front(), (40, 90))
    assert picture.shape == (40, 90, 3)
    assert (picture[:, :5] == 255).all()


@pytest.mark.parametrize("faces", [np.zeros((0, 3), dtype=np.int64), np.array([[0, 1, 2]])])
def test_nothing_to_see_is_white(faces):
    vertices = np.full((3, 3), np.nan) if len(faces) else np.zeros((0, 3))
    mesh = Mesh(vertices=vertices, faces=faces)
    assert all((picture == 255).all() for picture in four_views(mesh, 16))


def test_faces_that_are_not_finite_are_left_out():
    mesh = sphere()
    vertices = mesh.vertices.copy()
    vertices[vertices[:, 0] > 0.5] = np.nan
    picture = render_mesh(Mesh(vertices=vertices, faces=mesh.faces), front(), 100)
    assert (picture[50, 75:] == 255).all()
    assert (picture[50, 35] < 250).all()


def test_wrong_requests_are_refused():
    mesh = box()
    with pytest.raises(UserError, match="Unknown colour 'blue'"):
        render_mesh(mesh, front(), 16, colour="blue")
    with pytest.raises(UserError, match="7 colours were given, but 'mesh' has 8 vertices and 12 faces"):
        render_mesh(mesh, front(), 16, colour=np.zeros((7, 3)))
    with pytest.raises(UserError, match="0 × 16 pixels cannot be drawn"):
        render_mesh(mesh, front(), (0, 16))
