"""Reading clouds that others wrote. Oracle: the numbers that the test itself wrote, byte by byte."""

import struct
from pathlib import Path

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.io.geometry.clouds import load_cloud

RANDOM = np.random.default_rng(0)
POINTS = RANDOM.standard_normal((7, 3))
NORMALS = np.linalg.qr(RANDOM.standard_normal((7, 3, 3)))[0][:, 0]
COLOURS = RANDOM.integers(0, 256, (7, 3), np.uint8)
FAR = POINTS + np.array([1e7, -2e7, 3e7])
TINY = POINTS * 1e-6


def ply(form: str, *lines: str) -> bytes:
    return "\n".join(["ply", f"format {form} 1.0", "comment by hand", *lines, "end_header", ""]).encode()


def xyz_lines(kind: str = "float") -> list[str]:
    return [f"property {kind} {name}" for name in "xyz"]


def text_of(*blocks: np.ndarray, separator: str = " ") -> str:
    rows = zip(*(block.tolist() for block in blocks), strict=True)
    return "".join(separator.join(repr(value) for part in row for value in part) + "\n" for row in rows)


@pytest.mark.parametrize(("form", "order"), [("binary_little_endian", "<"), ("binary_big_endian", ">")])
@pytest.mark.parametrize(("kind", "code"), [("float", "f4"), ("double", "f8"), ("float64", "f8"), ("int", "i4")])
def test_binary_ply_of_any_order_and_extra_properties(tmp_path: Path, form: str, order: str, kind: str, code: str):
    lines = ["element junk 2", "property short a", "element vertex 7", "property uchar label", *xyz_lines(kind)]
    lines += ["property double time", *(f"property float n{name}" for name in "xyz")]
    lines += [*(f"property uchar {name}" for name in ("red", "green", "blue", "alpha")), "property float time"]
    rows = np.zeros(7, f"u1, (3,){order}{code}, {order}f8, (3,){order}f4, (4,)u1, {order}f4")
    # Distinct after rounding, for repeated points are dropped.
    points = FAR if code == "f8" else np.round(POINTS * 1000)
    rows["f1"], rows["f3"], rows["f4"][:, :3] = points, NORMALS, COLOURS
    (tmp_path / "a.PLY").write_bytes(ply(form, *lines) + bytes(4) + rows.tobytes())
    cloud = load_cloud(tmp_path / "a.PLY")
    np.testing.assert_array_equal(cloud.points, points.astype(code).astype(np.float64))
    np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)
    np.testing.assert_array_equal(cloud.colours, COLOURS)
    assert cloud.notes == ()
    assert cloud.source == str(tmp_path / "a.PLY")


def test_ascii_ply_keeps_the_digits_of_its_text(tmp_path: Path):
    lines = ["element vertex 7", *xyz_lines(), *(f"property float {name}" for name in ("red", "green", "blue"))]
    (tmp_path / "a.ply").write_bytes(ply("ascii", *lines) + text_of(FAR, COLOURS / 255).encode())
    cloud = load_cloud(tmp_path / "a.ply")
    np.testing.assert_array_equal(cloud.points, FAR)
    np.testing.assert_array_equal(cloud.colours, COLOURS)


def test_colours_of_an_ascii_ply_are_of_the_type_its_header_names(tmp_path: Path):
    lines = ["element vertex 2", *xyz_lines(), *(f"property uchar {name}" for name in ("red", "green", "blue"))]
    (tmp_path / "a.ply").write_bytes(ply("ascii", *lines) + b"0 0 0 1 0 1\n1 0 0 0 0 0\n")
    assert load_cloud(tmp_path / "a.ply").colours.tolist() == [[1, 0, 1], [0, 0, 0]]
    (tmp_path / "a.ply").write_bytes(ply("ascii", *lines) + b"0 0 0 1 0 1\n1 0 0 0 0 256\n")
    with pytest.raises(UserError, match="none of the type uint8"):
        load_cloud(tmp_path / "a.ply")


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_lists_at_the_vertices_are_skipped(tmp_path: Path, form: str):
    lines = ["element vertex 3", *xyz_lines(), "property list uchar float weights", "property float q"]
    rows = [(0, 0, 1, [1.5], 5), (0, 1, 0, [], 6), (1, 0, 0, [1, 2, 3], 7)]
    if form == "ascii":
        body = "".join(
            " ".join(map(str, (x, y, z, len(weights), *weights, q))) + "\n" for x, y, z, weights, q in rows
        ).encode()
    else:
        body = b"".join(
            struct.pack(f"<3fB{len(weights)}ff", x, y, z, len(weights), *weights, q) for x, y, z, weights, q in rows
        )
    (tmp_path / "a.ply").write_bytes(ply(form, *lines) + body)
    np.testing.assert_array_equal(load_cloud(tmp_path / "a.ply").points, [[0, 0, 1], [0, 1, 0], [1, 0, 0]])


def test_vertices_of_triangle_strips_are_points(tmp_path: Path):
    lines = ["element vertex 3", *xyz_lines(), "element tristrips 1", "property list int int vertex_indices"]
    body = np.arange(9, dtype="<f4").tobytes() + np.array([4, 0, 1, 2, -1], "<i4").tobytes()
    (tmp_path / "a.ply").write_bytes(ply("binary_little_endian", *lines) + body)
    cloud = load_cloud(tmp_path / "a.ply")
    assert cloud.count == 3
    assert "the file holds a mesh" in cloud.notes[0]


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";", ", ", "   "])
@pytest.mark.parametrize("name", ["a.xyz", "a.TXT", "a.csv", "a.asc", "a.pts"])
def test_tables_with_any_separator(tmp_path: Path, separator: str, name: str):
    for points in (POINTS, FAR, TINY):
        (tmp_path / name).write_text(text_of(points, separator=separator))
        np.testing.assert_array_equal(load_cloud(tmp_path / name).points, points)


def test_tables_with_three_further_columns(tmp_path: Path):
    path = tmp_path / "a.xyz"
    path.write_text(text_of(POINTS, np.round(NORMALS, 3)))
    cloud = load_cloud(path)
    np.testing.assert_allclose(cloud.normals, NORMALS, atol=2e-3)
    assert cloud.colours is None
    some = NORMALS * ([[1]] * 6 + [[0]])
    path.write_text(text_of(POINTS, some))
    np.testing.assert_allclose(load_cloud(path).normals, some, atol=1e-6)
    for colours in (COLOURS, COLOURS / 255, COLOURS.astype(float)):
        path.write_text(text_of(POINTS, colours))
        cloud = load_cloud(path)
        np.testing.assert_array_equal(cloud.colours, COLOURS)
        assert cloud.normals is None
    path.write_text(text_of(POINTS, 0 * NORMALS))
    assert load_cloud(path).normals is None
    assert load_cloud(path).colours is None
    path.write_text(text_of(POINTS, NORMALS * 3))
    with pytest.raises(UserError, match="columns 4 to 6 are neither unit normals nor colours"):
        load_cloud(path)


def test_tables_with_seven_and_nine_columns(tmp_path: Path):
    path = tmp_path / "a.pts"
    path.write_text("7\n" + text_of(POINTS, np.full((7, 1), -1200), COLOURS))
    np.testing.assert_array_equal(load_cloud(path).colours, COLOURS)
    path.write_text(text_of(POINTS, np.zeros((7, 1)), COLOURS - 3.0 - COLOURS.min()))
    with pytest.raises(UserError, match="columns 5 to 7 must be colours"):
        load_cloud(path)
    for blocks in ((NORMALS, COLOURS), (COLOURS, NORMALS), (NORMALS, COLOURS / 255)):
        path.write_text(text_of(POINTS, *blocks))
        cloud = load_cloud(path)
        np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)
        np.testing.assert_array_equal(cloud.colours, COLOURS)


def test_whole_and_decimal_colours_of_one_differ(tmp_path: Path):
    path = tmp_path / "a.xyz"
    path.write_text("0 0 0 1 1 0\n1 0 0 0 1 1\n")
    assert load_cloud(path).colours.tolist() == [[1, 1, 0], [0, 1, 1]]
    path.write_text("0 0 0 1.0 1.0 0.0\n1 0 0 0.0 1.0 1.0\n")
    assert load_cloud(path).colours.tolist() == [[255, 255, 0], [0, 255, 255]]


@pytest.mark.parametrize(
    "head",
    [
        "x y z\n",
        "X,Y,Z\n",
        "//X Y Z\n",
        "# a comment\n\n# x y z\n",
        "some scan\n",
        "2\n",
        "\xef\xbb\xbf",
        "# a\n2\n# b\n",
    ],
)
def test_lines_before_the_points(tmp_path: Path, head: str):
    path = tmp_path / "a.xyz"
    path.write_bytes(head.encode("latin-1") + b"1 2 3 # the first\r\n\r\n# between\r\n4 5 6")
    assert load_cloud(path).points.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_named_columns_may_stand_anywhere(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text('"R";"G";"B";"Label";"X [m]";"Y [m]";"Z [m]"\n9;8;7;1;1.5;2.5;3.5\n1;1;1;1;4.5;5.5;6.5\n')
    cloud = load_cloud(path)
    assert cloud.points.tolist() == [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]
    assert cloud.colours.tolist() == [[9, 8, 7], [1, 1, 1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2 3\n4 5\n", "line 2 has 2 columns, but those before have 3: '4 5'"),
        ("# a\n\n1 2 3\n\n4 5 6 7\n", "line 5 has 4 columns"),
        ("1 2 3\n4 x 6\n", "line 2 holds no row of numbers: '4 x 6'"),
        ("1 2 3 4\n", "line 1 has 4 columns, but 3, 6, 7 or 9 are read"),
        ("a\nb\n1 2 3\n", "line 2 holds no row of numbers: 'b'"),
        ("1;2;3\n1,5;2,5;3,5\n", "line 2 holds no row of numbers: .*decimal commas"),
        ("5\n1 2 3\n", "announces 5 points but holds 1: it is truncated"),
        ("# only a comment\n", "no rows of numbers"),
        ("x y z\n", "no rows of numbers"),
        ("3\n", "no rows of numbers"),
        ("1_0 2 3\n", "no rows of numbers"),
        ("nan nan nan\n", "no points with finite coordinates"),
        ("1 2 3,\n", "line 1|no rows"),
    ],
)
def test_mistakes_in_tables_are_told_with_their_line(tmp_path: Path, content: str, message: str):
    path = tmp_path / "a.xyz"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        load_cloud(path)
    assert str(path) in str(caught.value)


def test_more_points_than_announced_are_taken_and_told(tmp_path: Path):
    (tmp_path / "a.pts").write_text("1\n1 2 3\n4 5 6\n")
    cloud = load_cloud(tmp_path / "a.pts")
    assert cloud.count == 2
    assert "announces 1 points but holds 2" in cloud.notes[0]


def test_rows_without_numbers_are_dropped_and_told(tmp_path: Path):
    (tmp_path / "a.xyz").write_text("1 2 3 9 9 9\nnan nan nan nan nan nan\n4 5 6 200 9 9\n")
    cloud = load_cloud(tmp_path / "a.xyz")
    assert cloud.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert cloud.colours.tolist() == [[9, 9, 9], [200, 9, 9]]
    assert "1 points with NaN" in cloud.notes[0]


def test_numpy_files(tmp_path: Path):
    for blocks in ((FAR,), (FAR, NORMALS), (FAR, COLOURS), (FAR, NORMALS, COLOURS)):
        np.save(tmp_path / "a.npy", np.concatenate(blocks, axis=1))
        cloud = load_cloud(tmp_path / "a.npy")
        np.testing.assert_array_equal(cloud.points, FAR)
        assert (cloud.normals is not None) == any(block is NORMALS for block in blocks)
        assert (cloud.colours is not None) == any(block is COLOURS for block in blocks)
    np.save(tmp_path / "big.npy", FAR.astype(">f8"))
    np.testing.assert_array_equal(load_cloud(tmp_path / "big.npy").points, FAR)
    for name in ("colors", "colours"):
        np.savez_compressed(tmp_path / "a.npz", points=FAR, normals=NORMALS, other="text", **{name: COLOURS / 255})
        cloud = load_cloud(tmp_path / "a.npz")
        np.testing.assert_array_equal(cloud.points, FAR)
        np.testing.assert_array_equal(cloud.colours, COLOURS)
        np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)
    np.savez(tmp_path / "one.npz", whatever=np.concatenate([FAR, NORMALS], axis=1))
    np.testing.assert_array_equal(load_cloud(tmp_path / "one.npz").points, FAR)
    named = np.zeros(7, [("X", "f8"), ("y", "f8"), ("z", "f8"), ("t", "i4")])
    named["X"], named["y"], named["z"] = FAR.T
    np.save(tmp_path / "named.npy", named)
    np.testing.assert_array_equal(load_cloud(tmp_path / "named.npy").points, FAR)


@pytest.mark.parametrize("sample", [0, -3])
def test_numbers_out_of_range_are_refused_before_reading(tmp_path: Path, sample: int):
    with pytest.raises(UserError, match="points to sample must be at least 1"):
        load_cloud(tmp_path / "missing.ply", sample=sample)
    with pytest.raises(UserError, match="noise"):
        load_cloud(tmp_path / "missing.ply", noise=float("nan"))


def test_noise_has_the_deviation_asked_for(tmp_path: Path):
    points = np.random.default_rng(1).random((20_000, 3)) + 1e7
    np.save(tmp_path / "a.npy", points)
    cloud = load_cloud(tmp_path / "a.npy", noise=0.01, generator=np.random.default_rng(2))
    deviation = 0.01 * np.linalg.norm(np.ptp(points, axis=0))
    # The standard error of a deviation from 60,000 numbers is 0.3 %.
    assert (cloud.points - points).std() == pytest.approx(deviation, rel=0.02)
    assert "Gaussian noise with a standard deviation of 0.0173" in cloud.notes[0]
    again = load_cloud(tmp_path / "a.npy", noise=0.01, generator=np.random.default_rng(2))
    np.testing.assert_array_equal(cloud.points, again.points)
