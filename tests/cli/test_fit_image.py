"""The commands end to end, as a user types them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from nfield.cli import VERBS, main
from nfield.jobs.table import JOBS

ROOT = Path(__file__).parents[2]
SMALL = ["--steps", "6", "--evaluations", "3", "--quiet"]


@pytest.fixture
def image(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    y, x = np.mgrid[:40, :56] / 56
    path = tmp_path / "waves.png"
    iio.imwrite(path, (127 + 60 * np.sin(40 * x) + 60 * np.sin(25 * y * x)).astype(np.uint8))
    return path


def run(*arguments: object) -> int:
    return main([str(a) for a in arguments])


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def test_one_command_makes_a_complete_run(image, tmp_path, capsys) -> None:
    assert run("fit-image", image, *SMALL) == 0
    folder = tmp_path / "runs" / "waves"
    for name in ("config.json", "history.jsonl", "metrics.json", "report.html", "outputs/reconstruction.png"):
        assert (folder / name).is_file(), name
    found = metrics(folder)
    for side, steps in ((found, 6), (found["baseline"], 12)):
        assert (side["task"], side["steps"], side["seed"], side["precision"]) == ("image", steps, 0, "float32")
        assert side["seconds_total"] > side["seconds_fit"] > 0
        assert side["parameters"] > 100
        assert {"psnr", "ssim"} <= set(side)
    assert {"low", "high", "unit", "relative_error", "energy", "step_below_threshold"} <= set(found["bands"][0])
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert {line["run"] for line in lines} == {"field", "baseline"}
    assert iio.imread(folder / "outputs" / "reconstruction.png").shape == (40, 56)
    printed = capsys.readouterr().out
    assert "cycles/side" in printed
    assert "report.html" in printed


def test_json_alone_on_stdout_and_nothing_overwritten(image, tmp_path, capsys) -> None:
    assert run("fit-image", image, *SMALL, "--no-baseline", "--json", "--out", "one") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == metrics(tmp_path / "one")
    assert printed["baseline"] is None
    assert printed["why"]["baseline"]
    before = (tmp_path / "one" / "metrics.json").read_bytes()
    assert run("fit-image", image, *SMALL, "--out", "one") == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (tmp_path / "one" / "metrics.json").read_bytes() == before


PRESETS_TO_RUN = [
    "fourier", "mscale", "mscale1", "siren", "finer", "wire", "bacon", "hash", "multiscale", "positional", "phase",
    "multistage",
]  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS_TO_RUN)
def test_every_preset_runs(image, tmp_path, preset) -> None:
    small = [] if preset == "hash" else ["--backbone.width", "8"]
    assert run("fit-image", image, *SMALL, "--no-baseline", "--preset", preset, *small, "--out", preset) == 0
    assert metrics(tmp_path / preset)["steps"] == 6
    assert run("render", preset) == 0


def test_parts_and_their_settings_can_be_named(image, tmp_path) -> None:
    options = ["--encoding", "gaussian", "--encoding.scale", "3", "--backbone.width=16", "--backbone.depth", "1"]
    assert run("fit-image", image, *SMALL, "--no-baseline", *options, "--out", "r") == 0
    recipe = json.loads((tmp_path / "r" / "config.json").read_text())["recipe"]
    assert (recipe["encoding"]["name"], recipe["encoding"]["scale"]) == ("gaussian", 3)
    assert (recipe["backbone"]["width"], recipe["backbone"]["depth"]) == (16, 1)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
@pytest.mark.parametrize("preset", ["default", "fourier", "finer", "wire", "bacon"])
def test_precisions(image, tmp_path, precision, preset) -> None:
    options = ["--no-baseline", "--precision", precision, "--preset", preset, "--out", "r"]
    assert run("fit-image", image, *SMALL, *options) == 0
    assert metrics(tmp_path / "r")["precision"] == precision
    assert run("render", "r", "--out", "again.png") == 0
    assert np.array_equal(iio.imread("again.png"), iio.imread("r/outputs/reconstruction.png"))


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "lbfgs"])
@pytest.mark.parametrize("preset", ["gaussian", "wire", "bacon"])
def test_optimizers(image, tmp_path, optimizer, preset) -> None:
    small = [
        "--no-baseline",
        "--preset",
        preset,
        "--backbone.width",
        "16",
        "--ema",
        "0.5",
        "--schedule",
        "exponential",
    ]
    assert run("fit-image", image, *SMALL, *small, "--optimizer", optimizer, "--out", "r") == 0
    assert metrics(tmp_path / "r")["steps"] == 6


def test_config_file_gives_defaults_and_options_win(image, tmp_path) -> None:
    (tmp_path / "options.json").write_text('{"steps": 4, "baseline": false, "seed": 5}')
    assert run("fit-image", image, "--config", "options.json", "--seed", "6", "--quiet", "--out", "r") == 0
    found = metrics(tmp_path / "r")
    assert (found["steps"], found["seed"], found["baseline"]) == (4, 6, None)


def test_parameters_bound_the_field(image, tmp_path) -> None:
    for preset in ("default", "fourier", "gaussian", "finer", "wire", "bacon"):
        out = f"p-{preset}"
        assert (
            run("fit-image", image, *SMALL, "--no-baseline", "--preset", preset, "--parameters", 1500, "--out", out)
            == 0
        )
        assert 500 < metrics(tmp_path / out)["parameters"] <= 1500


def test_holdout_mask_zoom_and_crop(image, tmp_path) -> None:
    assert run("fit-image", image, *SMALL, "--no-baseline", "--holdout", "--out", "h") == 0
    assert metrics(tmp_path / "h")["psnr_heldout"] > 0
    mask = np.full((40, 56), 255, np.uint8)
    mask[10:20, 10:20] = 0
    iio.imwrite("mask.png", mask)
    assert run("fit-image", image, *SMALL, "--no-baseline", "--mask", "mask.png", "--out", "m") == 0
    assert metrics(tmp_path / "m")["psnr_outside_mask"] > 0
    zoomed = ["--zoom", "2", "--crop", "4", "6", "10", "12"]
    assert run("fit-image", image, *SMALL, "--no-baseline", *zoomed, "--out", "z") == 0
    assert iio.imread("z/outputs/rendering.png").shape == (20, 24)
    assert run("render", "z", "--out", "again.png", *zoomed) == 0
    assert np.array_equal(iio.imread("again.png"), iio.imread("z/outputs/rendering.png"))
    assert run("render", "z", "--out", "whole.png") == 0
    assert np.array_equal(iio.imread("whole.png"), iio.imread("z/outputs/reconstruction.png"))


def test_other_verbs_work_on_runs(image, tmp_path, capsys) -> None:
    for name in ("a", "b"):
        assert run("fit-image", image, *SMALL, "--out", name, "--seed", len(name)) == 0
    assert run("info", "a") == 0
    assert "adaptive_grid -> mlp" in capsys.readouterr().out
    assert run("info", "a", "--json") == 0
    assert json.loads(capsys.readouterr().out)["task"] == "image"
    (tmp_path / "a" / "report.html").unlink()
    assert run("report", "a") == 0
    assert (tmp_path / "a" / "report.html").is_file()
    assert run("compare", "a", "b", "--out", "c.html") == 0
    assert (tmp_path / "c.html").is_file()
    assert run("compare", "a", "b", "--out", "c.html") == 2
    assert run("compare", "a") == 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2, 3), (16, 16)])
def test_degenerate_images(shape, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    iio.imwrite("flat.png", np.full(shape, 90, np.uint8))
    assert run("fit-image", "flat.png", *SMALL, "--out", "r") == 0
    found = metrics(tmp_path / "r")
    assert found["psnr"] is not None or found["why"]["psnr"]
    assert "NaN" not in (tmp_path / "r" / "metrics.json").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit-image", "missing.png"], "missing.png"),
        (["fit-image", "."], "folder"),
        (["fit-image", "waves.png", "--steps", "-3"], "--steps"),
        (["fit-image", "waves.png", "--seconds", "nan"], "--seconds"),
        (["fit-image", "waves.png", "--steps", "many"], "many"),
        (["fit-image", "waves.png", "--backbone", "siern"], "Did you mean 'siren'"),
        (["fit-image", "waves.png", "--encoding", "gausian"], "Did you mean 'gaussian'"),
        (["fit-image", "waves.png", "--preset", "fouier"], "Did you mean 'fourier'"),
        (["fit-image", "waves.png", "--backbone.wdth", "3"], "Did you mean 'width'"),
        (["fit-image", "waves.png", "--parameters", "3"], "--parameters"),
        (["fit-image", "waves.png", "--device", "cuda:99"], "cuda:99"),
        (["fit-image", "waves.png", "--crop", "0", "0", "99", "1"], "--crop"),
        (["fit-image", "waves.png", "--mask", "waves-mask.png"], "waves-mask.png"),
        (["fit-image", "waves.png", "--config", "none.json"], "none.json"),
        (["fit-image", "waves.png", "--resume"], "--out"),
        (["fit-image", "waves.png", "--out", "waves.png"], "waves.png"),
        (["fit-image", "waves.png", "--out", "/proc/nothing"], "/proc/nothing"),
        (["fit-imag", "waves.png"], "Did you mean 'fit-image'"),
        (["render", "nowhere"], "nowhere"),
        (["info", "."], "config.json"),
    ],
)
def test_bad_input_gets_one_message_and_leaves_nothing(image, tmp_path, capsys, arguments, words) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert run(*arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("nfield: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    assert sorted(tmp_path.rglob("*")) == before


def test_help_is_quick_to_import_and_lists_the_verbs() -> None:
    code = "import sys; from nfield.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0
    assert re.findall(r"^  (\S+) ", done.stdout, re.M) == [*(job.verb for job in JOBS.values()), *VERBS]
    code = "import sys, nfield; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_interrupted_runs_are_continued_to_the_same_weights(image, tmp_path) -> None:
    """Ctrl-C twice, in a process of its own: exit code 130, then --resume ends where an unbroken run does."""
    common = [sys.executable, "-m", "nfield.cli", "fit-image", str(image), "--steps", "400", "--evaluations", "4"]
    common += ["--no-baseline", "--batch-pixels", "256"]
    broken = subprocess.Popen([*common, "--out", "broken"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    history = tmp_path / "broken" / "history.jsonl"
    while not history.exists() and broken.poll() is None:
        time.sleep(0.02)
    for _ in range(2):
        if broken.poll() is None:
            os.kill(broken.pid, signal.SIGINT)
            time.sleep(0.01)
    said = broken.communicate()[1]
    assert broken.returncode in (130, 0), said
    assert "Traceback" not in said
    for out, extra in (("broken", ["--resume"]), ("whole", [])):
        done = subprocess.run(
            [*common, "--out", out, *extra], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    last = "checkpoint/field-00000400.safetensors"
    assert (tmp_path / "broken" / last).read_bytes() == (tmp_path / "whole" / last).read_bytes()


def test_script_is_the_same_door(image, tmp_path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "fit_image.py"), str(image), *SMALL, "--no-baseline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "waves" / "report.html").is_file()
