"""NPY files and NPZ archives. Oracles: numpy's own reader on sound files; on damaged ones a ValueError of one line."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.io.geometry.clouds import load_cloud
from nfield.io.images.images import load_image
from nfield.io.numpy_files import read_archive, read_array

POINTS = np.random.default_rng(0).standard_normal((40, 3))
HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (40, 3), }"


def npy(header: str | bytes, version: int = 1, body: bytes = POINTS.tobytes()) -> bytes:
    content = header if isinstance(header, bytes) else header.encode("latin-1")
    length = struct.pack("<H" if version == 1 else "<I", len(content))
    return b"\x93NUMPY" + bytes([version, 0]) + length + content + body


def archive(content: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "points.npy") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def refusals(folder: Path, content: bytes) -> list[str]:
    """What each reader says of an NPY file, and of an archive that holds it."""
    said = []
    for name, data in (("a.npy", content), ("a.npz", archive(content))):
        (folder / name).write_bytes(data)
        for load in (load_cloud, load_image) if name == "a.npy" else (load_cloud,):
            with pytest.raises(UserError) as caught:
                load(folder / name)
            said.append(str(caught.value))
            assert str(folder / name) in said[-1]
            assert "\n" not in said[-1]
            assert len(said[-1]) < 600
    return said


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("array", [POINTS, np.asfortranarray(POINTS), POINTS.astype(">f4"), POINTS[:0], POINTS[0, 0]])
def test_sound_files_are_read_as_numpy_reads_them(tmp_path: Path, version: int, array: np.ndarray):
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array(file, array, (version, 0))
    (tmp_path / "a.npz").write_bytes(archive((tmp_path / "a.npy").read_bytes()))
    for found in (read_array(tmp_path / "a.npy"), read_archive(tmp_path / "a.npz", ())[0]["points"]):
        expected = np.load(tmp_path / "a.npy")
        np.testing.assert_array_equal(found, expected)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)


def test_of_an_archive_only_what_is_wanted_is_read(tmp_path: Path):
    np.savez(tmp_path / "a.npz", points=POINTS, other=np.array([{}]))
    arrays, names = read_archive(tmp_path / "a.npz", ("points", "normals"))
    np.testing.assert_array_equal(arrays["points"], POINTS)
    assert (list(arrays), names) == (["points"], ["points", "other"])


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (40,",
        "{'descr': '<f8', 'fortran_order': Fal",
        "(" * 3000 + HEADER,
        "-" * 9000 + "1",
        HEADER.replace("40", "40.0"),
        HEADER.replace("40", "-40"),
        HEADER.replace("<f8", "|O"),
        HEADER.replace("<f8", "|S0"),
        HEADER.replace("'<f8'", "[('a', '|O')]"),
        HEADER.replace("(40, 3)", "(1(2))"),
        HEADER.replace("40", "1" + "0" * 12),
        HEADER.replace("40", "9" * 30),
        " " * 20_000 + HEADER,
        "\\x",
        "",
    ],
    ids=lambda header: header.strip()[:60],
)
@pytest.mark.parametrize("version", [1, 2, 3, 7])
def test_headers_that_are_damaged_or_lie(tmp_path: Path, header: str, version: int):
    tracemalloc.start()
    refusals(tmp_path, npy(header, version))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_lying_header_is_told_in_bytes(tmp_path: Path):
    for said in refusals(tmp_path, npy(HEADER.replace("40", "5000000000"))):
        assert "truncated, for its header announces 120,000,000,000 bytes and" in said


def test_an_archive_that_lies_of_its_parts(tmp_path: Path):
    """Sizes in the directory of an archive are no better than those in headers: both may be forged together."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        content = bytearray(archive(npy(HEADER.replace("40", "150000000")), method))
        directory = content.index(b"PK\1\2")
        struct.pack_into("<I", content, directory + 24, 2**32 - 2)
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(UserError, match="header announces 3,600,000,000 bytes"):
            load_cloud(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(b"\x93NUMP" + bytes(90)), "the header of its array is damaged"),
        (archive(npy(HEADER), zipfile.ZIP_BZIP2), "compressed in a way that numpy does not write"),
        (archive(npy(HEADER))[:-30], "truncated or damaged"),
        (archive(b""), "the header of its array is damaged"),
    ],
)
def test_archives_whose_parts_are_no_arrays(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_cloud(tmp_path / "a.npz")


def refused(load: Any, path: Path) -> str | None:
    """What is said of the file where it is refused; None where it is read."""
    try:
        load(path)
    except UserError as error:
        return str(error)
    return None


TOKENS = ["{", "}", "(", ")", "[", "]", "'", ",", ":", "'descr'", "'<f8'", "'|u1'", "'shape'", "'fortran_order'"]
TOKENS += ["False", "None", "40", "3", "-1", "1e9", "\n", " ", "\\", "#", "L", "\0", "lambda", "[('x', '<f4')]", HEADER]
TYPES = ["<f8", "|u1", "?", "<M8[s]", "<c16", "|V7", "<U3", "<f2", ">i8", "b", "nonsense"]


@given(
    header=st.one_of(
        st.lists(st.sampled_from(TOKENS), max_size=12).map("".join),
        st.tuples(st.sampled_from(TYPES), st.lists(st.sampled_from([0, 1, 3, 4, 40, 10**9, -1]), max_size=4)).map(
            lambda pair: f"{{'descr': '{pair[0]}', 'fortran_order': False, 'shape': {tuple(pair[1])}}}"
        ),
    ),
    version=st.sampled_from([1, 2, 3]),
)
@example(header="(" + HEADER, version=3)
@settings(deadline=None, max_examples=200)
def test_odd_headers_give_an_array_or_one_error(tmp_path_factory: Any, header: str, version: int):
    folder = tmp_path_factory.mktemp("odd")
    content = npy(header, version)
    (folder / "a.npy").write_bytes(content)
    (folder / "a.npz").write_bytes(archive(content))
    for load, name in ((load_cloud, "a.npy"), (load_image, "a.npy"), (load_cloud, "a.npz")):
        said = refused(load, folder / name)
        assert said is None or (str(folder / name) in said and "\n" not in said)


@given(place=st.floats(0, 1, exclude_max=True), piece=st.binary(min_size=1, max_size=4), stored=st.booleans())
@example(place=0.998046875, piece=b"\1", stored=False)
@settings(deadline=None, max_examples=200)
def test_damaged_archives_give_a_cloud_or_one_error(tmp_path_factory: Any, place: float, piece: bytes, stored: bool):
    path = tmp_path_factory.mktemp("damaged") / "a.npz"
    content = bytearray(archive(npy(HEADER), zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED))
    position = int(place * len(content))
    content[position : position + len(piece)] = piece
    path.write_bytes(content)
    said = refused(load_cloud, path)
    assert said is None or (str(path) in said and "\n" not in said)
