"""`nfield solve --stages`: the run folder, its solution opened again, a run that was cut off, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from short_runs import tune_briefly

import nfield as nf
from nfield.cli import main
from nfield.equations import Box, Dirichlet, Problem
from nfield.fields.staged_solution import StagedSolution

FAST = ["--steps", "4", "--points", "16", "--evaluations", "2", "--quiet"]
FILE = """
import math
from nfield.equations import Box, Dirichlet, Problem

problem = Problem(
    domain=Box(0, 1),
    residual=lambda u, at: at(u, "xx") + math.pi**2 * (math.pi * at.x).sin(),
    conditions=(Dirichlet(),),
    exact=lambda points: (math.pi * points).sin(),
    grid=(64,),
)
"""


@pytest.fixture(autouse=True)
def brief_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    tune_briefly(monkeypatch, "equation")


def test_a_problem_in_stages_to_a_run_folder_and_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle: the exact solution, at points of no grid, from the folder alone."""
    file, out = tmp_path / "own.py", tmp_path / "run"
    file.write_text(FILE)
    assert main(["solve", str(file), "--stages", "2", "--out", str(out), *FAST]) == 0
    assert "relative L2 error" in capsys.readouterr().out
    file.unlink()
    found = nf.load(out, trust=True)
    x = torch.rand(50, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert float((found.field(x) - (np.pi * x).sin()).abs().max()) < 1e-10
    assert isinstance(found.field, StagedSolution)
    assert float((found.baseline(x) - (np.pi * x).sin()).abs().max()) > 1e-6
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["relative_l2"] < 1e-10 < metrics["baseline"]["relative_l2"]
    assert [stage["kept"] for stage in metrics["stages"]] == [True, True]
    assert metrics["reason"] == "All 2 stages were trained."
    assert metrics["why"].get("baseline") is None
    own = [line for line in found.history if line["run"] == "field"]
    assert [line["bands"][0] > 0.9 for line in own] == [True, False, False]
    assert main(["report", str(out)]) == 0
    assert main(["info", str(out)]) == 0
    assert "stages of sines" in capsys.readouterr().out
    again = found.save(tmp_path / "copy")
    assert torch.equal(nf.load(again, trust=True).field(x), found.field(x))


def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Oracle: a run that was not cut off, bit for bit; a second pass trains nothing and adds nothing."""
    file = tmp_path / "own.py"
    file.write_text(FILE)
    words = ["solve", str(file), "--stages", "2", "--no-baseline", *FAST]
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    cut = tmp_path / "cut"
    assert main([*words, "--out", str(cut)]) == 0
    for path in (cut / "checkpoint").iterdir():
        if path.name.startswith(("stage-2-refine", "field")):
            path.unlink()
    (cut / "metrics.json").unlink()
    assert main(["solve", str(file), "--out", str(cut), "--resume", "--quiet"]) == 0
    a, b = nf.load(tmp_path / "whole", trust=file), nf.load(cut, trust=file)
    for one, other in zip(a.field.state_dict().values(), b.field.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert len([line for line in b.history if line["run"] == "field"]) == 3


def test_a_problem_as_an_object_needs_no_folder() -> None:
    problem = Problem(
        domain=Box(0, 1),
        residual=lambda u, at: at(u, "x") + u,
        conditions=(Dirichlet(value=1.0, where=lambda p: p[:, 0] < 0.5),),
        exact=lambda p: (-p).exp(),
        order=1,
    )
    result = nf.solve(problem, stages=2, baseline=False)
    assert result.metrics["relative_l2"] < 1e-12


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["burgers", "--stages", "2"], "linear in u"),
        (["heat", "--stages", "2", "--backbone", "siren"], "takes no --backbone"),
        (["heat", "--stages", "2", "--preset", "fourier"], "takes no --preset"),
        (["heat", "--stages", "2", "--least-squares"], "takes no --least-squares"),
        (["heat", "--stages", "2", "--precision", "float32"], "float64"),
        (["heat", "--stages", "0"], "--stages must be at least 1"),
    ],
)
def test_what_does_not_go_with_stages_is_refused(
    words: list[str], wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["solve", *words, "--out", str(tmp_path / "run"), "--quiet"]) == 2
    message = capsys.readouterr().err
    assert wanted in message
    assert len(message.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()
