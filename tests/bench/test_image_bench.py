"""`nfield bench image` from end to end on a tiny image, and everything that it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nfield.bench.images import suite
from nfield.bench.images.suite import ImageBenchOptions, bench_image
from nfield.cli import main
from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.io.images.images import save_image


def picture() -> np.ndarray:
    rows, columns = np.meshgrid(np.arange(24), np.arange(24), indexing="ij")
    return np.round(127 + 60 * np.sin(rows / 3) + 60 * np.sin(columns / 2)).astype(np.uint8)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, dict[str, Any]]:
    """The folder, what was printed and bench.json of one command with two marks."""
    folder = tmp_path_factory.mktemp("bench")
    image = Image.from_array(picture())
    save_image(folder / "tiny.png", image.full(), image)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suite, "MARKS", (0.1, 30.0))
        printed: list[str] = []
        patch.setattr("sys.stdout.write", lambda text: printed.append(text))
        options = ["--seconds", "0.2", "--json", "--quiet", "--device", "cpu", "--seed", "3"]
        code = main(["bench", "image", str(folder / "tiny.png"), "--out", str(folder / "out"), *options])
    assert code == 0
    return folder / "out", "".join(printed), json.loads((folder / "out/bench.json").read_text())


def test_stdout_is_the_json_and_nothing_else(measured: tuple[Path, str, dict[str, Any]]) -> None:
    _, printed, found = measured
    assert json.loads(printed) == found


def test_all_files_are_there(measured: tuple[Path, str, dict[str, Any]]) -> None:
    folder, _, found = measured
    assert sorted(p.name for p in folder.iterdir()) == ["bench.json", "bench.md", "bench.png"]
    page = (folder / "bench.md").read_text()
    assert found["command"] in page
    assert all(method["settings"] in page for method in found["images"][0]["methods"])


def test_json_says_what_was_measured(measured: tuple[Path, str, dict[str, Any]]) -> None:
    found = measured[2]
    assert found["marks"] == [0.1, 0.2]
    assert found["options"] == {"seconds": 0.2, "peers": ["siren", "gaussian", "mlp"], "seed": 3, "device": "cpu"}
    (entry,) = found["images"]
    assert (entry["height"], entry["width"], entry["channels"]) == (24, 24, 1)
    assert [method["name"] for method in entry["methods"]] == ["nfield", "siren", "gaussian", "mlp"]
    assert found["mean_psnr_at"] is None
    assert found["machine"]["cores"] >= 1


def test_each_method_has_its_figures_with_reasons_for_missing_ones(
    measured: tuple[Path, str, dict[str, Any]],
) -> None:
    for method in measured[2]["images"][0]["methods"]:
        assert len(method["psnr_at"]) == 2
        assert len(method["seconds_to"]) == 4
        assert all(0 <= value < 100 for value in method["psnr_at"])
        missing = [t for t, when in zip((25, 30, 35, 40), method["seconds_to"], strict=True) if when is None]
        assert [f"seconds_to {target} dB" for target in missing] == list(method["why"])
        assert method["parameters"] > 0
        assert method["steps"] >= (0 if method["name"] == "nfield" else 1)  # set-up may take all of a tiny budget
        times = [point["seconds"] for point in method["history"]]
        assert times == sorted(times)
        if method["name"] != "nfield":
            assert times[-1] >= 0.2


def test_nfield_has_a_run_per_mark_and_everything_counts(measured: tuple[Path, str, dict[str, Any]]) -> None:
    own = measured[2]["images"][0]["methods"][0]
    assert [run["budget"] for run in own["runs"]] == [0.1, 0.2]
    assert [run["psnr"] for run in own["runs"]] == own["psnr_at"]
    for run in own["runs"]:
        assert run["seconds"] > run["seconds_of_steps"]
    assert 0 < own["history"][-1]["seconds"] < own["runs"][-1]["seconds"] + 1e-6


def test_chosen_peers_and_the_mean_over_images() -> None:
    images = [Image.from_array(picture(), source="a"), Image.from_array(picture()[::2], source="b")]
    found = bench_image(images, ImageBenchOptions(seconds=0.05, peers=("siren", "siren"), device="cpu"))
    assert [method["name"] for method in found["images"][1]["methods"]] == ["nfield", "siren"]
    for number, name in enumerate(("nfield", "siren")):
        own = [entry["methods"][number]["psnr_at"][0] for entry in found["images"]]
        assert found["mean_psnr_at"][name] == [pytest.approx(np.mean(own))]


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [(1.0, [1]), (2.0, [2]), (10.0, [2, 5, 10]), (30.0, [2, 5, 10, 30]), (45.0, [2, 5, 10, 30, 45])],
)
def test_marks_go_up_to_the_whole_time(seconds: float, marks: list[float]) -> None:
    assert ImageBenchOptions(seconds=seconds).marks == marks


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "needs the name of a suite: image"),
        (["imgae"], "Unknown suite 'imgae'. Did you mean 'image'?"),
        (["image", "--peers", "sirn"], "Unknown peer 'sirn'. Did you mean 'siren'?"),
        (["image", "--seconds", "-1"], "--seconds must be a positive number, but is -1"),
        (["image", "--seconds", "nan"], "--seconds must be a positive number, but is nan"),
        (["image", "--seed", "-2"], "--seed must be at least 0, but is -2"),
        (["image", "--device", "abacus"], "Unknown device 'abacus'"),
        (["image", "missing.png"], "No file 'missing.png'"),
        (["image", "--second", "1"], "--second"),
    ],
)
def test_bad_options_are_told_in_one_message(
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *arguments]) == 2
    heard = capsys.readouterr()
    assert told in heard.err
    assert heard.err.count("\n") == 1
    assert heard.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_out_with_files_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    assert main(["bench", "image", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_images_beyond_memory_are_refused() -> None:
    huge = Image(pixels=np.broadcast_to(np.zeros((1, 1, 1), np.uint8), (10_000, 10_000, 1)), colour="grey", alpha=False)
    with pytest.raises(UserError, match=r"10000 x 10000 pixels"):
        bench_image([huge])


def test_help_names_the_suites(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--help"]) == 0
    assert "suites: image" in capsys.readouterr().out


def test_help_of_the_suite_names_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "image", "--help"])
    heard = capsys.readouterr().out
    for option in ("nfield bench image", "--seconds", "--peers", "--seed", "--device", "--out", "--json"):
        assert option in heard
