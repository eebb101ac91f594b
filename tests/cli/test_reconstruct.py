"""Reconstructing from the command line, as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from page_reader import Reader
from PIL import Image

from nfield.cli import main
from nfield.io.geometry.meshes import load_mesh

ROOT = Path(__file__).parents[2]
SMALL = ["--resolution", "24", "--no-baseline", "--quiet"]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # Small pictures in the reports, which are looked at elsewhere.
    monkeypatch.setattr("nfield.jobs.surface.page.pictures.SIDE", 48)
    points = np.random.default_rng(0).normal(size=(500, 3))
    path = tmp_path / "ball.xyz"
    np.savetxt(path, points / np.linalg.norm(points, axis=1, keepdims=True))
    return path


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def test_one_command_makes_a_complete_run(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reconstruct", cloud, "--resolution", 24, "--steps", 3, "--evaluations", 2, "--compare", "poisson") == 0
    folder = Path("runs/ball")
    for name in ("config.json", "history.jsonl", "metrics.json", "report.html", "outputs/mesh.ply"):
        assert (folder / name).is_file(), name
    told = capsys.readouterr().out
    assert "cycles/diagonal" in told
    assert "bands are measured against the splines fitted to the points, as no true mesh was given" in told
    assert "watertight" in told
    assert load_mesh(folder / "outputs" / "mesh.ply").volume == pytest.approx(4 / 3 * np.pi, rel=0.03)
    assert run("info", folder) == 0
    assert "500" not in capsys.readouterr().err
    assert run("report", folder) == 0


def test_metrics_alone_go_to_stdout(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reconstruct", cloud, "--out", "a", "--mesh", "ball.stl", "--json", *SMALL) == 0
    assert json.loads(capsys.readouterr().out)["task"] == "surface"
    assert load_mesh(Path("ball.stl")).volume == pytest.approx(4 / 3 * np.pi, rel=0.03)


def test_a_mesh_is_truth_and_source_of_points(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reconstruct", cloud, "--out", "a", "--mesh", "ball.ply", *SMALL) == 0
    arguments = ["--sample", 400, "--sample-noise", 0.002, "--truth", "ball.ply", "--json", *SMALL]
    capsys.readouterr()
    assert run("reconstruct", "ball.ply", "--out", "b", *arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["chamfer"] < 0.005
    assert found["cloud"]["points"] == 400


def test_export_gives_other_formats_shells_and_sizes(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("reconstruct", cloud, "--out", "a", *SMALL) == 0
    assert run("export", "a", "--out", "ball.glb", "--resolution", 16) == 0
    assert run("export", "a", "--out", "shell.obj", "--level", 0.1, "--faces", 200) == 0
    shell = load_mesh(Path("shell.obj"))
    assert len(shell.faces) <= 210
    assert shell.volume == pytest.approx(4 / 3 * np.pi * 1.1**3, rel=0.08)
    assert run("export", "a", "--out", "ball.glb") == 2
    assert "exists" in capsys.readouterr().err
    assert run("export", "a", "--out", "ball.3ds") == 2
    assert run("export", "a", "--out", "b.ply", "--baseline") == 2
    assert "--no-baseline" in capsys.readouterr().err
    assert run("render", "a") == 2
    assert "nfield export" in capsys.readouterr().err


def test_a_config_repeats_a_run(cloud: Path) -> None:
    assert run("reconstruct", cloud, "--out", "a", *SMALL) == 0
    assert run("reconstruct", "--config", "a/config.json", "--out", "b", "--quiet") == 0
    assert Path("a/outputs/mesh.ply").read_bytes() == Path("b/outputs/mesh.ply").read_bytes()
    assert run("reconstruct", "--out", "a", "--resume", "--quiet") == 0
    assert Path("a/outputs/mesh.ply").read_bytes() == Path("b/outputs/mesh.ply").read_bytes()


def test_pictures_have_the_axis_upwards_that_is_asked_for(cloud: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savetxt(cloud, np.loadtxt(cloud) * [1, 2, 3])
    assert run("reconstruct", cloud, "--out", "a", "--up", "-z", *SMALL) == 0
    assert json.loads(Path("a/config.json").read_text())["options"]["up"] == "-z"
    page = Path("a/report.html")
    snapshots = list(Path("a/outputs/snapshots").glob("*.png"))
    assert snapshots
    turned = page.read_bytes()
    assert run("report", "a") == 0
    assert page.read_bytes() == turned
    assert _upright(_first(page))
    assert all(_upright(Image.open(one)) for one in snapshots)
    assert run("report", "a", "--up", "x") == 0
    assert not _upright(_first(page))
    assert run("report", "a", "--up", "w") == 2
    assert "'-z'" in capsys.readouterr().err


def _first(page: Path) -> Image.Image:
    reader = Reader(page)
    return reader.picture(reader.addresses[0])


def _upright(picture: Image.Image) -> bool:
    """Whether what is drawn is higher than wide."""
    with picture:
        rows, columns = np.nonzero((np.asarray(picture) < 250).any(-1))
    return bool(np.ptp(rows) > np.ptp(columns))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a point cloud"),
        (["missing.ply"], "missing.ply"),
        (["ball.xyz", "--resolution", "0"], "--resolution must lie between"),
        (["ball.xyz", "--mesh", "ball.3ds"], "3ds"),
        (["ball.xyz", "--mesh", "nowhere/ball.ply"], "nowhere"),
        (["ball.xyz", "--preset", "splnes"], "Did you mean 'splines'"),
        (["ball.xyz", "--encoding.scale", "3"], "needs a network"),
        (["ball.xyz", "--divergence-weight", "0.1"], "needs a network"),
        (["ball.xyz", "--preset", "none", "--divergence-weight", "0.1"], "--backbone.activation tanh|sine|"),
        (
            ["ball.xyz", "--preset", "hash", "--encoding.interpolation", "linear", "--singular-hessian-weight", "0.1"],
            "Choose --encoding.interpolation smooth",
        ),
        (["two.xyz"], "2 distinct points"),
        (["empty.ply"], "empty.ply"),
        (["text.ply"], "text.ply"),
        (["columns.xyz"], "line 3"),
        (["plane.xyz"], "in one plane"),
        (["ball.xyz", "--truth", "text.ply"], "text.ply"),
        (["ball.xyz", "--resume"], "--resume needs --out"),
        (["ball.xyz", "--device", "cuda:99"], "cuda:99"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    cloud: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    Path("two.xyz").write_text("0 0 0\n1 1 1\n")
    Path("empty.ply").write_bytes(b"")
    Path("text.ply").write_text("this is no mesh\n")
    Path("columns.xyz").write_text("0 0 0\n1 1 1\n2 2\n")
    np.savetxt("plane.xyz", np.random.default_rng(0).normal(size=(60, 3)) * [1, 1, 0])
    before = sorted(path.name for path in Path().iterdir())
    assert run("reconstruct", *arguments, "--quiet", "--no-baseline") == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert "Traceback" not in told
    assert sorted(path.name for path in Path().iterdir()) == before


def test_the_script_is_the_same_door(cloud: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "reconstruct_mesh.py"), str(cloud), "--out", "a", *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path("a/report.html").is_file()
