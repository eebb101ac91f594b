"""What holds for every job alike: options, run folders, resuming, opening again, and whose time is whose."""

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from short_runs import tune_briefly

import nfield as nf
from nfield.cli import main
from nfield.core.cloud import PointCloud
from nfield.core.image import Image
from nfield.jobs import keywords
from nfield.jobs.equation.source import problem_data
from nfield.jobs.image.source import ImageData
from nfield.jobs.job import Job
from nfield.jobs.options import options_from
from nfield.jobs.page import write_report
from nfield.jobs.run import run
from nfield.jobs.signal.problems import Box, grid_problem
from nfield.jobs.signal.source import SignalData
from nfield.jobs.surface.source import SurfaceData
from nfield.jobs.table import JOBS
from nfield.jobs.views.source import ViewsData
from nfield.scenes.scene_files import load_scene
from nfield.scenes.toy_views import toy_views

EVERY = pytest.mark.parametrize("job", JOBS.values(), ids=lambda job: job.name)


def picture() -> ImageData:
    rows, columns = np.mgrid[:12, :16]
    return ImageData(image=Image.from_array((127 + 100 * np.sin(rows * columns / 9)).astype(np.uint8)))


def ball() -> SurfaceData:
    points = np.random.default_rng(0).normal(size=(200, 3))
    return SurfaceData(cloud=PointCloud.from_arrays(points / np.linalg.norm(points, axis=1, keepdims=True)))


def scene() -> ViewsData:
    return ViewsData(views=toy_views(load_scene("checkered-sphere"), 12, 3, 1, supersample=1))


def wave() -> SignalData:
    problem = grid_problem(np.sin(np.linspace(0, 6, 40)), channels_last=False, periodic=False, seed=0)
    return SignalData(problem=problem, box=Box.of(-1.0, 1.0, 1))


DATA: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "image": (picture, {}),
    "surface": (ball, {"resolution": 16}),
    "views": (scene, {"encoding_settings": {"levels": 2, "finest": 16}, "samples": 256, "frames": 0}),
    "equation": (lambda: problem_data("heat"), {"points": 16, "backbone_settings": {"width": 6}}),
    "signal": (wave, {"stages": 1, "width": 4, "adam_steps": 3, "refine_steps": 2}),
}
"""Data and options of the shortest runs."""


def options_of(job: Job, **more: Any) -> Any:
    return options_from(job.options, {"steps": 3, "evaluations": 2, "seed": 5, **DATA[job.name][1], **more})


def fitted(job: Job, out: Path | None, *, resume: bool = False, **more: Any) -> Any:
    return run(job, DATA[job.name][0](), options_of(job, **more), out=out, resume=resume)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def brief() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nfield.jobs.surface.task.PROBE_NODES", 12)
        tune_briefly(patch)
        yield


@pytest.fixture(scope="module")
def finished(brief: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Job], Path]:
    """The folder of one finished run of each job, which no test changes."""
    folders: dict[str, Path] = {}

    def of(job: Job) -> Path:
        if job.name not in folders:
            folder = tmp_path_factory.mktemp(job.name) / "run"
            fitted(JOBS[job.name], folder)
            folders[job.name] = folder
        return folders[job.name]

    return of


# Options -----------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"step": 3}, r"Unknown option 'step'\. Did you mean 'steps'\?"),
        ({"evaluation": 3}, r"Unknown option 'evaluation'\. Did you mean 'evaluations'\?"),
        ({"preset": "nome"}, "Unknown preset 'nome'"),
        ({"encoding": "gausian"}, r"Unknown encoding 'gausian'\. Did you mean 'gaussian'\?"),
        ({"backbone": "siern"}, r"Unknown backbone 'siern'\. Did you mean 'siren'\?"),
        ({"precision": "float63"}, r"Unknown value of --precision 'float63'\. Did you mean 'float64'\?"),
        ({"steps": "3"}, "--steps must be a whole number, but is '3'"),
        ({"steps": 2.5}, r"--steps must be a whole number, but is 2\.5"),
        ({"steps": True}, "--steps must be a whole number, but is True"),
        ({"seconds": "1"}, "--seconds must be a number, but is '1'"),
        ({"baseline": 1}, "--baseline must be true or false, but is 1"),
        ({"preset": 3}, "--preset must be a text, but is 3"),
        ({"encoding_settings": 3}, "--encoding-settings must be settings by name, but is 3"),
        ({"steps": 0}, "--steps must be at least 1, but is 0"),
        ({"evaluations": 1}, "--evaluations must be at least 2, but is 1"),
        ({"seed": -1}, "--seed must be at least 0, but is -1"),
        ({"checkpoint_seconds": -1.0}, "--checkpoint-seconds must be at least 0"),
        ({"seconds": 0.0}, "--seconds must be a positive number, but is 0"),
        ({"seconds": float("nan")}, "--seconds must be a positive number, but is nan"),
        ({"learning_rate": -1.0}, "--learning-rate must be a positive number"),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_told_at_once(job: Job, given: dict[str, Any], message: str) -> None:
    with pytest.raises(nf.UserError, match=message):
        options_from(job.options, given)


@EVERY
def test_every_bound_of_an_option_holds(job: Job) -> None:
    for name, least in job.options.LEAST.items():
        with pytest.raises(nf.UserError, match=f"--{name.replace('_', '-')} must be at least {least}"):
            options_from(job.options, {name: least - 1})
    for name in job.options.POSITIVE:
        with pytest.raises(nf.UserError, match=f"--{name.replace('_', '-')} must be a positive number"):
            options_from(job.options, {name: 0.0})


@EVERY
def test_keywords_of_the_python_function_are_the_options(job: Job) -> None:
    kinds = {name.removesuffix("Keywords").lower(): kind for name, kind in vars(keywords).items() if "Keywords" in name}
    if job.name not in kinds:
        pytest.skip("its function takes other settings")
    fields = {field.name for field in dataclasses.fields(job.options)}
    # Normals are an argument of their own.
    assert set(kinds[job.name].__annotations__) == fields - ({"normals"} if job.name == "surface" else set())


# Run folders -------------------------------------------------------------------------------------------

CONFIG = {
    "task", "source", "quality_name", "options", "recipe", "baseline_recipe", "seed", "device", "versions", "bands",
}  # fmt: skip
METRICS = {
    "task", "seconds_fit", "seconds_total", "diagnostics_seconds", "diagnostics_share", "steps", "precision", "device",
    "seed", "band_threshold", "bands", "order_spearman", "nyquist", "parameters", "why",
}  # fmt: skip


@EVERY
def test_the_run_folder_holds_what_every_job_promises(job: Job, finished: Callable[[Job], Path]) -> None:
    folder = finished(job)
    config, metrics = (json.loads((folder / f"{name}.json").read_text()) for name in ("config", "metrics"))
    assert set(config) >= CONFIG
    assert config["task"] == metrics["task"] == job.name
    assert options_from(job.options, config["options"]) == options_of(job)
    assert set(metrics) >= METRICS | {"baseline", "seconds_command"}
    assert set(metrics["baseline"]) >= METRICS | {"learning_rate"}
    assert metrics["baseline"]["learning_rate"] == config["baseline_recipe"]["learning_rate"] > 0
    assert (metrics["seed"], metrics["baseline"]["seed"], config["seed"]) == (5, 5, 5)
    assert len(metrics["bands"]) == len(config["bands"]) == len(metrics["baseline"]["bands"]) > 0
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    # Stages have a line for each of their trainings too.
    assert {line["run"] for line in lines if not line["run"].startswith("stage-")} == {"field", "baseline"}
    assert all(line[config["quality_name"]] is not None for line in lines)
    assert {path.name.split("-")[0] for path in (folder / "checkpoint").glob("*.safetensors")} >= {"field", "baseline"}
    assert any((folder / "outputs").iterdir())


@EVERY
def test_a_report_leaves_all_other_files_as_they_are(job: Job, finished: Callable[[Job], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(finished(job), tmp_path / "run")
    before = files(folder)
    write_report(folder)
    after = files(folder)
    assert "Which frequencies were learned" in after.pop("report.html").decode()
    assert after == before


@EVERY
def test_the_same_seed_gives_the_same_files(job: Job, finished: Callable[[Job], Path], tmp_path: Path) -> None:
    fitted(job, tmp_path / "again")
    one, other = files(finished(job)), files(tmp_path / "again")
    kept = {name for name in one if name.endswith(".safetensors") or name.startswith("outputs/")}
    assert kept == {name for name in other if name.endswith(".safetensors") or name.startswith("outputs/")}
    assert [name for name in sorted(kept) if one[name] != other[name]] == []


@EVERY
def test_it_opens_again_and_a_copy_of_it_too(job: Job, finished: Callable[[Job], Path], tmp_path: Path) -> None:
    """Oracle: the weights in the folder, and what its files say."""
    folder = finished(job)
    result = nf.load(folder)
    assert isinstance(result, nf.Result)
    assert result.job is JOBS[job.name]
    assert result.metrics == json.loads((folder / "metrics.json").read_text())
    assert len(result.history) == len((folder / "history.jsonl").read_text().splitlines())
    assert len(result.bands) == len(result.metrics["bands"])
    copy = nf.load(result.save(tmp_path / "copy"))
    for name in ("field", "baseline"):
        newest = safetensors.torch.load_file(max((folder / "checkpoint").glob(f"{name}-*.safetensors")))
        for opened in (result, copy):
            state = job.module(getattr(opened, name)).state_dict()
            assert set(state) == set(newest)
            assert all(torch.equal(state[key], newest[key]) for key in newest)
    with pytest.raises(nf.UserError, match="already holds a run"):
        result.save(tmp_path / "copy")


@EVERY
def test_a_finished_run_is_not_trained_again(job: Job, finished: Callable[[Job], Path], tmp_path: Path) -> None:
    folder = shutil.copytree(finished(job), tmp_path / "run")
    before = files(folder)
    fitted(job, folder, resume=True)
    after = files(folder)
    # Splines are solved for anew: the same in other seconds.
    told = [
        sorted(json.dumps({**json.loads(line), "seconds": 0}) for line in of["history.jsonl"].splitlines())
        for of in (before, after)
    ]
    assert told[0] == told[1]
    assert after["config.json"] == before["config.json"]
    assert {k: v for k, v in after.items() if "safetensors" in k} == {
        k: v for k, v in before.items() if "safetensors" in k
    }


@EVERY
def test_another_run_is_neither_continued_nor_replaced(
    job: Job, finished: Callable[[Job], Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(finished(job), tmp_path / "run")
    before = files(folder)
    with pytest.raises(nf.UserError, match="already holds a run"):
        fitted(job, folder)
    with pytest.raises(nf.UserError, match=r"holds a run with another seed \(5, now 6\), so it cannot be continued"):
        fitted(job, folder, resume=True, seed=6)
    assert files(folder) == before
    config = json.loads(before["config.json"])
    for name, other in (("source", "something else"), ("task", next(n for n in JOBS if n != job.name))):
        (folder / "config.json").write_text(json.dumps({**config, name: other}))
        with pytest.raises(nf.UserError, match=rf"holds a run with another {name} \({other}, now"):
            fitted(job, folder, resume=True)


@EVERY
@pytest.mark.parametrize("lost", ["recipe", "options", "source", "versions"])
def test_a_damaged_config_is_one_message(
    job: Job, lost: str, finished: Callable[[Job], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not needed may be missing, such as the recipe of stages; else there is one line and no other error."""
    folder = shutil.copytree(finished(job), tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    for wrong in ({k: v for k, v in config.items() if k != lost}, {**config, lost: None}, {**config, lost: 3}):
        (folder / "config.json").write_text(json.dumps(wrong))
        if lost == "recipe" and job.name != "signal":
            with pytest.raises(nf.UserError, match=r"config\.json|checkpoint"):
                nf.load(folder)
        else:
            with contextlib.suppress(nf.UserError):
                nf.load(folder)
        capsys.readouterr()
        code = main(["info", str(folder)])
        told = capsys.readouterr().err
        assert code in (0, 2)
        assert "Traceback" not in told
        assert len(told.splitlines()) == (1 if code else 0)


@pytest.mark.parametrize("name", ["image", "views", "equation"])
def test_weights_that_do_not_fit_the_config_are_told(
    name: str, finished: Callable[[Job], Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(finished(JOBS[name]), tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    config["recipe"]["backbone"]["width"] += 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        nf.UserError, match=r"config\.json' is damaged: its recipe does not fit the weights\. Put the file back"
    ):
        nf.load(folder)


# Time --------------------------------------------------------------------------------------------------


@EVERY
def test_each_side_has_its_own_time_and_the_command_the_whole(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of preparing, which both sides share, is in neither's."""
    shared, prepare = 0.5, job.prepare

    def slowly(this: Any) -> Any:
        time.sleep(shared)
        return prepare(this)

    # Splines count what their smoothing is judged by; a network does not.
    more = {"preset": "siren", "backbone_settings": {"width": 8}} if job.name == "surface" else {}
    metrics = fitted(dataclasses.replace(JOBS[job.name], prepare=slowly), None, **more).metrics
    sides = (metrics, metrics["baseline"])
    for side in sides:
        assert side["seconds_total"] >= side["seconds_fit"] + side["diagnostics_seconds"] > 0
        assert side["diagnostics_share"] == pytest.approx(side["diagnostics_seconds"] / side["seconds_fit"])
    assert metrics["seconds_command"] >= sum(side["seconds_total"] for side in sides) + shared
