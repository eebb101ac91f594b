"""An equation in stages (`--stages`): the sum of networks, each for the residual of those before it."""

import dataclasses
import time

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.types import Evaluation
from nfield.fields.staged import StagedField
from nfield.fields.staged_solution import StagedSolution
from nfield.jobs.equation.options import EquationOptions
from nfield.jobs.equation.stages_task import EquationStages
from nfield.jobs.run import Run, Side
from nfield.training.result import TrainingResult
from nfield.training.stages import StageSettings, fit_in_stages, stage_lines

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
    kept, task = [record for record in records if record.kept], side.task

    def measured(field: StagedField) -> Evaluation:
        if not field.stages:
            return Evaluation(quality=0.0, band_errors=task.probe.band_errors(np.zeros(task.probe.shape)))
        seen: Evaluation = task.evaluate(StagedSolution(field, problem))
        return seen

    lines = stage_lines(staged, kept, settings, task.quality_name, measured, folder)
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
