<<<<<<< HEAD
"""Code of a problem's file is run where the user names or trusts it, and nowhere else. The oracle is a marker file."""

import json
from pathlib import Path

import pytest
import torch
from short_runs import tune_briefly

import nfield as nf
from nfield.cli import main

FILE = """
import pathlib
from nfield.equations import Box, Dirichlet, Problem

pathlib.Path({marker!r}).touch()
problem = Problem(
    domain=Box(0, 1),
    residual=lambda u, at: at(u, "xx") + torch.pi**2 * (torch.pi * at.x).sin(),
    conditions=(Dirichlet(),),
    exact=lambda points: (torch.pi * points).sin(),
    grid=(64,),
)
""".replace("import pathlib", "import pathlib\nimport torch", 1)
FAST = ["--steps", "3", "--points", "16", "--evaluations", "2", "--no-baseline", "--quiet"]
X = torch.linspace(0, 1, 9, dtype=torch.float64)[:, None]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tune_briefly(monkeypatch, "equation")


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """What the file makes when it is run; gone after the run itself."""
    found = tmp_path / "ran"
    Path("rod.py").write_text(FILE.format(marker=str(found)))
    assert main(["solve", "rod.py", "--out", "run", *FAST]) == 0
    found.unlink()
    return found


def test_commands_on_a_run_folder_run_no_code(marker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    for words, code in (
        (["info", "run"], 0),
        (["report", "run"], 0),
        (["compare", "run", "run", "--out", "page.html"], 0),
        (["render", "run"], 2),
        (["export", "run", "--out", "a.ply"], 2),
        (["solve", "--resume", "--out", "run"], 2),
        (["solve", "--config", "run/config.json", "--out", "other"], 2),
    ):
        assert main(words) == code, words
        assert not marker.exists(), words
    assert "naming the file again" in capsys.readouterr().err


def test_a_source_in_a_config_is_not_run_either(marker: Path) -> None:
    """A config that names a file and holds no copy of it is no word of the user's."""
    config = json.loads(Path("run/config.json").read_text())
    Path("run/config.json").write_text(json.dumps({**config, "problem_file": None}))
    assert main(["solve", "--resume", "--out", "run"]) == 2
    with pytest.raises(nf.UserError, match="trust=problem"):
        nf.load("run")
    assert not marker.exists()


def test_load_runs_what_is_trusted_and_nothing_else(marker: Path) -> None:
    with pytest.raises(nf.UserError, match=r"opening a folder runs no code.*trust='problem\.py'.*trust=True"):
        nf.load("run")
    Path("other.py").write_text(Path("rod.py").read_text() + "\n")
    with pytest.raises(nf.UserError, match=r"'other\.py' is not the file that 'run' was run with"):
        nf.load("run", trust="other.py")
    with pytest.raises(nf.UserError, match=r"Cannot read 'missing\.py'"):
        nf.load("run", trust="missing.py")
    assert not marker.exists()
    by_file = nf.load("run", trust="rod.py")
    assert marker.exists()
    Path("rod.py").unlink()
    marker.unlink()
    by_copy = nf.load("run", trust=True)
    assert marker.exists()
    marker.unlink()
    handed_over = nf.load("run", trust=by_copy.problem)
    assert not marker.exists()
    assert torch.equal(by_copy.field(X), by_file.field(X))
    assert torch.equal(handed_over.field(X), by_file.field(X))


def test_a_file_is_continued_by_naming_it_again(marker: Path) -> None:
    assert main(["solve", "rod.py", "--resume", "--out", "run", "--quiet"]) == 0
    assert marker.exists()
    Path("rod.py").write_text(Path("rod.py").read_text() + "\n")
    assert main(["solve", "rod.py", "--resume", "--out", "run", "--quiet"]) == 2


def test_python_solves_a_file_and_a_problem(marker: Path) -> None:
    options = {"steps": 3, "points": 16, "evaluations": 2, "baseline": False}
    by_file = nf.solve("rod.py", out="by-file", **options)
    assert marker.exists()
    problem = by_file.problem
    by_object = nf.solve(problem, out="by-object", **options)
    assert torch.equal(by_object.field(X), by_file.field(X))
    assert torch.equal(nf.load("by-file", trust=True).field(X), by_file.field(X))
    assert torch.equal(nf.load("by-object", trust=problem).field(X), by_file.field(X))
    with pytest.raises(nf.UserError, match=r"has no copy. Hand it over: nfield\.load\(folder, trust=problem\)"):
        nf.load("by-object")
    with pytest.raises(nf.UserError, match=r"has no copy"):
        nf.load("by-object", trust=True)
    again = nf.solve(problem, out="by-object", resume=True, **options)
    assert torch.equal(again.field(X), by_object.field(X))
=======
"""Runs can be trusted: by their owner after an accident, and by a stranger who opens them."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nfield as nf
from nfield.cli import main
from nfield.core.content import MOST_BYTES, sha256_of
from nfield.io.lock import is_locked
from nfield.io.run_folder import NfieldWarning

PROBLEM = """
from pathlib import Path
Path("executed").write_text("yes")
import torch
from nfield.equations import Box, Dirichlet, Problem
problem = Problem(
    domain=Box(0, 1), residual=lambda u, at: at(u, "xx") + 1, conditions=(Dirichlet(value=0.0),)
)
"""
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
    assert not list(Path("runs").iterdir())


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


@pytest.mark.parametrize(
    "opened",
    [
        lambda run: nf.load(run),
        lambda run: main(["render", run]),
        lambda run: main(["export", run, "--out", "mesh.ply"]),
        lambda run: main(["info", run]),
        lambda run: main(["report", run]),
        lambda run: main(["compare", run, run]),
        lambda run: main(["solve", "--resume", "--out", run, "--quiet"]),
    ],
)
def test_opening_a_run_runs_no_code_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[str], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rod.py").write_text(PROBLEM)
    assert main(["solve", "rod.py", "--steps", "2", "--points", "16", "--out", "run", *FEW]) == 0
    Path("executed").unlink()
    with contextlib.suppress(nf.UserError):
        opened("run")
    assert not Path("executed").exists()


def test_code_is_run_where_its_owner_vouches_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rod.py").write_text(PROBLEM)
    first = nf.solve("rod.py", steps=2, points=16, baseline=False, device="cpu", out="run")
    assert nf.load("run", trust=True).metrics == first.metrics
    assert nf.load("run", trust="rod.py").metrics == first.metrics
    assert nf.load("run", trust=first.problem).metrics == first.metrics
    Path("other.py").write_text(PROBLEM + "# changed")
    with pytest.raises(nf.UserError, match="is not the file"):
        nf.load("run", trust="other.py")
    nf.solve(first.problem, steps=2, points=16, baseline=False, device="cpu", out="object")
    with pytest.raises(nf.UserError, match="made in Python"):
        nf.load("object", trust=True)
    assert nf.load("object", trust=first.problem).config["source"] == "problem"


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
>>>>>>> main
