"""Contract of all experiments: a small run gives a verdict, finite figures, a plot and the same again.

Whether claims hold is for the experiments to find out, at their own size: only that they can be told is tested here.
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nfield.cli import lab as cli_lab
from nfield.cli import main
from nfield.core.checks import RunError, UserError
from nfield.lab import EXPERIMENTS, Setting
from nfield.lab.experiment import Experiment, Outcome
from nfield.lab.folder import earlier_metrics, run_experiment

QUICK = Setting(size="quick", seed=3)


def numbers(value: Any) -> list[float]:
    """All numbers in nested lists and dicts."""
    if isinstance(value, dict):
        return [n for one in value.values() for n in numbers(one)]
    if isinstance(value, list):
        return [n for one in value for n in numbers(one)]
    return [float(value)] if isinstance(value, (int, float)) else []


@pytest.fixture(scope="module", params=list(EXPERIMENTS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("lab") / request.param
    run_experiment(request.param, EXPERIMENTS[request.param], QUICK, folder)
    return request.param, folder


def test_an_experiment_tells_what_it_saw(run: tuple[str, Path]) -> None:
    name, folder = run
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["experiment"] == name
    assert isinstance(metrics["holds"], bool)
    assert any(letter.isdigit() for letter in metrics["verdict"])
    found = numbers(metrics["figures"])
    assert found
    assert all(map(math.isfinite, found))
    assert "arXiv" in metrics["source"] or any(letter.isdigit() for letter in metrics["source"])
    with Image.open(folder / "plot.png") as picture:
        assert min(picture.size) > 200
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 20


def test_a_finished_experiment_is_known_again(run: tuple[str, Path]) -> None:
    name, folder = run
    metrics = json.loads((folder / "metrics.json").read_text())
    assert earlier_metrics(name, folder, QUICK, resume=True) == metrics
    assert earlier_metrics(name, folder.parent / "none", QUICK, resume=True) is None
    with pytest.raises(UserError, match="already holds an experiment"):
        earlier_metrics(name, folder, QUICK, resume=False)


@pytest.mark.parametrize(
    ("name", "setting", "told"),
    [
        ("other", QUICK, "another experiment"),
        (None, Setting(size="quick", seed=4), r"another seed \(3, now 4\)"),
        (None, Setting(size="default", seed=3), "another size"),
    ],
)
def test_another_run_is_never_overwritten(run: tuple[str, Path], name: str | None, setting: Setting, told: str) -> None:
    with pytest.raises(UserError, match=told):
        earlier_metrics(name or run[0], run[1], setting, resume=True)


def test_the_same_setting_gives_the_same_figures(run: tuple[str, Path], tmp_path: Path) -> None:
    name, folder = run
    again = run_experiment(name, EXPERIMENTS[name], QUICK, tmp_path / name)
    assert again["figures"] == json.loads((folder / "metrics.json").read_text())["figures"]


def test_an_experiment_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def run(setting: Setting) -> Outcome:
        raise RunError("diverged")

    broken = Experiment(title="t", claim="below 1", source="2019", run=run)
    with pytest.raises(RunError):
        run_experiment("broken", broken, QUICK, tmp_path / "new" / "broken")
    assert not (tmp_path / "new" / "broken").exists()
    (tmp_path / "old").mkdir()
    with pytest.raises(RunError):
        run_experiment("broken", broken, QUICK, tmp_path / "old")
    assert (tmp_path / "old").is_dir()


def test_claims_can_be_wrong() -> None:
    """Each names its threshold, and its paper."""
    for name, experiment in EXPERIMENTS.items():
        assert any(letter.isdigit() for letter in experiment.claim), name
        assert experiment.title, name


def test_the_command_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "one"
    assert main(["lab", "order-1d", "--size", "quick", "--quiet", "--out", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    said = capsys.readouterr()
    assert metrics["verdict"] in said.out
    assert said.err == ""
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 1
    assert "http" not in page.split("<body>")[1].replace("https://arxiv.org", "")
    before = (out / "metrics.json").read_bytes()
    assert main(["lab", "order-1d", "--size", "quick", "--out", str(out)]) == 2
    assert "already holds an experiment" in capsys.readouterr().err
    assert main(["lab", "order-1d", "--size", "quick", "--quiet", "--resume", "--json", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == metrics
    assert (out / "metrics.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "needs the name of an experiment"),
        (["order1d"], "order-1d"),
        (["order-1d", "--size", "tiny"], "--size"),
        (["order-1d", "--full", "--size", "quick"], "contradict"),
        (["order-1d", "--resume"], "--resume needs --out"),
    ],
)
def test_bad_usage_is_told(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("name", ["order-1d", "all"])
@pytest.mark.parametrize("file", ["notes.txt", "report.html", "config.json"])
def test_folders_with_other_files_are_left_alone(
    name: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).write_text("mine")
    assert main(["lab", name, "--size", "quick", "--quiet", "--out", str(tmp_path)]) == 2
    assert file in capsys.readouterr().err
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(file, "mine")]


def test_all_run_into_one_folder_and_go_on_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --out each time a new folder; a finished experiment is not run again."""
    monkeypatch.chdir(tmp_path)
    # Each is run by itself above.
    few = {name: EXPERIMENTS[name] for name in ("order-1d", "complexity", "adaptive", "mscale")}
    monkeypatch.setattr(cli_lab, "EXPERIMENTS", few)
    words = ["lab", "all", "--size", "quick", "--quiet"]
    assert main(words) == 0
    assert {p.name for p in Path("runs/lab").iterdir()} == {*few, "report.html"}
    assert "The cures side by side" in Path("runs/lab/report.html").read_text()
    written = {p: p.stat().st_mtime_ns for p in Path("runs/lab").glob("*/metrics.json")}
    assert main([*words, "--resume", "--out", "runs/lab"]) == 0
    assert {p: p.stat().st_mtime_ns for p in Path("runs/lab").glob("*/metrics.json")} == written
    assert main([*words, "--out", "runs/lab"]) == 2
    assert "already holds" in capsys.readouterr().err
