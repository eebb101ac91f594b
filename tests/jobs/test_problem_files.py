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
