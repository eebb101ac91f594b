"""An equation in stages (`--stages`): the sum of networks, each for the residual of those before it."""

import dataclasses
import time
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError, finite_or_none
from nfield.core.types import Evaluation
from nfield.equations.problem import Problem
from nfield.fields.staged import StagedField
from nfield.fields.staged_solution import StagedSolution
from nfield.io.run_folder import RunFolder
from nfield.jobs.equation.options import EquationOptions
from nfield.jobs.equation.stages_task import EquationStages
from nfield.jobs.equation.task import PdeTask
from nfield.jobs.run import Run, Side
from nfield.training.result import TrainingResult
from nfield.training.stages import StageRecord, StageSettings, fit_in_stages

NOT_OF_STAGES = ("preset", "encoding", "backbone", "encoding_settings", "backbone_settings", "least_squares")
"""Options that say what one network is like, which stages say themselves."""

STEPS = {1: (100, 30), 2: (0, 0)}
"""Of Adam and of the refinement, by dimension: in the plane the exact last layer of many neurons does nearly all, and
a step of second order for as many takes longer than a further stage."""


def stage_settings(options: EquationOptions, dimension: int) -> StageSettings:
    """How stages on so many coordinates are trained. Raises UserError for options of one network."""
    usual = EquationOptions()
    for name in NOT_OF_STAGES:
        if getattr(options, name) != getattr(usual, name):
            raise UserError(
                f"--stages chooses its own networks, and takes no --{name.replace('_settings', '').replace('_', '-')}. "
                "Leave one of them out."
            )
    if options.precision != "float64" or options.objective == "energy":
        raise UserError("--stages solves residuals in float64: leave out --precision and --objective.")
    adam_steps, refine_steps = STEPS[dimension]
    return StageSettings(
        stages=options.stages,
        seconds=options.seconds,
        adam_steps=adam_steps,
        refine_steps=refine_steps,
        checkpoint_seconds=options.checkpoint_seconds,
    )


def begin_stages(run: Run) -> EquationStages:
    """The equation as a job of stages. They are on the CPU, and the plain MLP beside them too.

    Raises UserError for options of one network, and for equations that stages cannot solve.
    """
    stage_settings(run.options, min(run.data.problem.dimension, 2))
    run.device = torch.device("cpu")
    return EquationStages(run.data.problem)


def fit_stages(run: Run, side: Side) -> None:
    """Solve in stages. A run that was killed goes on in its stage, and one that has finished with further stages."""
    began, problem, folder = time.perf_counter(), run.data.problem, run.folder
    settings = stage_settings(run.options, min(problem.dimension, 2))
    staged, records, reason = fit_in_stages(
        run.known.stages, settings, seed=run.options.seed, folder=folder, resume=run.resume, progress=run.progress
    )
    if not staged.stages:
        raise UserError("Nothing is to be solved: zero obeys the equation and all conditions.")
    lines = stage_lines(staged, [record for record in records if record.kept], problem, side.task, settings, folder)
    side.module = StagedSolution(staged, problem).requires_grad_(False).eval()
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
    run.config["stages"] = [dataclasses.asdict(network) for network in staged.configs]
    if folder is not None:
        for line in lines[len(folder.read_history("field")) :]:
            folder.append_history(line)
        folder.save_weights("field", side.trained.steps, side.module.state_dict())
        run.write_config()


def stage_lines(
    staged: StagedField,
    records: list[StageRecord],
    problem: Problem,
    task: PdeTask,
    settings: StageSettings,
    folder: RunFolder | None,
) -> list[dict[str, Any]]:
    """A line of the history before the first stage and after each that was kept, the sum so far measured anew.

    Pictures of the sums go to the folder.
    """
    lines, seconds = [], 0.0
    for count in range(len(records) + 1):
        if count:
            seconds += records[count - 1].seconds
        error = records[count - 1].error if count else 1.0
        if count:
            seen = task.evaluate(StagedSolution(staged.first(count), problem))
        else:
            seen = Evaluation(quality=0.0, band_errors=task.probe.band_errors(np.zeros(task.probe.shape)))
        step = count * (settings.adam_steps + settings.refine_steps + 1)
        if folder is not None and seen.snapshot is not None:
            folder.save_snapshot("field", step, seen.snapshot)
        line = {
            "run": "field",
            "step": step,
            "seconds": seconds,
            "loss": error**2,
            "losses": {"residual": error**2},
            task.quality_name: float(seen.quality),
            "bands": [None if band is None else float(band) for band in seen.band_errors],
            "learning_rate": None,
            "numbers": {name: float(value) for name, value in seen.numbers.items()},
        }
        lines.append(finite_or_none(line))
    return lines
