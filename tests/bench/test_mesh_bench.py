"""The mesh suite: figures by hand, the page, the pictures, and runs with made-up methods."""

import dataclasses
import io
import json
import sys
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import pytest

from nfield.bench.meshes import pictures as mesh_pictures
from nfield.bench.meshes import suite
from nfield.bench.meshes.figures import best_of, comparisons, wrong_normals
from nfield.bench.meshes.made import Made
from nfield.bench.meshes.pictures import file_name, write_views
from nfield.bench.meshes.suite import Case, MeshBenchOptions, bench_mesh
from nfield.bench.meshes.table import markdown
from nfield.bench.worker import Outcome
from nfield.cli import main
from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.io.geometry.meshes import save_mesh
from nfield.meshing.extraction import extract_surface
from nfield.rendering.error_colours import scale_top
from nfield.training.progress import LineProgress


def ball(radius: float = 1.0, cells: int = 12) -> Mesh:
    low = np.full(3, -1.3)
    return dataclasses.replace(extract_surface(lambda x: x.norm(dim=-1) - radius, low, -low, cells), source="ball")


def made(radius: float = 1.0, depth: int | None = None) -> Made:
    mesh = ball(radius)
    points = mesh.vertices[:50]
    return Made(
        vertices=mesh.vertices, faces=mesh.faces, points=points, normals=points / radius,
        seconds=2.0, peak_mib=300.0, start_mib=200.0, depth=depth,
    )  # fmt: skip


def test_wrong_normals_by_hand() -> None:
    points = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [2, 0, 0]])
    normals = points * [[1], [-1], [0], [1], [-1]]
    assert wrong_normals(points, normals, ball()) == (2, 4)
    assert wrong_normals(points, normals, ball(), within=0.5) == (1, 3)


def test_the_best_depth_is_picked_and_empty_meshes_are_passed_over() -> None:
    none = dataclasses.replace(made(depth=5), faces=np.zeros((0, 3), np.int64))
    found = best_of([none, made(1.2, 6), made(1.02, 7), made(1.1, 8)], ball(), samples=500, seed=0)
    assert found is not None
    figures, best = found
    assert figures["depth"] == best.depth == 7
    assert list(figures["depths"]) == [6, 7, 8]
    assert figures["chamfer"] == min(figures["depths"].values())
    assert figures["watertight"]
    assert (figures["wrong_normals"], figures["normals_judged"]) == (0, 50)
    assert best_of([none], ball(), samples=500, seed=0) is None


def result(shape: str, own: float | None, peer: float | None) -> dict[str, Any]:
    def figures(chamfer: float | None, **more: Any) -> dict[str, Any] | None:
        if chamfer is None:
            return None
        return {
            "chamfer": chamfer, "normal_consistency": 1 - chamfer, "seconds": 3.0, "peak_mib": 1234.4,
            "start_mib": 200.0, "wrong_normals": 4, "normals_judged": 3000, "watertight": True, **more,
        }  # fmt: skip

    why = {} if peer is not None else {"poisson": "was stopped after 9 s"}
    entry = {"case": "3k-clean", "shape": shape, "picture": f"views-{shape}.png", "why": why}
    return entry | {"nfield": figures(own), "poisson": figures(peer, depth=7)}


RESULTS = [result("a", 0.1, 0.2), result("b", 0.3, 0.3), result("c", 0.1, None)]


def test_both_ratios_by_hand() -> None:
    (mean,) = comparisons(RESULTS, ["nfield", "poisson"], ["poisson"])
    assert mean["shapes"] == 2
    assert mean["ratio_of_means"] == pytest.approx(0.4 / 0.5)
    assert mean["mean_ratio"] == pytest.approx((0.5 + 1) / 2)
    assert mean["normal_consistency"] == pytest.approx(0.05)
    assert comparisons(RESULTS[2:], ["nfield", "poisson"], ["poisson"])[0]["mean_ratio"] is None


def test_page() -> None:
    found = {
        "command": "nfield bench mesh", "complete": False, "absent": ["MeshLab is not there"],
        "options": {"seed": 0, "depths": (7, 6)}, "results": RESULTS,
        "methods": {"nfield": {"title": "nfield", "rules": "default"}, "poisson": {"title": "Poisson", "rules": "p"}},
        "means": {"3k-clean": comparisons(RESULTS, ["nfield", "poisson"], ["poisson"])},
        "machine": {"processor": "Example", "cores": 2, "device": "cpu", "system": "Linux", "load_before": 0.1,
                    "busy": True, "versions": {"nfield": "0"}},
    }  # fmt: skip
    page = markdown(found)
    for told in (
        "- MeshLab is not there.\n",
        "**Not finished: the scans so far.**",
        "The machine was busy",
        "| 3k-clean | nfield / Poisson | 2 | 0.80 | 0.75 | +0.0500 | 3.0 |",
        "| 3k-clean | a | nfield | 0.100000 | 0.50 | 0.9000 | 4 of 3,000 | - | 3.0 | 1,234 (200) | yes |",
        "| 3k-clean | a | Poisson | 0.200000 | 1.00 | 0.8000 | 4 of 3,000 | 7 | 3.0 | 1,234 (200) | yes |",
        "| 3k-clean | c | Poisson | - | - | - | - | - | - | - | - |",
        "the best of depths 6, 7, picked afterwards",
        "- 3k-clean, c: Poisson was stopped after 9 s.\n",
        "Ratio of means:",
        "(views-a.png)",
    ):
        assert told in page
    assert "None" not in page
    assert len({line.count("|") for line in page.split("## Every scan")[1].splitlines() if line.startswith("|")}) == 1


def test_pictures_stay_small_and_show_errors_on_one_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_pictures, "SIDES", (96, 48))
    write_views(tmp_path / "a.png", ball(), [("good", ball(1.01)), ("far off", ball(1.2))])
    picture = imageio.imread(tmp_path / "a.png").astype(int)
    assert picture.shape == (mesh_pictures.TITLE_HEIGHT + 2 * 96, 3 * 96, 3)
    good, bad = (picture[-48, 96 * column + 48] for column in (1, 2))
    assert good.sum() > bad.sum() + 100
    # With little room first colours go, then pixels.
    monkeypatch.setattr(mesh_pictures, "LARGEST_BYTES", 4000)
    write_views(tmp_path / "b.png", ball(), [("good", ball(1.01)), ("far off", ball(1.2))])
    assert imageio.imread(tmp_path / "b.png").shape[1] == 3 * 48


def test_names_of_pictures_are_safe() -> None:
    assert file_name("3k-clean", "a/b c$") == "views-3k-clean-a_b_c_.png"


def test_the_scale_ends_at_the_second_best() -> None:
    assert scale_top([np.full(9, 0.123), np.full(9, 5.0), np.full(9, 0.02)]) == 0.12
    assert scale_top([np.full(9, 0.02), np.full(3, np.nan)]) == 0.02
    assert scale_top([]) > 0


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A tiny case, and methods that make balls at once; returns the settings that they were run with."""
    runs: list[dict[str, Any]] = []

    def run(module: str, points: np.ndarray, settings: dict[str, Any], *, limit: float | None) -> Outcome:
        runs.append({"module": module, "points": len(points), "limit": limit, **settings})
        if "own" in module:
            return Outcome(made=[made(1.01)])
        return Outcome(made=[made(1.05, 6), made(1.02, 7)], why="crashed (SIGSEGV)")

    monkeypatch.setattr(suite, "run_worker", run)
    monkeypatch.setattr(mesh_pictures, "SIDES", (32,))
    monkeypatch.setitem(suite.CASES, "tiny", Case(points=100))
    monkeypatch.setitem(sys.modules, "pymeshlab", None)
    return runs


def options(**given: Any) -> MeshBenchOptions:
    return MeshBenchOptions(cases=("tiny",), samples=300, device="cpu", **given)


def test_a_run(tmp_path: Path, faked: list[dict[str, Any]]) -> None:
    shown = io.StringIO()
    found = bench_mesh(
        [ball(), ball()],
        options(anytime=True, peer_limit=7.0, own_limit=8.0),
        folder=tmp_path,
        command="x",
        progress=LineProgress(shown),
    )
    assert [(run["seconds"], run["limit"]) for run in faked[:3]] == [(None, 8.0), (5.0, 8.0), (None, 7.0)]
    assert {run["points"] for run in faked} == {100}
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "bench.json", "bench.md", "views-tiny-ball-2.png", "views-tiny-ball.png",
    ]  # fmt: skip
    assert found["complete"]
    pairs = [(mean["method"], mean["against"], mean["shapes"]) for mean in found["means"]["tiny"]]
    assert pairs == [("nfield", "poisson", 2), ("anytime", "poisson", 2)]
    entry = json.loads((tmp_path / "bench.json").read_text())["results"][0]
    assert entry["poisson"]["depth"] == 7
    assert entry["why"] == {"poisson": "crashed (SIGSEGV); depths 6, 7 were ready"}
    assert "pymeshlab is not installed" in (tmp_path / "bench.md").read_text()
    assert "tiny ball-2: Chamfer" in shown.getvalue()


def test_an_interrupted_run_keeps_its_scans(
    tmp_path: Path, faked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = suite.run_worker

    def interrupted(*given: Any, **more: Any) -> Outcome:
        if len(faked) == 3:  # within the second scan
            raise KeyboardInterrupt
        return run(*given, **more)

    monkeypatch.setattr(suite, "run_worker", interrupted)
    save_mesh(tmp_path / "ball.ply", ball())
    words = ["bench", "mesh", str(tmp_path / "ball.ply"), str(tmp_path / "ball.ply"), "--cases", "tiny"]
    out = tmp_path / "out"
    assert main([*words, "--samples", "300", "--out", str(out), "--quiet"]) == 130
    assert f"Interrupted after 1 of 2 scans; those are in '{out}'." in capsys.readouterr().err
    kept = json.loads((out / "bench.json").read_text())
    assert (len(kept["results"]), kept["complete"]) == (1, False)


def test_nfield_without_a_mesh_is_told(
    tmp_path: Path, faked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "run_worker", lambda *_, limit, **__: Outcome(made=[], why=None))
    shown = io.StringIO()
    found = bench_mesh([ball()], options(), folder=tmp_path, command="x", progress=LineProgress(shown))
    assert found["results"][0]["nfield"] is None
    assert "nfield made no surface that can be measured" in shown.getvalue()
    assert found["means"]["tiny"][0]["shapes"] == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"cases": ()}, "Name one case"),
        ({"cases": ("3k-claen",)}, "Did you mean '3k-clean'"),
        ({"depths": ()}, "--depths at least"),
        ({"depths": (8, 40)}, "--depths must lie between 2 and 12, but is 40"),
        ({"peer_limit": 0.0}, "--peer-limit"),
        ({"own_limit": -1.0}, "--own-limit"),
        ({"samples": 0}, "--samples"),
        ({"seconds": 0.0}, "--seconds"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_bad_options(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        MeshBenchOptions(**given)
