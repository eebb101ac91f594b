"""The views suite on a tiny scene: what is run, what is kept, and the page, whose numbers are those of the runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from nfield.bench.views import suite
from nfield.bench.views import worker as views_worker
from nfield.bench.views.suite import TITLES, ViewsBenchOptions, bench_views
from nfield.bench.views.table import markdown, rows
from nfield.cli import main
from nfield.core.checks import UserError
from nfield.training.progress import SilentProgress

SMALL = ViewsBenchOptions(seconds=0.2, size=8, train=4, test=1, device="cpu")


def here(module: str, arguments: Sequence[str], *, limit: float | None) -> str | None:
    """The worker in this process: what it does is the same, and starting another takes seconds."""
    assert module == "nfield.bench.views.worker"
    assert limit is None
    return None if views_worker.main(*arguments) == 0 else "failed"


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: ViewsBenchOptions = SMALL) -> dict[str, Any]:
    monkeypatch.setattr(suite, "run_module", here)
    return bench_views(["text"], options, folder=tmp_path, command="nfield bench views", progress=SilentProgress())


def test_all_methods_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "MARKS", (0.1,))
    found = run(tmp_path, monkeypatch)
    assert found["complete"]
    (entry,) = found["scenes"]
    assert (entry["width"], entry["train"], entry["test"]) == (8, 4, 1)
    assert set(entry["methods"]) == set(TITLES)
    for runs in entry["methods"].values():
        assert [one["budget"] for one in runs] == [0.1, 0.2]
        for one in runs:
            assert one["psnr"] > 0
            # A step of at least one ray with samples: the counts are those of the steps that were taken.
            assert one["rays_per_second"] * one["seconds_fit"] >= one["steps"]
            assert one["samples_per_second"] >= 0
            assert one["peak_mib"] > 100
    kept = json.loads((tmp_path / "bench.json").read_text())
    assert kept["scenes"] == json.loads(json.dumps(found["scenes"]))
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {f"1-text-{name}.png" for name in ("truth", "nfield", "positional", "mlp")}
    page = (tmp_path / "bench.md").read_text()
    assert "## text (8 x 8, 4 views, 1 held out)" in page
    assert all(f"({name})" in page for name in pictures)


def test_rows_by_hand() -> None:
    one = {"psnr": 20.0, "ssim": None, "steps": 1234, "rays_per_second": 5e4, "samples_per_second": 2.5e5}
    one |= {"seconds_per_view": 0.126, "parameters": 1000, "peak_mib": 900.4}
    entry = {"methods": {"mlp": [{"budget": 10.0, **one}, {"budget": 30.0, **one, "psnr": 21.0}]}}
    table = rows(entry, [10.0, 30.0, 120.0], TITLES)
    assert table[0][:4] == ["PSNR (dB) after", "10 s", "30 s", "120 s"]
    assert table[1] == ["plain MLP", "20.00", "21.00", "-", "-", "1,234", "50,000", "250,000", "0.13", "1,000", "900"]


def test_a_run_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "run_module", lambda *_, **__: "crashed (SIGSEGV)")
    found = bench_views(["text"], SMALL, folder=tmp_path, command="", progress=SilentProgress())
    assert found["scenes"][0]["why"] == {"nfield 0.2 s": "crashed (SIGSEGV)", "positional 0.2 s": "crashed (SIGSEGV)"}
    assert "nfield 0.2 s: crashed (SIGSEGV)." in markdown(found, TITLES)


def test_the_command_in_processes_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures are rendered, a field is fitted and measured in another process, without the peers."""
    small = ["--seconds", "0.2", "--size", "10", "--train", "4", "--test", "1", "--no-peers", "--quiet"]
    assert main(["bench", "views", "text", "--out", str(tmp_path / "bench"), "--json", *small]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["scenes"][0]["methods"]) == {"nfield"}
    assert found["scenes"][0]["why"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["txet"], "Did you mean 'text'?"),
        (["no/folder"], "There is no 'no/folder'"),
        (["--seconds", "0"], "--seconds must be a positive number"),
        (["--downscale", "0.5"], "--downscale must be at least 1"),
    ],
)
def test_bad_input(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "views", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_scene_at_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Name one scene"):
        bench_views([], SMALL, folder=tmp_path, command="", progress=SilentProgress())
