"""Bad clouds, bad truths and full disks from the command line: one message, exit code 2, nothing harmed or left over.

What can be mended is mended, and told.
"""

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nfield.cli import main
from nfield.core.mesh import Mesh
from nfield.io.atomic import TEMPORARY_MARK
from nfield.io.geometry.meshes import load_mesh, save_mesh

SMALL = ["--resolution", 20, "--no-baseline", "--noise", 0.01, "--seconds", 0.01]
"""A coarse surface at once: the noise is not measured, and levels end with the budget."""
BALL = 4 / 3 * np.pi
FULL = Path("/dev/full")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Small pictures in the reports, which are looked at elsewhere.
    monkeypatch.setattr("nfield.jobs.surface.page.pictures.SIDE", 32)
    monkeypatch.setattr("nfield.jobs.surface.outputs.PICTURE_SIDE", 32)
    monkeypatch.setattr("nfield.jobs.surface.outputs.PICTURE_CELLS", 16)


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def ball(count: int = 300) -> np.ndarray:
    """Points spread evenly over the unit sphere."""
    index = np.arange(count)
    height, angle = 1 - (2 * index + 1) / count, np.pi * (3 - np.sqrt(5)) * index
    level = np.sqrt(1 - height**2)
    return np.stack([level * np.cos(angle), level * np.sin(angle), height], axis=1)


def write_ply(name: str, table: np.ndarray) -> None:
    """Columns x y z, and nx ny nz where there are six, as they stand: nothing is dropped or made unit."""
    names = ("x", "y", "z", "nx", "ny", "nz")[: table.shape[1]]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}"]
    header += [*(f"property double {name}" for name in names), "end_header\n"]
    Path(name).write_bytes("\n".join(header).encode() + table.astype("<f8").tobytes())


WRITERS: dict[str, Callable[[str, np.ndarray], None]] = {"a.xyz": np.savetxt, "a.ply": write_ply}


def fitted(*arguments: object) -> dict:
    """The figures of a run that must succeed."""
    assert run("reconstruct", *arguments, "--out", "run", *SMALL) == 0
    return json.loads(Path("run/metrics.json").read_text())


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail with one message, and with all files afterwards as they were before."""

    def run_refused(*arguments: object) -> str:
        def files() -> dict[Path, bytes | None]:
            return {path: path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}

        capsys.readouterr()
        before = files()
        assert run(*arguments) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert "Traceback" not in told.err
        assert len(told.err.strip().splitlines()) == 1
        assert files() == before
        return told.err

    return run_refused


# Clouds that can be mended -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(WRITERS))
def test_rows_without_coordinates_are_dropped_and_counted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    points = ball()
    points[[3, 50, 200]] = [[np.nan, 0, 0], [0, np.inf, 0], [0, 0, -np.inf]]
    WRITERS[name](name, points)
    found = fitted(name)
    note = "3 points with NaN or infinite coordinates were dropped"
    assert note in found["cloud"]["notes"]
    assert note in capsys.readouterr().err
    assert found["cloud"]["used"] == 297
    assert found["volume"] == pytest.approx(BALL, rel=0.1)


@pytest.mark.parametrize("normals", ["outward", "inward", "mixed", "zero", "some zero"])
def test_no_normals_turn_a_surface_inside_out(normals: str) -> None:
    points = ball()
    given = points.copy()
    if normals == "inward":
        given = -given
    elif normals == "mixed":
        given[::3] *= -1
    elif normals == "zero":
        given[:] = 0
    elif normals == "some zero":
        given[::5] = 0
    write_ply("a.ply", np.concatenate([points, given], axis=1))
    found = fitted("a.ply")
    mesh = load_mesh("run/outputs/mesh.ply")
    assert mesh.volume == pytest.approx(BALL, rel=0.1)
    assert mesh.normals is not None
    assert (np.einsum("nd,nd->n", mesh.normals, mesh.vertices) > 0).all()
    told = {
        "outward": (),
        "inward": ("the given normals point inwards: all were turned",),
        "mixed": ("33.3% of the given normals disagree with the rest: these were turned",),
        "zero": (
            "300 normals of length zero or with NaN were taken as unknown",
            "most normals have no length: all were estimated",
        ),
        "some zero": ("60 normals of length zero or with NaN were taken as unknown",),
    }
    assert tuple(found["cloud"]["notes"]) == told[normals]


def test_two_clusters_far_apart_are_two_bodies() -> None:
    np.savetxt("a.xyz", np.concatenate([ball(120), ball(120) + np.array([4.0, 0, 0])]))
    arguments = ["--resolution", 40, "--no-baseline", "--noise", 0.05, "--quiet"]
    assert run("reconstruct", "a.xyz", "--out", "run", *arguments) == 0
    found = json.loads(Path("run/metrics.json").read_text())
    assert found["components"] == 2
    assert found["watertight"]
    assert found["volume"] == pytest.approx(2 * BALL, rel=0.1)


def test_too_little_time_for_a_surface_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    np.savetxt("a.xyz", np.concatenate([ball(), ball() + np.array([30.0, 0, 0])]))
    assert run("reconstruct", "a.xyz", "--out", "run", *SMALL, "--quiet") == 2
    told = capsys.readouterr().err
    assert told == (
        "nfield: The distance fitted to 'a.xyz' has no surface yet, as it is nowhere zero. Give more --seconds.\n"
    )
    assert sorted(os.listdir()) == ["a.xyz"]


def test_a_truth_that_is_not_closed_gives_distances_and_says_why_no_bands() -> None:
    np.savetxt("a.xyz", ball())
    save_mesh("truth.ply", Mesh(vertices=np.eye(3), faces=np.array([[0, 1, 2]])))
    found = fitted("a.xyz", "--truth", "truth.ply")
    assert found["bands_against"] == (
        "the splines fitted to the points, as the true mesh is not closed and has no inside"
    )
    assert found["completeness_units"] == pytest.approx(0.2, abs=0.15)


# Clouds that cannot ------------------------------------------------------------------------------------


def clouds() -> dict[str, tuple[np.ndarray, str]]:
    draw = np.random.default_rng(0)
    line, plane = draw.normal(size=(60, 1)), draw.normal(size=(60, 2))
    return {
        "nan": (np.full((40, 3), np.nan), "holds no points with finite coordinates"),
        "one": (np.ones((1, 3)), "holds 1 distinct points"),
        "two": (np.eye(3)[:2], "holds 2 distinct points"),
        "equal": (np.ones((50, 3)), "holds 1 distinct points"),
        "line": (line * [1, 2, 3], "on one line"),
        "line far off": (line * [1, 2, 3] + 1e6, "on one line"),
        "plane": (plane @ [[1, 0, 2], [0, 1, 1]], "in one plane"),
        "plane far off": (plane @ [[1, 0, 2], [0, 1, 1]] * 1e-6, "in one plane"),
    }


@pytest.mark.parametrize("name", list(WRITERS))
@pytest.mark.parametrize("case", list(clouds()))
def test_clouds_without_a_surface(name: str, case: str, refused: Callable[..., str]) -> None:
    points, message = clouds()[case]
    WRITERS[name](name, points)
    told = refused("reconstruct", name, *SMALL)
    assert message in told
    assert name in told


def test_files_without_a_cloud(refused: Callable[..., str]) -> None:
    write_ply("empty.ply", np.zeros((0, 3)))
    write_ply("cut.ply", ball())
    content = Path("cut.ply").read_bytes()
    Path("cut.ply").write_bytes(content[: content.index(b"end_header") + 11])
    Path("nothing.ply").touch()
    Path("nothing.xyz").touch()
    Path("columns.xyz").write_text("# x y z\n0 0 0\n\n1 1 1\n2 2 2 2\n")
    for name, message in (
        ("empty.ply", "holds no points"),
        ("cut.ply", "truncated"),
        ("nothing.ply", "is empty (0 bytes)"),
        ("nothing.xyz", "is empty (0 bytes)"),
        ("columns.xyz", "line 5 has 4 columns, but those before have 3: '2 2 2 2'"),
    ):
        told = refused("reconstruct", name, *SMALL)
        assert message in told
        assert name in told


# Options and places ------------------------------------------------------------------------------------


@pytest.fixture
def finished() -> Path:
    np.savetxt("ball.xyz", ball())
    fitted("ball.xyz")
    return Path("run")


def test_options_that_cannot_be(finished: Path, refused: Callable[..., str]) -> None:
    Path("kept.ply").write_text("mine")
    for arguments, message in (
        (("reconstruct", "ball.xyz", "--resolution", 0), "--resolution must lie between 8 and"),
        (("export", finished, "--resolution", 0), "--resolution must lie between 8 and"),
        (("export", finished, "--out", "kept.ply"), "'kept.ply' exists"),
        (("export", finished, "--out", "kept.plyx"), "Did you mean '.ply'"),
        (("export", finished, "--out", "kept"), "no extension"),
        (("export", finished, "--out", "nowhere/a.ply"), "there is no folder 'nowhere'"),
        (("export", finished, "--out", finished), "no extension"),
        (("export", "ball.xyz", "--out", "a.ply"), "ball.xyz"),
        (("reconstruct", "ball.xyz", "--mesh", "kept.ply"), "'kept.ply' exists"),
        (("reconstruct", "ball.xyz", "--mesh", "a.dae"), "unknown extension '.dae'"),
        (("scan", "sphere", "--out", "a.obj"), "unknown extension '.obj'"),
        (("scan", "ball.xyz", "--out", "a.ply"), "ball.xyz"),
    ):
        assert message in refused(*arguments)


# Full disks --------------------------------------------------------------------------------------------


def link_to_full(path: Path) -> None:
    """Let what is written for `path` under a temporary name meet the error of a full disk itself."""
    name = f".{path.stem}{TEMPORARY_MARK}-{os.getpid()}-{threading.get_ident()}{path.suffix}"
    path.with_name(name).symlink_to(FULL)


def assert_disk_full(told: str, path: object) -> None:
    assert f"nfield: Cannot write '{path}': the disk is full. Choose another place, or make room there.\n" in told
    assert "Traceback" not in told


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_keeps_what_was_there(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each writer of meshes and clouds, over a file that exists."""
    exported = [("export", finished, "--out", f"mesh{s}") for s in (".ply", ".obj", ".glb", ".stl", ".off")]
    mesh = finished / "outputs" / "mesh.ply"
    scanned = [("scan", mesh, "--points", 300, "--out", f"cloud{s}") for s in (".ply", ".xyz", ".npz")]
    for command in exported + scanned:
        out = Path(str(command[-1]))
        out.write_text("mine")
        before = {*Path().iterdir()}
        link_to_full(out)
        capsys.readouterr()
        assert run(*command, "--overwrite") == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert_disk_full(told.err, out)
        assert len(told.err.splitlines()) == 1
        assert out.read_text() == "mine"
        assert {*Path().iterdir()} == before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not name open files")
@pytest.mark.parametrize("name", ["config.json", "metrics.json", "outputs/mesh.ply", "outputs/points.ply", "a.stl"])
def test_a_disk_that_fills_up_while_reconstructing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk says so when a file is made durable: the file is not there, those before it are whole."""
    np.savetxt("ball.xyz", ball())
    path = Path(name) if name == "a.stl" else Path("run") / name
    sync = os.fsync

    def full(handle: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{handle}")).name.startswith(f".{path.stem}{TEMPORARY_MARK}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr("nfield.io.atomic.os.fsync", full)
    assert run("reconstruct", "ball.xyz", "--out", "run", "--mesh", "a.stl", *SMALL) == 2
    assert_disk_full(capsys.readouterr().err, path)
    assert not path.exists()
    left = [*Path().rglob("*")]
    assert not [found for found in left if TEMPORARY_MARK in found.name]
    for found in left:
        if found.suffix == ".json":
            json.loads(found.read_text())
        elif found.name == "mesh.ply":
            assert load_mesh(found).volume > 0
