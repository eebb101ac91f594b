"""A further job costs one folder and one row: a curve in one file, driven through every command.

Oracle: the unbroken run, bit for bit; nothing outside `curve_job` knows of curves.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import nfield as nf
from nfield.cli import main
from nfield.jobs.table import JOBS

SCRIPT = Path(__file__).parents[1] / "support" / "curve_job.py"


@pytest.fixture(autouse=True)
def curves() -> Iterator[None]:
    import curve_job

    JOBS["curve"] = curve_job.JOB
    yield
    JOBS.pop("curve", None)


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    x = -1 + 2 * np.arange(64) / 64
    np.savetxt(tmp_path / "curve.txt", np.stack([x, np.sin(2 * np.pi * x) + 0.3 * np.sin(12 * np.pi * x)], 1))
    return tmp_path / "curve.txt"


def weights(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "checkpoint").glob("*.safetensors")}


def test_a_job_in_one_file_has_every_command(curve: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    assert main(["fit-curve", str(curve), "--steps", "30", "--out", str(run), "--quiet"]) == 0
    told = capsys.readouterr().out
    assert "SNR (dB)" in told
    assert "plain MLP" in told
    assert main(["fit-curve", str(curve), "--steps", "30", "--preset", "none", "--out", str(other), "--quiet"]) == 0
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["task"] == "curve"
    assert metrics["baseline"]["steps"] == 30
    assert len(metrics["bands"]) == len(json.loads((run / "config.json").read_text())["bands"]) > 2
    capsys.readouterr()
    assert main(["info", str(run)]) == 0
    assert "task       curve" in capsys.readouterr().out
    assert main(["report", str(run)]) == 0
    assert "Error of each frequency band" in (run / "report.html").read_text()
    page = tmp_path / "page.html"
    assert main(["compare", str(run), str(other), "--out", str(page)]) == 0
    assert "Comparison of 2 runs" in page.read_text()
    assert main(["render", str(run), "--zoom", "0.5"]) == 0
    assert len((run / "outputs" / "rendering.txt").read_text().splitlines()) == 50
    capsys.readouterr()
    assert main(["export", str(run), "--out", str(tmp_path / "a.ply")]) == 2
    assert "the run of a curve, which has no mesh" in capsys.readouterr().err
    loaded = nf.load(run)
    assert isinstance(loaded, nf.Result)
    x = torch.linspace(-1, 1, 7)[:, None]
    copy = nf.load(loaded.save(tmp_path / "copy"))
    assert torch.equal(copy.field(x), loaded.field(x))
    assert not torch.equal(loaded.field(x), loaded.baseline(x))
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert "fit-curve" in capsys.readouterr().out


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(curve: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, str(SCRIPT), "fit-curve", str(curve), "--checkpoint-seconds", "0", "--quiet"]
    steps = ["--steps", "400"]
    subprocess.run([*command, *steps, "--out", str(whole)], check=True, capture_output=True)
    process = subprocess.Popen([*command, *steps, "--out", str(killed)], stdout=subprocess.DEVNULL)
    while process.poll() is None and not list((killed / "checkpoint").glob("field-*.state.pt")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "metrics.json").exists()
    subprocess.run([*command, "--resume", "--out", str(killed)], check=True, capture_output=True)
    assert weights(killed) == weights(whole)


def test_it_is_refused_like_any_other_job(curve: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    for options, message in (
        (["--steps", "0"], "--steps must be at least 1"),
        (["--preset", "nome"], "Did you mean 'none'?"),
        (["--backbone.widht", "3"], "Did you mean 'width'?"),
    ):
        assert main(["fit-curve", str(curve), *options, "--out", str(run)]) == 2
        assert message in capsys.readouterr().err
        assert not run.exists()
    assert main(["fit-curve", str(curve), "--steps", "3", "--out", str(run), "--quiet"]) == 0
    assert main(["fit-curve", "--resume", "--out", str(run), "--seed", "1"]) == 2
    assert "another seed" in capsys.readouterr().err
    JOBS.pop("curve")
    for verb in ("info", "render", "report", "export"):
        capsys.readouterr()
        assert main([verb, str(run)]) == 2
        assert "a run of task 'curve', which this version cannot open" in capsys.readouterr().err
    with pytest.raises(nf.UserError, match="task 'curve'"):
        nf.load(run)
