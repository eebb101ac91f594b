"""`nfield render-views` end to end, and what it says of bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from videos import frames_of

from nfield.cli import main
from nfield.jobs.views import export as views_export
from nfield.jobs.views import frame as views_frame
from nfield.jobs.views import recipe as views_recipe

FAST = [
    "--size",
    "16",
    "--train",
    "6",
    "--test",
    "1",
    "--steps",
    "6",
    "--samples",
    "1024",
    "--evaluations",
    "2",
    "--frames",
    "3",
    "--quiet",
]


def test_a_toy_scene_to_a_run_folder_and_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script makes a run; it is resumed with more steps refused or finished at once, reported and told about."""
    out = tmp_path / "run"
    # As large as those of the script, which knows nothing of the tests' small grids.
    for module in (views_frame, views_recipe):
        monkeypatch.setattr(module, "RESOLUTION", 128)
    script = Path(__file__).parents[2] / "scripts" / "render_views.py"
    done = subprocess.run(
        [sys.executable, str(script), "text", "--out", str(out), *FAST], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Report:" in done.stdout
    assert (out / "report.html").exists()
    assert main(["render-views", "--out", str(out), "--resume", "--quiet", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["task"] == "views"
    assert metrics["steps"] == 6
    assert main(["info", str(out)]) == 0
    assert main(["report", str(out)]) == 0


def test_settings_of_parts_by_dotted_options(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--encoding", "gaussian", "--encoding.scale", "2", "--backbone.width", "16", "--no-baseline"]
    assert main(["render-views", "thin-wires", "--out", str(out), *FAST, *options]) == 0
    recipe = json.loads((out / "config.json").read_text())["recipe"]
    assert recipe["encoding"]["scale"] == 2
    assert recipe["backbone"]["width"] == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["checkred-sphere"], "checkered-sphere"),
        (["--size", "1"], "--size must be at least 2"),
        (["--rig", "hemisfere"], "hemisphere"),
        (["--preset", "hsah"], "Unknown preset 'hsah'"),
        (["--samples", "0"], "--samples must be at least 1"),
        (["--resume"], "--resume needs --out"),
        (["--train", "0"], "must be at least 1"),
    ],
)
def test_bad_input_is_told_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["render-views", *arguments]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_without_cameras_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render-views", str(tmp_path), "--out", str(tmp_path / "run")]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_scene_of_ones_own_is_resumed_without_naming_it_again(tmp_path: Path) -> None:
    scene = tmp_path / "mine.yaml"
    scene.write_text("objects:\n  - shape: sphere\n    radius: 0.5\n")
    out = tmp_path / "run"
    assert main(["render-views", str(scene), "--out", str(out), "--no-baseline", *FAST]) == 0
    assert main(["render-views", "--out", str(out), "--resume", "--quiet"]) == 0


def test_a_path_that_is_not_there_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render-views", str(tmp_path / "photos")]) == 2
    assert f"There is no '{tmp_path / 'photos'}'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned where its ball is."""
    out = tmp_path_factory.mktemp("trained") / "run"
    options = ["--size", "24", "--train", "8", "--test", "2", "--steps", "120", "--samples", "4096", "--frames", "0"]
    hash_grid = ["--encoding.levels", "3", "--encoding.finest", "32", "--evaluations", "2", "--quiet"]
    assert main(["render-views", "checkered-sphere", "--out", str(out), *options, *hash_grid]) == 0
    return out


def test_views_are_rendered_along_paths(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Videos of all paths, pictures of the held-out views at twice the size, and depth as numbers."""
    import imageio.v3 as iio

    for path in ("orbit", "spiral", "interpolate"):
        out = tmp_path / f"{path}.mp4"
        assert main(["render", str(trained), "--path", path, "--frames", "4", "--out", str(out), "--quiet"]) == 0
        assert len(frames_of(out, 24, 24)) == 4
        assert capsys.readouterr().out.strip() == str(out)
    assert main(["render", str(trained), "--path", "held-out", "--zoom", "2", "--quiet"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert {p.name for p in folder.iterdir()} == {"test-000.png", "test-001.png"}
    assert iio.imread(folder / "test-000.png").shape == (48, 48, 3)
    for show in ("depth", "normals", "opacity"):
        out = tmp_path / show
        words = ["--path", "orbit", "--frames", "2", "--show", show, "--baseline", "--out", str(out), "--quiet"]
        assert main(["render", str(trained), *words]) == 0
        assert len(list(out.glob("*.png"))) == 2
        video = ["--frames", "2", "--show", show, "--out", f"{out}.mp4", "--quiet"]
        assert main(["render", str(trained), *video]) == 0
    assert iio.imread(tmp_path / "depth" / "00000.png").dtype == "uint16"
    assert json.loads((tmp_path / "depth" / "scale.json").read_text())["units_per_step"] > 0


def test_a_camera_path_file(trained: Path, tmp_path: Path) -> None:
    import imageio.v3 as iio

    pose = [1, 0, 0, 0, 0, 0, -1, -4, 0, 1, 0, 0, 0, 0, 0, 1]
    entries = [{"camera_to_world": pose, "fov": 40}] * 2
    facts = {"render_width": 20, "render_height": 10, "fps": 5, "camera_path": entries}
    (tmp_path / "path.json").write_text(json.dumps(facts))
    out = tmp_path / "frames"
    words = ["--path", str(tmp_path / "path.json"), "--zoom", "1.5", "--out", str(out), "--quiet"]
    assert main(["render", str(trained), *words]) == 0
    assert iio.imread(out / "00001.png").shape == (15, 30, 3)


def test_a_mesh_and_a_cloud_are_exported(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ball of the scene: both lie around its surface, in the scene's own units, and have colours."""
    import numpy as np

    from nfield.io.geometry.clouds import load_cloud
    from nfield.io.geometry.meshes import load_mesh

    monkeypatch.setattr(views_export, "MESH_POINTS", 2000)
    assert main(["export", str(trained), "--out", str(tmp_path / "ball.glb"), "--resolution", "32"]) == 0
    assert main(["export", str(trained), "--out", str(tmp_path / "ball.ply"), "--faces", "500"]) == 0
    assert main(["export", str(trained), "--out", str(tmp_path / "cloud.ply"), "--cloud", "--points", "2000"]) == 0
    ball = load_mesh(tmp_path / "ball.glb")
    assert ball.colours is not None
    assert len(ball.colours) == len(ball.vertices) > 100
    assert len(load_mesh(tmp_path / "ball.ply").faces) <= 2000
    cloud = load_cloud(tmp_path / "cloud.ply")
    assert cloud.count == 2000
    assert cloud.colours is not None
    assert np.ptp(cloud.colours, axis=0).max() > 20
    radius = np.linalg.norm(cloud.points, axis=1)
    assert 0.7 < np.median(radius) < 1.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "--path", "orbti"], "Did you mean 'orbit'?"),
        (["render", "--path", "no.json"], "no.json"),
        (["render", "--crop", "0", "0", "4", "4"], "there is no --crop"),
        (["render", "--show", "deth"], "Did you mean 'depth'?"),
        (["render", "--frames", "0"], "--frames must be at least 1"),
        (["render", "--path", "held-out", "--frames", "3"], "--frames is of no use"),
        (["render", "--out", "picture.gif"], "must be a video (.mp4) or a folder"),
        (["export", "--open"], "there is no --open"),
        (["export", "--level", "0.1"], "there is no --level"),
        (["export", "--points", "10"], "say --cloud too"),
        (["export", "--cloud", "--out", "cloud.obj"], ".obj"),
        (["export", "--cloud", "--out", "cloud.ply", "--faces", "9"], "A cloud has neither"),
    ],
)
def test_bad_products_are_told(
    arguments: list[str],
    message: str,
    trained: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([arguments[0], str(trained), *arguments[1:]]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_nothing_that_exists_is_replaced(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "video.mp4").write_bytes(b"kept")
    (tmp_path / "frames").mkdir()
    for name in ("video.mp4", "frames"):
        assert main(["render", str(trained), "--out", str(tmp_path / name), "--quiet"]) == 2
        assert "exists" in capsys.readouterr().err
    assert (tmp_path / "video.mp4").read_bytes() == b"kept"
