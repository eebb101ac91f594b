"""`nfield render-views` end to end, and what it says of bad input."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nfield.cli import main

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


def test_a_toy_scene_to_a_run_folder_and_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The script makes a run; it is resumed with more steps refused or finished at once, reported and told about."""
    out = tmp_path / "run"
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
