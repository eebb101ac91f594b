"""`nfield solve` end to end with few steps, and what it says of bad input."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from short_runs import tune_briefly

import nfield as nf
from nfield.cli import main

FAST = ["--steps", "12", "--evaluations", "2", "--points", "32", "--quiet"]

FILE = """
import math
import torch
from nfield.equations import Box, Dirichlet, Problem

def residual(u, at):
    return at(u, "xx") + math.pi**2 * (math.pi * at.x).sin()

problem = Problem(
    domain=Box(0, 1),
    residual=residual,
    conditions=(Dirichlet(value=0.0),),
    exact=lambda points: (math.pi * points).sin(),
    grid=(64,),
)
"""

IN_TIME = """
import torch
from nfield.equations import Box, Initial, Periodic, Problem

problem = Problem(
    domain=Box(0, 2 * torch.pi),
    time=(0.0, 1.0),
    residual=lambda u, at: at(u, "t") + at(u, "x"),
    conditions=(Periodic(axis="x"), Initial(value=lambda points: points[:, :1].sin())),
    exact=lambda points: (points[:, :1] - points[:, 1:]).sin(),
    order=1,
    grid=(16, 16),
)
"""


@pytest.fixture(autouse=True)
def brief_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    tune_briefly(monkeypatch, "equation")


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_a_named_problem_to_a_run_folder_and_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(["solve", "poisson-two-scale", "--out", str(out), *FAST]) == 0
    assert "relative L2 error" in capsys.readouterr().out
    for name in ("config.json", "metrics.json", "report.html", "outputs/solution.png", "outputs/solution.npz"):
        assert (out / name).exists(), name
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["task"] == "equation"
    assert metrics["baseline"]["relative_l2"] > 0
    assert metrics["bands"]
    assert 0 < metrics["polished_from"] < metrics["steps"]
    page = (out / "report.html").read_text()
    assert "Plain MLP" in page
    assert "Residual" in page
    assert main(["info", str(out)]) == 0
    assert "x from 0 to 1" in capsys.readouterr().out
    field = nf.load(out).field
    ends = field(torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    assert float(ends.detach().abs().max()) < 1e-12
    with np.load(out / "outputs" / "solution.npz") as arrays:
        assert {"x", "solution", "truth", "baseline"} <= set(arrays)
        again = field(torch.from_numpy(arrays["x"])[:, None]).detach()[:, 0].numpy()
        assert np.allclose(again, arrays["solution"])
    assert main(["render", str(out)]) == 2
    assert "solution.npz" in told(capsys)
    assert main(["export", str(out), "--out", str(tmp_path / "m.ply")]) == 2
    assert "no mesh" in told(capsys)


@pytest.mark.parametrize("polish", [["--polish", "0"], ["--polisher", "levenberg"], ["--polisher", "lbfgs"]])
def test_a_run_of_the_same_seed_repeats_and_one_cut_off_goes_on_exactly(polish: list[str], tmp_path: Path) -> None:
    """Oracle: the weights of a run that was not interrupted, bit for bit; soft conditions, whose weights are kept.

    The two checkpoints that are left are from before the last step: of a polished run within its polishing.
    """
    file = tmp_path / "own.py"
    file.write_text(IN_TIME)
    words = ["solve", str(file), *FAST, "--steps", "100", "--constraints", "soft", "--no-baseline", *polish]
    words += ["--backbone.width", "6"]
    fields = []
    for name in ("whole", "cut"):
        out = tmp_path / name
        options = ["--checkpoint-seconds", "0"] if name == "cut" else []
        assert main([*words, "--out", str(out), *options]) == 0
        if name == "cut":
            newest = sorted((out / "checkpoint").glob("field-*"))[-2:]
            for path in newest:
                path.unlink()
            (out / "metrics.json").unlink()
            assert main(["solve", str(file), "--out", str(out), "--resume", "--quiet"]) == 0
        fields.append(nf.load(out, trust=file).field)
    for a, b in zip(*(field.state_dict().values() for field in fields), strict=True):
        assert torch.equal(a, b)


def test_a_problem_of_a_file_opens_again_without_the_file(tmp_path: Path) -> None:
    file, out = tmp_path / "own.py", tmp_path / "run"
    file.write_text(FILE)
    assert main(["solve", str(file), "--out", str(out), *FAST, "--least-squares"]) == 0
    file.unlink()
    result = nf.load(out, trust=True)
    assert result.metrics["relative_l2"] < 1e-3, "a smooth solution is found by least squares at once"
    x = torch.linspace(0, 1, 50, dtype=torch.float64)[:, None]
    error = (result.baseline(x) - (np.pi * x).sin()).detach().norm() / (np.pi * x).sin().norm()
    assert float(error) == pytest.approx(result.metrics["baseline"]["relative_l2"], rel=0.1)


@pytest.mark.parametrize("preset", ["fourier", "spacetime", "mscale", "siren", "none"])
def test_every_preset_runs(preset: str, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(IN_TIME)
    words = ["solve", str(file), "--preset", preset, "--no-baseline", "--out", str(tmp_path / "run"), *FAST]
    assert main(words) == 0


@pytest.mark.parametrize("balance", ["gradients", "tangent-kernel"])
@pytest.mark.parametrize("sampler", ["adaptive", "sobol"])
def test_soft_conditions_are_balanced(balance: str, sampler: str, tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(IN_TIME)
    words = ["solve", str(file), "--constraints", "soft", "--balance", balance, "--sampler", sampler]
    assert main([*words, "--no-baseline", "--out", str(tmp_path / "run"), *FAST]) == 0
    losses = json.loads((tmp_path / "run" / "history.jsonl").read_text().splitlines()[-1])["losses"]
    assert set(losses) == {"residual", "periodic", "initial"}


BROKEN = {
    "raises": ("problem = 1 / 0", ["line 1", "ZeroDivisionError", "own.py"]),
    "no syntax": ("def problem(:", ["line 1", "SyntaxError"]),
    "nothing": ("x = 1", ["must make a Problem"]),
    "another thing": ("problem = 3", ["has a int"]),
    "wrong shape": (FILE.replace("+ math.pi**2 * (math.pi * at.x).sin()", ".sum()"), ["residual returned ()"]),
    "raises later": (FILE.replace("at(u, ", "at(v, "), ["NameError", "line 7"]),
    "unknown axis": (FILE.replace('"xx"', '"tt"'), ["no coordinate 't'"]),
    "not finite": (FILE.replace("(math.pi * at.x).sin()", "(at.x - 2).log()"), ["not finite"]),
    "no size": (FILE.replace("Box(0, 1)", "Box(1, 1)"), ["has no size", "line 10"]),
    "no time": (
        FILE.replace("Dirichlet(value=0.0),", "Initial(),").replace("import Box", "import Initial, Box"),
        ["no time"],
    ),
    "contradiction": (
        FILE.replace("domain=Box(0, 1),", "domain=Box(0, 1), time=(0, 1),")
        .replace("grid=(64,),", "")
        .replace("exact=lambda points: (math.pi * points).sin(),", "")
        .replace("import Box", "import Initial, Box")
        .replace("Dirichlet(value=0.0),", "Dirichlet(value=0.0), Initial(value=1.0),"),
        ["contradict each other", "0 and 1"],
    ),
    "no duration": (IN_TIME.replace("(0.0, 1.0)", "(1.0, 1.0)"), ["Time from 1.0 to 1.0 has no length", "line 5"]),
    "periodic but not at the start": (
        IN_TIME.replace("points[:, :1].sin()))", "points[:, :1]))"),
        ["initial value differs at the two ends of x"],
    ),
    "value of a wrong shape": (FILE.replace("value=0.0", "value=lambda p: p.sum()"), ["boundary value returned ()"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_told_in_one_message(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, wanted = BROKEN[case]
    file, out = tmp_path / "own.py", tmp_path / "run"
    file.write_text(text)
    assert main(["solve", str(file), "--out", str(out), *FAST]) == 2
    message = told(capsys)
    assert "Traceback" not in message
    assert "own.py" in message
    for words in wanted:
        assert words in message
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["heatt"], "Did you mean 'heat'?"),
        ([], "Name a problem"),
        (["missing.py"], "Cannot read 'missing.py'"),
        (["heat", "--backbone", "mlp", "--backbone.activation", "relu"], "derivatives of order 2"),
        (["heat", "--encoding", "hash"], "derivatives of order 2"),
        (["heat", "--encoding", "hash", "--backbone", "mlp"], "derivatives of order 2"),
        (["burgers", "--least-squares", "--polish", "0", "--no-baseline"], "linear in u"),
        (["heat", "--least-squares", "--backbone", "mscale2"], "no last linear layer"),
        (["heat", "--objective", "energy"], "no energy"),
        (["heat", "--polish", "1"], "share of the budget"),
        (["heat", "--preset", "furier"], "Did you mean 'fourier'?"),
        (["heat", "--points", "0"], "--points must be at least 1"),
    ],
)
def test_bad_options_are_told_in_one_message(
    words: list[str], wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["solve", *words, "--out", "run", "--steps", "3", "--quiet", "--evaluations", "2"]) == 2
    message = told(capsys)
    assert wanted in message
    assert len(message.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()
