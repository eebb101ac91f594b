"""A run that fits a signal in stages: what the skeleton asks of the job."""

import dataclasses
import time
from typing import Any

import torch

from nfield.core.types import Evaluation
from nfield.fields.staged import StagedField
from nfield.jobs.recipe import Recipe, Solved
from nfield.jobs.run import Run, Side, train
from nfield.jobs.signal.options import FREE_ON_RESUME
from nfield.jobs.signal.recipe import ScaledField, build_plain, plain_recipe, stages_recipe
from nfield.jobs.signal.task import SignalTask
from nfield.training.result import TrainingResult
from nfield.training.settings import TrainingSettings
from nfield.training.stages import StageSettings, fit_in_stages, stage_lines

BATCH = 4096
"""Samples of a step of the plain MLP."""


def prepare(run: Run) -> StageSettings:
    """How the stages are trained. They are on the CPU, and the plain MLP beside them too."""
    run.device = torch.device("cpu")
    return StageSettings(**run.options.settings())


def recipe(run: Run) -> Recipe:
    """What stands for stages."""
    return stages_recipe()


def plain(run: Run) -> Recipe:
    """The plain MLP's."""
    return plain_recipe(run.data.problem.in_dim)


def entries(run: Run) -> dict[str, Any]:
    """Domain and settings."""
    problem, box = run.data.problem, run.data.box
    return {
        "in_dim": problem.in_dim,
        "out_dim": problem.out_dim,
        "low": list(box.low),
        "high": list(box.high),
        "settings": _kept(dataclasses.asdict(run.known)),
        "source_options": dict(run.data.options),
    }


def _kept(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in FREE_ON_RESUME}


def earlier(config: dict[str, Any]) -> dict[str, Any]:
    """What a run of before wrote, as it would be written now."""
    usual: dict[str, Any] = {
        "source": "signal",
        "recipe": stages_recipe().entries(),
        "baseline_recipe": None,
        "options": {},
        "device": "cpu",
        "versions": {},
    }
    return {**usual, **config, "settings": _kept(config.get("settings", {}))}


def task(run: Run, name: str, recipe: Recipe) -> SignalTask:
    """Batches of the samples that the first stage has, or of a function's grid."""
    points, values = run.data.problem.samples()
    return SignalTask(points, values, run.data.problem.probe, batch_size=BATCH)


def build(run: Run, recipe: Recipe, task: SignalTask) -> ScaledField | None:
    """The plain MLP; None for stages, which build their own networks."""
    if isinstance(recipe.backbone, Solved):
        return None
    problem = run.data.problem
    return build_plain(recipe, problem.in_dim, problem.out_dim, problem.size, run.options.seed)


def settings(run: Run, side: Side) -> TrainingSettings:
    """How the plain MLP is trained."""
    options = run.options
    return TrainingSettings(
        steps=options.effective_steps,
        seconds=options.seconds,
        learning_rate=side.recipe.learning_rate,
        warmup_steps=50,
        precision="float64",
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=options.evaluations,
    )


def fit(run: Run, side: Side) -> None:
    """The stages one after the other, or the plain MLP by the one loop."""
    if side.module is not None:
        train(run, side)
        return
    began, folder = time.perf_counter(), run.folder
    staged, records, reason = fit_in_stages(
        run.data.problem,
        run.known,
        seed=run.options.seed,
        folder=folder,
        resume=run.resume,
        progress=run.progress,
    )
    task: SignalTask = side.task

    def measured(field: StagedField) -> Evaluation:
        with torch.no_grad():
            return task.evaluate(field)

    kept = [record for record in records if record.kept]
    lines = stage_lines(staged, kept, run.known, task.quality_name, measured)
    side.module = staged.requires_grad_(False).eval()
    side.trained = TrainingResult(
        history=lines,
        steps=lines[-1]["step"],
        seconds=sum(record.seconds for record in records),
        diagnostics_seconds=0.0,
        elapsed_seconds=time.perf_counter() - began,
        finished=True,
        precision="float64",
        polished_from=None,
    )
    side.found = {"stages": [dataclasses.asdict(record) for record in records], "reason": reason}
    run.config["networks"] = [dataclasses.asdict(network) for network in staged.configs]
    if folder is not None:
        for line in lines[len(folder.read_history("field")) :]:
            folder.append_history(line)
        folder.save_weights("field", side.trained.steps, side.module.state_dict())
        run.write_config()
