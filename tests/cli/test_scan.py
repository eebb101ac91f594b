"""Scanning from the command line, as a user types it."""

from pathlib import Path

import numpy as np
import pytest

from nfield.cli import main
from nfield.cli.scan import mesh_of_shape
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.meshes import load_mesh, save_mesh
from nfield.scenes.shapes import SHAPES, Sphere


@pytest.fixture(autouse=True)
def ball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_mesh("ball.ply", mesh_of_shape(Sphere(radius=2.0), "ball", 32))


def run(*arguments: object) -> int:
    return main(["scan", *[str(a) for a in arguments]])


def test_a_mesh_file_becomes_a_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ball.ply", "--out", "cloud.ply", "--points", 500, "--normals") == 0
    assert capsys.readouterr().out == "cloud.ply\n"
    cloud = load_cloud("cloud.ply")
    assert cloud.count == 500
    assert np.abs(np.linalg.norm(cloud.points, axis=1) - 2).max() < 0.02
    assert cloud.normals is not None
    assert (np.einsum("nd,nd->n", cloud.points, cloud.normals) > 1.9).all()


@pytest.mark.parametrize("name", list(SHAPES))
@pytest.mark.parametrize("uniform", [False, True])
def test_shapes_are_known_by_name(name: str, uniform: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.cli.scan.mesh_of_shape", lambda shape, name: mesh_of_shape(shape, name, 24))
    assert run(name, "--points", 300, "--out", "a.xyz", *["--uniform"] * uniform) == 0
    assert load_cloud("a.xyz").count == 300


def test_all_flaws_at_once_and_repeatable() -> None:
    flaws = ["--noise", 0.01, "--outliers", 0.1, "--cameras", 5, "--holes", 2, "--hole-radius", 0.1]
    flaws += ["--misregistration", 0.01, "--points", 400, "--grazing-noise", 0.05, "--quadratic-noise"]
    flaws += ["--depth-step", 1e-4, "--distance", 1.2, "--field-of-view", 40, "--max-incidence", 75]
    for out, seed in (("a.npz", 3), ("b.npz", 3), ("c.npz", 4)):
        assert run("ball.ply", "--out", out, "--seed", seed, *flaws) == 0
    a, b, c = (load_cloud(f"{name}.npz").points for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_small_depth_images_give_what_they_hold_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ball.ply", "--out", "a.xyz", "--cameras", 2, "--pixels", 20) == 0
    count = load_cloud("a.xyz").count
    assert 100 < count < 2 * 20**2
    told = capsys.readouterr()
    assert told.err == f"the depth images hold {count:,} points, fewer than the 100,000 asked for\n"
    assert told.out == "a.xyz\n"


def test_files_are_replaced_only_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.xyz").write_text("mine")
    assert run("ball.ply", "--out", "a.xyz", "--points", 50) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert Path("a.xyz").read_text() == "mine"
    assert run("ball.ply", "--out", "a.xyz", "--points", 50, "--overwrite") == 0
    assert load_cloud("a.xyz").count == 50
    assert run("ball.ply", "--out", "ball.ply", "--points", 50) == 2
    assert len(load_mesh("ball.ply").faces)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a mesh"),
        (["missing.ply"], "missing.ply"),
        (["ball.plyy"], ".plyy"),
        (["spere"], "Did you mean 'sphere'"),
        (["."], "folder"),
        (["points.xyz"], "points.xyz"),
        (["text.ply"], "text.ply"),
        (["ball.ply", "--points", "0"], "--points"),
        (["ball.ply", "--points", "many"], "many"),
        (["ball.ply", "--noise", "-1"], "--noise"),
        (["ball.ply", "--noise", "nan"], "--noise"),
        (["ball.ply", "--outliers", "2"], "--outliers"),
        (["ball.ply", "--cameras", "0"], "--cameras"),
        (["ball.ply", "--holes", "-1"], "--holes"),
        (["ball.ply", "--hole-radius", "-1"], "--hole-radius"),
        (["ball.ply", "--holes", "1", "--hole-radius", "9"], "--holes"),
        (["ball.ply", "--misregistration", "inf"], "--misregistration"),
        (["ball.ply", "--seed", "-1"], "--seed"),
        (["ball.ply", "--distance", "0.3"], "--distance (in diagonals of the bounding box) must lie between 0.55"),
        (["ball.ply", "--field-of-view", "180"], "--field-of-view (in degrees) must lie between 1 and 160, but is 180"),
        (["ball.ply", "--pixels", "0"], "--pixels must lie between 2 and 4096, but is 0"),
        (["ball.ply", "--pixels", "1.5"], "1.5"),
        (["ball.ply", "--max-incidence", "nan"], "--max-incidence"),
        (["ball.ply", "--noise", "0.1", "--grazing-noise", "-1"], "--grazing-noise"),
        (["ball.ply", "--noise", "0.1", "--grazing-noise", "1", "--max-incidence", "90"], "at most 85 degrees"),
        (["ball.ply", "--quadratic-noise"], "--noise is 0"),
        (["ball.ply", "--depth-step", "inf"], "--depth-step"),
        (["ball.ply", "--out", "a.3ds"], "3ds"),
        (["ball.ply", "--out", "nowhere/a.ply"], "nowhere"),
        (["ball.ply", "--uniform", "--holes", "2"], "--holes"),
        (["ball.ply", "--uniform", "--normals"], "--normals"),
        (["ball.ply", "--uniform", "--pixels", "64"], "--pixels"),
        (["ball.ply", "--uniform", "--noise", "0.1", "--grazing-noise", "0.1"], "--grazing-noise"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    Path("text.ply").write_text("this is no mesh\n")
    Path("points.xyz").write_text("0 0 0\n1 1 1\n")
    before = sorted(path.name for path in Path().iterdir())
    assert run(*arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == before
