"""Meshes from and to files. Oracles: the arrays written, hand-made files, and trimesh's own readers."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.io.geometry import meshes
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.geometry import strips
from nfield.io.geometry.meshes import check_mesh_path, load_mesh, save_mesh

SUFFIXES = sorted(meshes.WRITERS)
BALL = trimesh.creation.icosphere(2)


def ball(scale: float = 1.0, offset: float = 0.0, normals: bool = True, colours: bool = True) -> Mesh:
    """A closed mesh whose normals and colours are known."""
    directions = BALL.vertices / np.linalg.norm(BALL.vertices, axis=1, keepdims=True)
    return Mesh(
        vertices=directions * [scale, 2 * scale, 3 * scale] + [offset, -2 * offset, 3 * offset],
        faces=BALL.faces.astype(np.int64),
        normals=directions.astype(np.float32) if normals else None,
        colours=np.round(directions * 100 + 110).astype(np.uint8) if colours else None,
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-6, 0.0), (1.0, 1e7), (1e6, 0.0), (1e-3, 1.0)])
@pytest.mark.parametrize("bare", [False, True])
def test_round_trips(tmp_path: Path, suffix: str, scale: float, offset: float, bare: bool):
    mesh = ball(scale, offset, normals=not bare, colours=not bare)
    path = tmp_path / f"a{suffix}"
    save_mesh(path, mesh)
    back = load_mesh(path)
    assert back.source == str(path)
    if suffix == ".stl":
        # The format holds triangles only: the corners tell all.
        tolerance = 1e-5 * mesh.diagonal
        np.testing.assert_allclose(back.corners, mesh.corners, rtol=0, atol=tolerance)
        assert back.volume == pytest.approx(mesh.volume, rel=1e-4)
        assert (len(back.vertices), back.normals, back.colours) == (len(mesh.vertices), None, None)
        return
    np.testing.assert_array_equal(back.faces, mesh.faces)
    tolerance = 0 if suffix in (".obj", ".off") else 1e-7 * mesh.diagonal
    np.testing.assert_allclose(back.vertices, mesh.vertices, rtol=0, atol=tolerance)
    if bare:
        assert back.normals is None
        assert back.colours is None
    else:
        np.testing.assert_allclose(back.normals, mesh.normals, atol=1e-6)
        np.testing.assert_array_equal(back.colours, mesh.colours)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_programs_read_what_is_written(tmp_path: Path, suffix: str):
    mesh = ball()
    save_mesh(tmp_path / f"a{suffix}", mesh)
    back = trimesh.load(tmp_path / f"a{suffix}", force="mesh")
    assert back.is_watertight
    assert back.volume == pytest.approx(mesh.volume, rel=1e-6)
    np.testing.assert_allclose(back.bounds, [mesh.vertices.min(0), mesh.vertices.max(0)], rtol=1e-6)
    if suffix in (".ply", ".obj", ".glb"):
        np.testing.assert_array_equal(back.visual.vertex_colors[:, :3].min(0), mesh.colours.min(0))


def test_a_ply_far_from_the_origin_is_in_double_precision_and_one_near_in_single(tmp_path: Path):
    save_mesh(tmp_path / "far.ply", ball(offset=1e7))
    save_mesh(tmp_path / "near.ply", ball())
    assert b"property double x" in (tmp_path / "far.ply").read_bytes()
    assert b"property float x" in (tmp_path / "near.ply").read_bytes()


def test_polygons_are_cut_into_triangles(tmp_path: Path):
    vertices = [(0, 0, 0), (2, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0), (9, 9, 9)]
    ply = ["ply", "format ascii 1.0", "element vertex 6", *(f"property float {x}" for x in "xyz")]
    ply += ["element face 3", "property uchar flag", "property list uchar int vertex_index", "end_header"]
    ply += [f"{x} {y} {z}" for x, y, z in vertices] + ["1 5 0 1 2 3 4", "2 3 0 1 5", "3 2 0 1"]
    obj = [f"v {x} {y} {z}" for x, y, z in vertices] + [
        "vn 0 0 1",
        "vt 0 0",
        "f 1/1/1 2//1 3 -3/1 5\\",
        "",
        "f 1 2 6",
        "l 1 2",
    ]
    off = ["OFF 6 2 0 # counts", *(f"{x} {y} {z}" for x, y, z in vertices), "5 0 1 2 3 4 255 0 0", "", "3 0 1 5"]
    for name, lines in (("a.ply", ply), ("a.obj", obj), ("a.off", off)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        mesh = load_mesh(tmp_path / name)
        np.testing.assert_array_equal(mesh.vertices, vertices)
        assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 1, 5]]


@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_ply_with_polygons_of_mixed_length(tmp_path: Path, order: str):
    form = "little" if order == "<" else "big"
    lines = ["ply", f"format binary_{form}_endian 1.0", "element vertex 4", *(f"property float {x}" for x in "xyz")]
    lines += ["element face 2", "property list uint8 uint32 vertex_indices", "property list uchar float texcoord"]
    body = np.arange(12).astype(f"{order}f4").tobytes()
    body += struct.pack(f"{order}B4IB2f", 4, 0, 1, 2, 3, 2, 0.5, 0.5) + struct.pack(f"{order}B3IB", 3, 0, 2, 3, 0)
    (tmp_path / "a.ply").write_bytes("\n".join([*lines, "end_header", ""]).encode() + body)
    assert load_mesh(tmp_path / "a.ply").faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 2, 3]]


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize(
    "wound", [[[0, 1, 2, 3, 0, 1]], [[0, 1, 2, 3, -1, 2, 3, 0, 1, -1]], [[0, 1, 2, 3], [2, 3, 0, 1]]]
)
def test_triangle_strips_of_a_ply(tmp_path: Path, form: str, wound: list[list[int]]):
    """Oracle: the solid that the strip is wound around, closed, of volume 1/6 and with its outside outward."""
    vertices = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1.0]])
    lines = ["ply", f"format {form} 1.0", "element vertex 4", *(f"property double {x}" for x in "xyz")]
    lines += [f"element tristrips {len(wound)}", "property list int int vertex_indices", "end_header", ""]
    if form == "ascii":
        rows = [*vertices.tolist(), *([len(strip), *strip] for strip in wound)]
        body = "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()
    else:
        order = "<" if "little" in form else ">"
        body = vertices.astype(f"{order}f8").tobytes()
        body += b"".join(np.array([len(strip), *strip], f"{order}i4").tobytes() for strip in wound)
    (tmp_path / "a.ply").write_bytes("\n".join(lines).encode() + body)
    mesh = load_mesh(tmp_path / "a.ply")
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert solid.is_watertight
    assert solid.is_winding_consistent
    assert mesh.volume == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("strip", "faces"),
    [
        ([0, 1, 2, 3], [[0, 1, 2], [2, 1, 3]]),
        ([0, 1, 2, -1, 1, 2, 3], [[0, 1, 2], [1, 2, 3]]),
        ([0, 1, 2, 2, 3, 3, 1, 0], [[0, 1, 2], [1, 3, 0]]),  # one strip led on to the next by a vertex twice
        ([-1, 0, 1, -1, 2, -1, -1], []),
        ([], []),
    ],
)
def test_strips_by_hand(strip: list[int], faces: list[list[int]]):
    assert strips(np.array([len(strip)]), np.array(strip, np.int64)).tolist() == faces


def test_faces_and_strips_of_a_ply_are_taken_together(tmp_path: Path):
    lines = ["ply", "format ascii 1.0", "element vertex 4", *(f"property float {x}" for x in "xyz")]
    lines += ["element face 1", "property list uchar int vertex_index"]
    lines += ["element tristrips 1", "property list int int vertex_indices", "end_header"]
    lines += ["0 0 0", "1 0 0", "0 1 0", "0 0 1", "3 0 1 2", "4 0 1 2 3"]
    (tmp_path / "a.ply").write_text("\n".join(lines))
    assert load_mesh(tmp_path / "a.ply").faces.tolist() == [[0, 1, 2], [0, 1, 2], [2, 1, 3]]


def test_obj_seams_do_not_split_vertices(tmp_path: Path):
    lines = ["mtllib none.mtl", "o thing", "v 0 0 0 1 0 0", "v 1 0 0 0 1 0", "v 0 1 0 0 0 1", "v 0 0 1 1 1 1"]
    lines += ["vt 0 0", "vt 1 1", "vn 0 0 1", "vn 0 1 0", "usemtl x", "s off", "g one"]
    lines += ["f 1/1/1 2/1/1 3/2/1", "g two", "f 1/2/2 4/2/2 2/1/2"]
    (tmp_path / "a.obj").write_text("\n".join(lines))
    mesh = load_mesh(tmp_path / "a.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 3, 1]]
    assert mesh.colours.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    half = np.sqrt(0.5)
    np.testing.assert_allclose(mesh.normals, [[0, half, half], [0, half, half], [0, 0, 1], [0, 1, 0]], atol=1e-6)
    # Relative numbers count back from their own line.
    (tmp_path / "b.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 1\nf -4 -1 -3\n")
    assert load_mesh(tmp_path / "b.obj").faces.tolist() == [[0, 1, 2], [0, 3, 1]]


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary called solid"])
def test_stl_corners_are_merged(tmp_path: Path, kind: str):
    corners = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 0, -0.0], [0, 0, 1], [1, 0, 0]]])
    if kind == "ascii":
        text = "solid a\n"
        for face in corners:
            rows = "".join(f"      VERTEX {x} {y:e} {z}\n" for x, y, z in face)
            text += f"  facet normal 0 0 0\n    outer loop\n{rows}    endloop\n  endfacet\n"
        (tmp_path / "a.stl").write_text(text + "endsolid a\n")
    else:
        start = b"solid" if "solid" in kind else b""
        rows = [bytes(12) + face.astype("<f4").tobytes() + bytes(2) for face in corners]
        (tmp_path / "a.stl").write_bytes(start.ljust(80) + struct.pack("<I", 2) + b"".join(rows))
    mesh = load_mesh(tmp_path / "a.stl")
    assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 3, 1]]


def test_scenes_are_joined_as_their_nodes_say(tmp_path: Path):
    first, second = (trimesh.creation.box((1, 2, 3)) for _ in range(2))
    for part in (first, second):
        part.visual.vertex_colors = np.tile(np.uint8([10, 20, 30, 255]), (8, 1))
    turn = trimesh.transformations.rotation_matrix(0.3, [1, 2, 3], [4, 5, 6])
    mirror = np.diag([-2.0, 1, 1, 1])
    scene = trimesh.Scene()
    scene.add_geometry(first, node_name="a", geom_name="one", transform=turn)
    scene.add_geometry(second, node_name="b", geom_name="two", transform=mirror, parent_node_name="a")
    for name in ("a.glb", "a.gltf"):
        if name == "a.glb":
            scene.export(tmp_path / name, include_normals=True)
        else:
            for file, content in scene.export(file_type="gltf", include_normals=True).items():
                (tmp_path / (name if file == "model.gltf" else file)).write_bytes(content)
        mesh = load_mesh(tmp_path / name)
        corners = np.concatenate([first.vertices, first.vertices * [-2, 1, 1]]) @ turn[:3, :3].T + turn[:3, 3]
        assert len(mesh.faces) == 24
        np.testing.assert_allclose(np.sort(mesh.vertices, axis=0), np.sort(corners, axis=0), atol=1e-5)
        # A mirror turns faces inside out unless their corners are swapped.
        assert mesh.volume == pytest.approx(6 + 12, rel=1e-5)
        assert (mesh.colours == [10, 20, 30]).all()
        middle = np.where(np.arange(16)[:, None] < 8, turn[:3, 3], (turn[:3, :3] @ [0, 0, 0]) + turn[:3, 3])
        assert (np.einsum("nk,nk->n", mesh.normals, mesh.vertices - middle) > 0).all()


def test_points_of_a_glb(tmp_path: Path):
    points = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    trimesh.Scene([trimesh.PointCloud(points)]).export(tmp_path / "a.glb")
    np.testing.assert_array_equal(load_cloud(tmp_path / "a.glb").points, points)
    with pytest.raises(UserError, match="5 points but no faces"):
        load_mesh(tmp_path / "a.glb")


def test_off_kinds(tmp_path: Path):
    path = tmp_path / "a.off"
    path.write_text("# made by hand\nCOFF\n3 1 0\n0 0 0 255 0 0 255\n1 0 0 0 255 0 255\n0 1 0 0 0 9 255\n3 0 1 2\n")
    assert load_mesh(path).colours.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 9]]
    path.write_text("OFF3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2 0.5 0.5 0.5\n")
    assert load_mesh(path).faces.tolist() == [[0, 1, 2]]
    path.write_text("NOFF\n3 1 0\n0 0 0 0 0 2\n1 0 0 0 0 2\n0 1 0 0 0 2\n3 0 1 2\n")
    assert load_mesh(path).normals.tolist() == [[0, 0, 1]] * 3


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["v 0 0 0", "v 1 0 0"], "2 points but no faces"),
        (["v 0 0 0", "v 1 0 0", "v nan 0 0", "f 1 2 3"], "1 vertices with NaN"),
        (["v 0 0 0", "v 1 0 0", "v 0 1 0", "f 1 2 4"], "name vertices that do not exist"),
        (["v 0 0 0", "v 1 0 0", "v 0 1 0", "f 0 1 2"], "name vertices that do not exist"),
        (["v 0 0 0", "v 1 0 0", "v 0 1 0", "f 1 2"], "3 points but no faces"),
        (["v 0 0 0", "v 1 0 0", "v 0 1 0", "f 1 2 x"], "Cannot read"),
        (["v 0 0 0", "v 1 0 0", "v 0 1 0", "f 1 2 99999999999999999999"], "not understood"),
        (["v 0 0 0", "v 1 0 0", "v 0 1 0", "f 1 2 3.5"], "Cannot read"),
    ],
)
def test_files_that_are_no_meshes(tmp_path: Path, lines: list[str], message: str):
    (tmp_path / "a.obj").write_text("\n".join(lines))
    with pytest.raises(UserError, match=message) as caught:
        load_mesh(tmp_path / "a.obj")
    assert str(tmp_path / "a.obj") in str(caught.value)


def test_places_that_cannot_be_written_are_told_before_any_compute(tmp_path: Path):
    (tmp_path / "folder.ply").mkdir()
    for name, message in {
        "a.plyy": r"unknown extension '\.plyy', but a mesh file to write ends in one of: \.ply, .*Did you mean '\.ply'",
        "a": "has no extension",
        "nowhere/a.ply": "there is no folder",
        "folder.ply": "it is a folder",
    }.items():
        for check in (check_mesh_path, lambda path: save_mesh(path, ball())):
            with pytest.raises(UserError, match=message):
                check(tmp_path / name)
    assert check_mesh_path(tmp_path / "A.GLB") == ".glb"
    assert check_mesh_path("a.ply") == ".ply"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch, suffix: str):
    path = tmp_path / f"a{suffix}"
    save_mesh(path, ball())
    before = path.read_bytes()

    def fail(temporary: Path, mesh: Mesh) -> None:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(meshes.WRITERS, suffix, fail)
    with pytest.raises(UserError, match="the disk is full"):
        save_mesh(path, ball(2))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_glb_far_away_moves_its_node(tmp_path: Path):
    save_mesh(tmp_path / "a.glb", ball(offset=1e7))
    content = (tmp_path / "a.glb").read_bytes()
    header = json.loads(content[20 : 20 + struct.unpack("<I", content[12:16])[0]])
    translations = [node["matrix"][12:15] for node in header["nodes"] if "matrix" in node]
    np.testing.assert_allclose(translations, [[1e7, -2e7, 3e7]], rtol=1e-9)
