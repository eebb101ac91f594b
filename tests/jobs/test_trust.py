"""Runs can be trusted: by their owner after an accident, and by a stranger who opens them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nfield as nf
from nfield.cli import main
from nfield.core.content import MOST_BYTES, sha256_of
from nfield.io.lock import is_locked
from nfield.io.run_folder import NfieldWarning

FEW = ["--quiet", "--no-baseline", "--device", "cpu"]


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("photo.npy", np.arange(120, dtype=np.uint8).reshape(10, 12))
    return tmp_path / "photo.npy"


def fit(*words: str) -> int:
    return main(["fit-image", *words, *FEW])


def test_other_pixels_of_the_same_path_and_size_are_no_continuation(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit("photo.npy", "--steps", "3", "--out", "run") == 0
    np.save("photo.npy", np.arange(120, dtype=np.uint8)[::-1].reshape(10, 12))
    assert fit("--resume", "--out", "run", "--steps", "5") == 2
    assert "other content" in capsys.readouterr().err
    assert json.loads(Path("run/metrics.json").read_text())["steps"] == 3


def test_a_moved_input_and_a_moved_run_go_on_from_any_folder(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fit("photo.npy", "--steps", "3", "--out", "run") == 0
    config = json.loads(Path("run/config.json").read_text())
    assert len(config["content_sha256"]) == 64
    assert config["threads"] >= 1
    assert config["writer"]["pid"] > 0
    (tmp_path / "elsewhere").mkdir()
    Path("run").rename("elsewhere/run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    # The relative path leads nowhere from here.
    assert fit("--resume", "--out", "run", "--steps", "5") == 0
    photo.rename(tmp_path / "elsewhere" / "renamed.npy")
    assert fit("renamed.npy", "--resume", "--out", "run", "--steps", "7") == 0
    assert json.loads(Path("run/metrics.json").read_text())["steps"] == 7


def test_default_folders_are_claimed_by_one_run_each(photo: Path) -> None:
    command = [sys.executable, "-m", "nfield.cli", "fit-image", "photo.npy", "--steps", "2", *FEW]
    several = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.wait() for process in several] == [0, 0, 0], [p.stderr.read() for p in several if p.stderr]
    for process in several:
        process.communicate()
    names = sorted(path.name for path in Path("runs").iterdir())
    assert names == ["photo", "photo-2", "photo-3"]
    assert all((Path("runs") / name / "metrics.json").is_file() for name in names)


def test_a_refused_run_leaves_no_default_folder(photo: Path) -> None:
    assert fit("photo.npy", "--parameters", "1") == 2
    assert not Path("runs").exists()


def test_info_says_that_a_run_is_alive(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit("photo.npy", "--steps", "2", "--out", "run") == 0
    assert not is_locked(Path("run"))
    code = "import sys, time; from nfield.io.run_folder import RunFolder; f = RunFolder.create('run', resume=True)"
    code += "; print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        capsys.readouterr()
        assert main(["info", "run"]) == 0
        assert "alive" in capsys.readouterr().out
        assert fit("--resume", "--out", "run", "--steps", "4") == 2
        assert "Another process is writing the run" in capsys.readouterr().err
        writer.kill()


def test_a_damaged_log_or_config_does_not_kill_a_healthy_run(photo: Path) -> None:
    """Oracle: the weights of the unbroken run."""
    for name in ("whole", "broken"):
        assert fit("photo.npy", "--steps", "4", "--checkpoint-seconds", "0", "--out", name) == 0
    Path("broken/history.jsonl").write_bytes(Path("broken/history.jsonl").read_bytes()[:50])
    Path("broken/config.json").write_text("{")
    assert fit("--resume", "--out", "whole", "--steps", "8") == 0
    with pytest.warns(NfieldWarning):
        assert fit("--resume", "--out", "broken", "--steps", "8") == 0
    weights = [next(Path(name, "checkpoint").glob("field-00000008.safetensors")) for name in ("whole", "broken")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_equations_go_on_with_more_steps(tmp_path: Path) -> None:
    options = {"points": 16, "baseline": False, "device": "cpu", "out": tmp_path / "run"}
    first = nf.solve("helmholtz", steps=20, **options)
    more = nf.solve("helmholtz", steps=60, resume=True, **options)
    assert more.metrics["steps"] > first.metrics["steps"]
    assert more.metrics["polished_from"] == first.metrics["polished_from"]


def test_nobody_is_shown_a_traceback(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of\x1b[31m this")

    monkeypatch.setattr("nfield.jobs.image.run.prepare", broken)
    assert fit("photo.npy", "--out", "run") == 1
    told = capsys.readouterr().err
    assert "Unforeseen ZeroDivisionError" in told
    assert "\x1b" not in told
    log = Path(told.rsplit(" in ", 1)[1].strip().rstrip("."))
    assert "Traceback" in log.read_text()
    log.unlink()

    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:75] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("nfield.jobs.image.run.prepare", full)
    assert fit("photo.npy", "--out", "run") == 1
    assert "Out of memory" in capsys.readouterr().err


def test_digests_know_content_and_nothing_else() -> None:
    small = np.arange(24, dtype=np.float32).reshape(4, 6)
    assert sha256_of([small]) == sha256_of([small.copy(order="F")])
    assert sha256_of([small])[0] != sha256_of([small.reshape(6, 4)])[0]
    assert sha256_of([small])[0] != sha256_of([small.astype(np.float64)])[0]
    changed = small.copy()
    changed[3, 5] += 1
    assert sha256_of([small])[0] != sha256_of([changed])[0]
    assert sha256_of([np.float64(3.0), "name", np.zeros((0, 3))])[1] is False
    large = np.broadcast_to(np.zeros(1, np.uint8), (MOST_BYTES + 1, 1))
    assert sha256_of([large])[1] is True
