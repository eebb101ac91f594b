"""Damaged and strange files of clouds and meshes: one UserError each, and never another failure."""

import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.io.geometry.clouds import READERS, load_cloud, save_cloud
from nfield.io.geometry.meshes import READERS as MESH_READERS
from nfield.io.geometry.meshes import load_mesh, save_mesh

TETRAHEDRON = Mesh(
    vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]]),
    faces=np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]),
    normals=np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 1]], np.float32),
    colours=np.arange(12, dtype=np.uint8).reshape(4, 3),
)


def good_bytes(folder: Path) -> dict[str, bytes]:
    """A sound file of each kind."""
    files = {}
    for suffix in (".ply", ".obj", ".glb", ".stl", ".off"):
        save_mesh(folder / f"good{suffix}", TETRAHEDRON)
        files[suffix] = (folder / f"good{suffix}").read_bytes()
    cloud = PointCloud.from_arrays(TETRAHEDRON.vertices, TETRAHEDRON.normals, TETRAHEDRON.colours)
    for suffix in (".xyz", ".npz"):
        save_cloud(folder / f"good{suffix}", cloud)
        files[suffix] = (folder / f"good{suffix}").read_bytes()
    buffer = io.BytesIO()
    np.save(buffer, TETRAHEDRON.vertices)
    files[".npy"] = buffer.getvalue()
    header = "FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 4\nHEIGHT 1\nPOINTS 4\nDATA binary\n"
    files[".pcd"] = header.encode() + TETRAHEDRON.vertices.astype("<f4").tobytes()
    return files


def read_or_refused(load: Callable[..., Any], path: Path) -> Any:
    """What the file holds, or None where one message that names it refuses it."""
    message = None
    try:
        return load(path)
    except UserError as error:
        message = str(error)
    assert str(path) in message
    assert "\n" not in message
    return None


@pytest.mark.parametrize("load", [load_cloud, load_mesh])
def test_paths_that_cannot_be_read(tmp_path: Path, load: Callable[..., Any]):
    save_mesh(tmp_path / "bunny.ply", TETRAHEDRON)
    (tmp_path / "empty.ply").touch()
    (tmp_path / "a.plx").touch()
    (tmp_path / "a").touch()
    cases = {
        "buny.ply": "No file .*Did you mean 'bunny.ply'",
        "nowhere/a.ply": "there is no folder",
        "": "is a folder",
        "empty.ply": "is empty",
        "a.plx": r"unknown extension '\.plx', but a .* ends in one of: .*\.obj.*Did you mean '\.ply'",
        "a": "has no extension",
    }
    for name, message in cases.items():
        with pytest.raises(UserError, match=message) as caught:
            load(tmp_path / name)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize("content", [b"hello, this is text\nof two lines\n", b"\x00\xff\x89PNG\r\n\x1a\n" * 40, b"\n"])
def test_text_and_garbage_under_any_name(tmp_path: Path, suffix: str, content: bytes):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    for load in (load_cloud, load_mesh):
        with pytest.raises(UserError) as caught:
            load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".ply", ".glb", ".stl", ".off", ".npy", ".npz", ".pcd"])
def test_no_truncated_file_passes(tmp_path: Path, suffix: str):
    content = good_bytes(tmp_path)[suffix]
    path = tmp_path / f"a{suffix}"
    for length in range(1, len(content) - 4, max(1, len(content) // 50)):
        path.write_bytes(content[:length])
        with pytest.raises(UserError) as caught:
            load_cloud(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.ply", "ply\nformat ascii 1.0\n", "no line 'end_header'"),
        ("a.ply", "ply\nend_header\n", "no line 'format'"),
        ("a.ply", "ply\nformat ascii 1.0\nend_header\n", "no element 'vertex'"),
        ("a.ply", "ply\nformat morse 1.0\nend_header\n", "line 2 of its header"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex -1\nend_header\n", "line 3 of its header"),
        ("a.ply", "ply\nformat ascii 1.0\nproperty float x\nend_header\n", "line 3 of its header"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n", "no x, y and z but x"),
        ("b.ply", "0 0 0", "truncated, for it holds 1"),
        ("b.ply", "0 0 0\n0 0", "number of columns changed"),
        ("b.ply", "0 0 0 0\n0 0 0 0", "4 numbers, but its header names 3"),
        ("b.ply", "", "truncated, for it holds 0"),
        ("a.pcd", "VERSION 0.7\n", "its header has no line 'DATA'"),
        ("a.pcd", "DATA ascii\n", "no line FIELDS, SIZE, TYPE"),
        ("a.pcd", "FIELDS x\nSIZE 3\nTYPE F\nPOINTS 1\nDATA binary\n", "unknown sizes"),
        ("a.pcd", "FIELDS x\nSIZE 4 4\nTYPE F\nPOINTS 1\nDATA binary\n", r"a\.pcd"),
        ("a.pcd", "FIELDS x\nSIZE 4\nTYPE F\nPOINTS 1\nDATA ascii\n1\n", "without x, y and z"),
        ("a.pcd", "FIELDS x\nSIZE 4\nTYPE F\nPOINTS 99999999999\nDATA binary\n1\n", "truncated"),
        ("a.obj", "f 1 2 3\n", "holds no vertices"),
        ("a.obj", "v 1 2\n", "holds no 3 numbers: '1 2'"),
        ("a.obj", "v 1 2 3\nv 1 x 3\n", "not like those before: '1 x 3'"),
        ("a.obj", "v 1 2 3\nf a b c\n", "'a'|not understood"),
        ("a.off", "OFF\n", "counts of vertices and faces"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n", "it announces 3 vertices and 1 faces, but holds 1 lines"),
        ("a.off", "OFF\n1 1 0\n0 0 0\n3 0 0\n", "fewer corners"),
        ("a.stl", "solid a\nvertex 0 0 0\nendsolid\n", "three for each triangle"),
        ("a.stl", "solid a\nvertex 0 0 0\n", "does not end with 'endsolid'"),
        ("a.gltf", '{"asset": {"version": "2.0"}}', "neither meshes nor points|no glTF"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, name: str, content: str, message: str):
    if name == "b.ply":
        content = "\n".join(
            ["ply\nformat ascii 1.0\nelement vertex 2", *(f"property float {x}" for x in "xyz"), "end_header", content]
        )
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        load_cloud(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("rows", [10**6, 10**9, 10**12, 10**20])
@pytest.mark.parametrize("lists", [False, True])
def test_a_header_that_asks_for_too_much_is_refused_before_memory_is_taken(
    tmp_path: Path, form: str, rows: int, lists: bool
):
    vertices, faces = (3, rows) if lists else (rows, 1)
    header = (
        f"ply\nformat {form} 1.0\nelement vertex {vertices}\nproperty float x\nproperty float y\nproperty float z\n"
    )
    header += f"element face {faces}\nproperty list uchar int vertex_indices\nend_header\n"
    body = b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n" if form == "ascii" else bytes(36) + b"\3" + bytes(12)
    (tmp_path / "a.ply").write_bytes(header.encode() + body)
    for load in (load_cloud, load_mesh):
        tracemalloc.start()
        with pytest.raises(UserError, match=f"truncated, for its {rows:,} elements"):
            load(tmp_path / "a.ply")
        assert tracemalloc.get_traced_memory()[1] < 2**20
        tracemalloc.stop()


def test_a_list_longer_than_its_file_is_refused(tmp_path: Path):
    header = (
        "ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
    )
    header += "element face 1\nproperty list uint int vertex_indices\nend_header\n"
    (tmp_path / "a.ply").write_bytes(header.encode() + bytes(12) + struct.pack("<I", 2**31 - 1) + bytes(12))
    with pytest.raises(UserError, match="truncated"):
        load_mesh(tmp_path / "a.ply")


@pytest.mark.parametrize(
    ("kind", "corner"), [("int64", 2**63 - 1), ("uint64", 2**64 - 1), ("int", 2**31), ("uint", -1)]
)
def test_corners_of_a_text_that_fit_no_number_are_refused(tmp_path: Path, kind: str, corner: int):
    header = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    header += f"element face 1\nproperty list uchar {kind} vertex_indices\nend_header\n"
    (tmp_path / "a.ply").write_text(header + f"0 0 0\n1 0 0\n0 1 0\n3 0 1 {corner}\n")
    with pytest.raises(UserError, match="none of the type"):
        load_mesh(tmp_path / "a.ply")


KINDS = ["char", "uchar", "short", "uint", "int64", "uint64", "float", "double"]
LINES = [*(f"property {kind} {name}" for kind in KINDS for name in "xyz")]
LINES += [f"property list {count} {kind} vertex_indices" for count in KINDS for kind in KINDS]
LINES += [
    f"element {name} {rows}" for name in ("vertex", "face", "tristrips", "a") for rows in (0, 1, 2, 10**6, 10**20)
]
WORDS = ["0", "1", "2", "-1", "3 0 1 2", "nan", "inf", "1e300", "9" * 20, "0.5", "x"]


@given(
    form=st.sampled_from(["ascii", "binary_little_endian", "binary_big_endian"]),
    more=st.lists(st.sampled_from(LINES), max_size=6),
    words=st.lists(st.sampled_from(WORDS), max_size=24),
    content=st.binary(max_size=60),
    sound=st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_odd_plys_give_a_message_or_a_cloud(
    tmp_path_factory, form: str, more: list, words: list, content: bytes, sound
):
    path = tmp_path_factory.mktemp("ply") / "a.ply"
    start = ["element vertex 2", *(f"property float {x}" for x in "xyz"), "element face 1"] if sound else []
    header = "\n".join(["ply", f"format {form} 1.0", *start, *more, "end_header", ""])
    vertices = b"0 0 0\n1 0 0\n" if form == "ascii" else bytes(24)
    body = " ".join(words).replace(" x ", "\n").encode() if form == "ascii" else content
    path.write_bytes(header.encode() + vertices * sound + body)
    for load in (load_cloud, load_mesh):
        assert isinstance(read_or_refused(load, path), (PointCloud, Mesh, NoneType))


def test_arrays_that_are_no_clouds(tmp_path: Path):
    cases: dict[str, tuple[np.ndarray, str]] = {
        "four columns": (np.zeros((5, 4)), r"shape \(5, 4\)"),
        "an image": (np.zeros((5, 4, 3)), r"shape \(5, 4, 3\)"),
        "text": (np.array([["a", "b", "c"]]), "type <U1"),
        "nothing": (np.zeros((0, 3)), "no points"),
        "neither": (np.full((3, 6), -7.0), "neither unit normals nor colours"),
    }
    for array, message in cases.values():
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(UserError, match=message):
            load_cloud(tmp_path / "a.npy")
    np.save(tmp_path / "pickle.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(UserError, match="damaged"):
        load_cloud(tmp_path / "pickle.npy")
    np.savez(tmp_path / "a.npz", points=np.zeros((3, 3)), normals=np.zeros((2, 3)))
    with pytest.raises(UserError, match=r"its normals have shape \(2, 3\)"):
        load_cloud(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", a=np.zeros((3, 3)), b=np.zeros((2, 3)))
    with pytest.raises(UserError, match="the arrays a, b, but 'points' is wanted"):
        load_cloud(tmp_path / "a.npz")
    (tmp_path / "renamed.npy").write_bytes((tmp_path / "a.npz").read_bytes())
    with pytest.raises(UserError, match=r"name it \.npz"):
        load_cloud(tmp_path / "renamed.npy")


@pytest.mark.parametrize("suffix", sorted(READERS))
@given(content=st.binary(min_size=1, max_size=80))
@settings(deadline=None, max_examples=15)
def test_noise_gives_a_message_or_a_cloud(tmp_path_factory, suffix: str, content: bytes):
    path = tmp_path_factory.mktemp("noise") / f"a{suffix}"
    path.write_bytes(content)
    assert isinstance(read_or_refused(load_cloud, path), (PointCloud, NoneType))


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb", ".stl", ".off", ".xyz", ".npz", ".npy", ".pcd"])
@given(place=st.floats(0, 1, exclude_max=True), piece=st.binary(min_size=1, max_size=4))
@example(place=0.6875, piece=b" ")  # of a GLB's header: trimesh then uses a name that it has not set
@example(place=0.71875, piece=b"\0\0\x81\x7f")  # a signalling NaN among an STL file's corners
@settings(deadline=None, max_examples=40)
def test_damaged_files_give_a_message_or_a_cloud(tmp_path_factory, suffix: str, place: float, piece: bytes):
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(good_bytes(folder)[suffix])
    position = int(place * len(content))
    content[position : position + len(piece)] = piece
    path = folder / f"a{suffix}"
    path.write_bytes(content)
    for load in (load_cloud, load_mesh) if suffix in MESH_READERS else (load_cloud,):
        assert isinstance(read_or_refused(load, path), (PointCloud, Mesh, NoneType))


@given(
    text=st.lists(
        st.sampled_from(
            ["1", "0.5", "-2e3", "nan", ",", ";", " ", "\n", "\n", "#", "x", "y", "z", "//", "\t", "1e999"]
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(deadline=None, max_examples=150)
def test_odd_tables_give_a_message_or_a_cloud(tmp_path_factory, text: list[str]):
    path = tmp_path_factory.mktemp("table") / "a.xyz"
    path.write_text("".join(text))
    cloud = read_or_refused(load_cloud, path)
    assert cloud is None or np.isfinite(cloud.points).all()
