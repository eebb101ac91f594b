"""PCD files. Oracles: the numbers that the test itself wrote, byte by byte, and files written by open3d."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.core.libraries import open3d as load_open3d
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.pcd import decompressed

RANDOM = np.random.default_rng(0)
POINTS = RANDOM.standard_normal((7, 3))
NORMALS = np.linalg.qr(RANDOM.standard_normal((7, 3, 3)))[0][:, 0]
COLOURS = RANDOM.integers(0, 256, (7, 3), np.uint8)
FAR = POINTS + np.array([1e7, -2e7, 3e7])


def text_of(*blocks: np.ndarray, separator: str = " ") -> str:
    rows = zip(*(block.tolist() for block in blocks), strict=True)
    return "".join(separator.join(repr(value) for part in row for value in part) + "\n" for row in rows)


def pcd(data: str, fields: str, sizes: str, types: str, counts: str, points: int) -> bytes:
    lines = ["# .PCD v0.7", "VERSION 0.7", f"FIELDS {fields}", f"SIZE {sizes}", f"TYPE {types}", f"COUNT {counts}"]
    lines += [f"WIDTH {points}", "HEIGHT 1", "VIEWPOINT 0 0 0 1 0 0 0", f"POINTS {points}", f"DATA {data}", ""]
    return "\n".join(lines).encode()


def literal(content: bytes) -> bytes:
    """LZF without any repetition."""
    return b"".join(bytes([len(content[i : i + 32]) - 1]) + content[i : i + 32] for i in range(0, len(content), 32))


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
def test_pcd(tmp_path: Path, data: str):
    header = pcd(
        data,
        "_ x y z normal_x normal_y normal_z rgb _",
        "1 8 8 8 4 4 4 4 1",
        "U F F F F F F F U",
        "2 1 1 1 1 1 1 1 1",
        7,
    )
    packed = (COLOURS.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)).astype("<u4").view("<f4")
    normals = NORMALS.astype("<f4")
    if data == "ascii":
        pad = np.zeros((7, 2), int)
        body = text_of(pad, FAR, normals, packed[:, None].astype(np.float64), pad[:, :1]).encode()
    elif data == "binary":
        rows = np.zeros(7, "(2,)u1, (3,)<f8, (3,)<f4, <f4, u1")
        rows["f1"], rows["f2"], rows["f3"] = FAR, normals, packed
        body = rows.tobytes()
    else:
        parts = [bytes(14), *(FAR[:, axis].tobytes() for axis in range(3))]
        parts += [*(normals[:, axis].tobytes() for axis in range(3)), packed.tobytes(), bytes(7)]
        content = b"".join(parts)
        body = struct.pack("<II", len(literal(content)), len(content)) + literal(content)
    (tmp_path / "a.pcd").write_bytes(header + body)
    cloud = load_cloud(tmp_path / "a.pcd")
    np.testing.assert_array_equal(cloud.points, FAR)
    np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)
    np.testing.assert_array_equal(cloud.colours, COLOURS)
    for cut in (1, 20, len(body) - 5):
        (tmp_path / "a.pcd").write_bytes((header + body)[: -cut - 3])
        with pytest.raises(UserError, match=r"a\.pcd"):
            load_cloud(tmp_path / "a.pcd")


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
@pytest.mark.parametrize("points", [10**9, 10**12, 10**20])
def test_a_header_that_asks_for_too_much_is_refused_before_memory_is_taken(tmp_path: Path, data: str, points: int):
    body = b"1 2 3\n" if data == "ascii" else struct.pack("<II", 13, 12) * (data != "binary") + bytes(13)
    (tmp_path / "a.pcd").write_bytes(pcd(data, "x y z", "4 4 4", "F F F", "1 1 1", points) + body)
    tracemalloc.start()
    with pytest.raises(UserError, match=f"truncated|{points:,} points"):
        load_cloud(tmp_path / "a.pcd")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("data", ["ascii", "binary", "binary_compressed"])
def test_normals_may_be_of_another_width_than_points(tmp_path: Path, data: str):
    normals = NORMALS.astype("<f4")
    if data == "ascii":
        body = text_of(FAR, normals).encode()
    elif data == "binary":
        rows = np.zeros(7, "(3,)<f8, (3,)<f4")
        rows["f0"], rows["f1"] = FAR, normals
        body = rows.tobytes()
    else:
        content = FAR.T.tobytes() + normals.T.tobytes()
        body = struct.pack("<II", len(literal(content)), len(content)) + literal(content)
    fields = "x y z normal_x normal_y normal_z"
    (tmp_path / "a.pcd").write_bytes(pcd(data, fields, "8 8 8 4 4 4", "F F F F F F", "1 1 1 1 1 1", 7) + body)
    cloud = load_cloud(tmp_path / "a.pcd")
    np.testing.assert_array_equal(cloud.points, FAR)
    np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)


def test_compressed_repetitions():
    # Three literals, then three repeated from three bytes back, then ten from one byte back (a run).
    packed = bytes([2]) + b"abc" + bytes([1 << 5, 2]) + bytes([7 << 5, 1, 0])
    assert decompressed(packed, 16) == b"abcabc" + b"c" * 10
    with pytest.raises(ValueError, match="hold 16 bytes and not 15"):
        decompressed(packed, 15)
    with pytest.raises(ValueError, match="end early"):
        decompressed(packed[:-1], 16)
    with pytest.raises(ValueError, match="damaged"):
        decompressed(bytes([2]) + b"abc" + bytes([1 << 5, 3]), 6)


def test_compressed_files_of_open3d(tmp_path: Path):
    open3d = load_open3d()
    content = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(np.repeat(np.round(POINTS, 1), 9, 1)[:, ::9]))
    content.normals = open3d.utility.Vector3dVector(NORMALS)
    for options in ({"compressed": True}, {"write_ascii": True}, {}):
        open3d.io.write_point_cloud(str(tmp_path / "a.pcd"), content, **options)
        cloud = load_cloud(tmp_path / "a.pcd")
        np.testing.assert_allclose(cloud.points, np.asarray(content.points), rtol=1e-6)
        np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)
