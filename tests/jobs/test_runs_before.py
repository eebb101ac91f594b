"""Runs that the version before wrote: each opens, renders or exports, is reported, compared, and goes on.

Oracle: its own weights, its own metrics.json, and the names that tasks have now.
"""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import nfield as nf
from nfield.cli import main
from nfield.jobs.views import frame, recipe

DATA = Path(__file__).parents[1] / "data" / "runs_before"
RUNS = {path.name.removesuffix(".tar.xz"): path for path in sorted(DATA.glob("*.tar.xz"))}
NOW = {
    "image": "image",
    "surface": "surface",
    "network": "surface",
    "views": "views",
    "equation": "equation",
    "staged": "equation",
    "signal": "signal",
}
CONTINUED = {
    "image": ["fit-image", "--steps", "6"],
    "network": ["reconstruct", "--steps", "6"],
    "views": ["render-views", "--steps", "6"],
    "equation": ["solve"],
    "staged": ["solve", "--stages", "3"],
    "surface": ["reconstruct"],
}
"""What goes on with each."""


@pytest.fixture(params=list(NOW))
def before(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run of before in the working folder, by its name."""
    with tarfile.open(RUNS[request.param]) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    # These views were fitted with a small grid, to be a small file.
    monkeypatch.setattr(frame, "RESOLUTION", 16)
    monkeypatch.setattr(recipe, "RESOLUTION", 16)
    name: str = request.param
    return name


def test_all_kinds_of_runs_are_there() -> None:
    assert set(RUNS) == set(NOW)


def test_it_opens_with_its_own_weights_and_figures(before: str) -> None:
    result = nf.load(before)
    assert isinstance(result, nf.Result)
    assert result.job.name == NOW[before]
    assert result.metrics == json.loads(Path(before, "metrics.json").read_text())
    newest = max(Path(before, "checkpoint").glob("field-*.safetensors"))
    weights = safetensors.torch.load_file(newest)
    loaded = result.job.module(result.field).state_dict()
    assert set(loaded) == set(weights)
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)


def test_commands_on_it(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", before]) == 0
    assert f"task       {NOW[before]}" in capsys.readouterr().out
    files = {path: path.read_bytes() for path in Path(before).rglob("*") if path.is_file()}
    assert main(["report", before]) == 0
    assert "Which frequencies were learned" in Path(before, "report.html").read_text()
    Path(before, "report.html").unlink()
    assert {path: path.read_bytes() for path in Path(before).rglob("*") if path.is_file()} == files
    assert main(["compare", before, before, "--out", "page.html"]) == 0
    if NOW[before] in ("image", "views"):
        assert main(["render", before, "--zoom", "0.5", *(["--path", "held-out"] if before == "views" else [])]) == 0
    if NOW[before] == "surface":
        assert main(["export", before, "--out", "mesh.ply", "--resolution", "12"]) in (0, 2)


@pytest.mark.parametrize("before", list(CONTINUED), indirect=True)
def test_it_goes_on(before: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb, *more = CONTINUED[before]
    steps = json.loads(Path(before, "metrics.json").read_text())["steps"]
    assert main([verb, "--resume", "--out", before, *more, "--quiet"]) == 0, capsys.readouterr().err
    metrics = json.loads(Path(before, "metrics.json").read_text())
    assert metrics["task"] == NOW[before]
    if "--steps" in more:
        assert metrics["steps"] == 6 > steps
        history = [json.loads(line) for line in Path(before, "history.jsonl").read_text().splitlines()]
        assert max(line["step"] for line in history if line["run"] == "field") == 6
    else:
        assert metrics["steps"] >= steps


def test_a_signal_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle: the same stages from the start."""
    with tarfile.open(RUNS["signal"]) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    samples, options = np.sin(np.linspace(0, 6, 60)), {"width": 6, "refine_steps": 2}
    more = nf.fit_stages(samples, stages=2, out="signal", resume=True, **options)
    x = np.linspace(-1, 1, 9)
    assert np.array_equal(more(x), nf.fit_stages(samples, stages=2, **options)(x))
