"""An equation in stages (`--stages`): the sum of networks, each for what those before it have left of the equation."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError, finite_or_none
from nfield.core.device import choose_device
from nfield.core.seeding import generator
from nfield.core.types import Evaluation
from nfield.encodings.identity import IdentityConfig
from nfield.equations.ansatz import Ansatz
from nfield.equations.consistency import check_problem
from nfield.equations.problem import Problem
from nfield.fields.solution import SolutionField
from nfield.fields.staged import StagedField
from nfield.fields.staged_solution import StagedSolution
from nfield.io.run_folder import RunFolder
from nfield.jobs.equation.config import check_same_run, solve_config
from nfield.jobs.equation.figures import solve_metrics
from nfield.jobs.equation.options import SolveOptions
from nfield.jobs.equation.outputs import write_solution_outputs
from nfield.jobs.equation.recipe import BASELINE_RATES, PLAIN, SolveRecipe
from nfield.jobs.equation.result import SolveResult
from nfield.jobs.equation.stages_task import EquationStages
from nfield.jobs.equation.task import PdeTask
from nfield.training.progress import Progress
from nfield.training.result import TrainingResult
from nfield.training.stages import StageRecord, StageSettings, fit_in_stages

NOT_OF_STAGES = ("preset", "encoding", "backbone", "encoding_settings", "backbone_settings", "least_squares")
"""Options that say what one network is like, which stages say themselves."""

STEPS = {1: (100, 30), 2: (0, 0)}
"""Of Adam and of the refinement, by dimension: in the plane the exact last layer of many neurons does nearly all, and
a step of second order for as many takes longer than a further stage."""


def stage_settings(options: SolveOptions, dimension: int) -> StageSettings:
    """How stages on so many coordinates are trained. Raises UserError for options of one network."""
    usual = SolveOptions()
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


def run_solve_stages(
    problem: Problem,
    source: str,
    options: SolveOptions,
    *,
    problem_file: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SolveResult:
    """Solve a linear problem in stages, and with the plain MLP beside it; as `run_solve`, which calls this.

    Stages are on the CPU. A run that was killed goes on in its stage; the plain MLP then begins anew.
    """
    began = time.perf_counter()
    settings = stage_settings(options, min(problem.dimension, 2))
    check_problem(problem, source, generator(options.seed, "check"))
    stages = EquationStages(problem)
    task = PdeTask(problem, Ansatz(problem), objective="residual", seed=options.seed)
    config = solve_config(
        problem, source, problem_file, options, task, exactly=(), by_loss=problem.conditions,
        recipe={"encoding": {"name": "identity"}, "backbone": {"name": "stages of sines"}, "learning_rate": None},
        device=torch.device("cpu"),
    )  # fmt: skip
    folder = None if out is None else RunFolder.create(out, resume=resume)
    if folder is not None:
        if folder.holds_run:
            earlier = folder.read_config()
            # Not the recipe and options: more stages may follow.
            check_same_run(earlier, config, folder.path, ("task", "source", "problem_file", "seed"))
            if earlier.get("options", {}).get("stages", 1) == 1:
                raise UserError(
                    f"'{folder.path}' holds a run of one network, which has no stages. Choose another --out."
                )
        folder.write_config(config)
    staged, records, reason = fit_in_stages(
        stages, settings, seed=options.seed, folder=folder, resume=resume and folder is not None, progress=progress
    )
    if not staged.stages:
        raise UserError("Nothing is to be solved: zero obeys the equation and all conditions.")
    config["stages"] = [dataclasses.asdict(network) for network in staged.configs]
    config["recipe"]["backbone"].update(widths=[network.width for network in staged.configs])
    lines = stage_lines(staged, [record for record in records if record.kept], problem, task, settings, folder)
    seconds = sum(record.seconds for record in records)
    trained = TrainingResult(
        history=lines, steps=lines[-1]["step"], seconds=seconds, diagnostics_seconds=0.0,
        elapsed_seconds=time.perf_counter() - began, finished=True, precision="float64", polished_from=None,
    )  # fmt: skip
    field = StagedSolution(staged, problem).requires_grad_(False).eval()
    result = SolveResult(
        field=field, config=config, history=lines, metrics={}, problem=problem,
        folder=None if folder is None else folder.path,
    )  # fmt: skip
    if folder is not None:
        written = len(folder.read_history("field"))
        for line in lines[written:]:
            folder.append_history(line)
        folder.save_weights("field", trained.steps, field.state_dict())
        folder.write_config(config)
    beside = None if not options.baseline else _plain(problem, source, options, folder, result, progress)
    metrics = solve_metrics(result, task, trained, task, None, options)
    metrics["stages"] = [dataclasses.asdict(record) for record in records]
    metrics["reason"] = reason
    if beside is not None:
        metrics["why"].pop("baseline", None)
        metrics["baseline"] = {key: beside[key] for key in beside if key not in ("baseline", "spectrum")}
        metrics["baseline"]["why"] = {key: why for key, why in beside["why"].items() if key != "baseline"}
        metrics["baseline"]["learning_rate"] = config["baseline_recipe"]["learning_rate"]
    result.metrics = finite_or_none(metrics)
    if folder is not None:
        write_solution_outputs(folder, result)
    result.metrics["seconds_total"] = time.perf_counter() - began
    if folder is not None:
        folder.write_metrics(result.metrics)
    return result


def _plain(
    problem: Problem,
    source: str,
    options: SolveOptions,
    folder: RunFolder | None,
    result: SolveResult,
    progress: Progress | None,
) -> dict[str, Any]:
    """Solve with the plain MLP at a tuned rate; its field goes to `result` and the folder. Returns its figures."""
    from nfield.jobs.equation.run import run_solve, tuned  # they call this file

    device = choose_device(options.device)
    ansatz = Ansatz(problem, hard=options.constraints == "hard")
    plain = SolveRecipe(encoding=IdentityConfig(), backbone=PLAIN, learning_rate=BASELINE_RATES[0])
    alone = dataclasses.replace(options, stages=1, preset="none", baseline=False, objective="residual")
    rate = tuned(plain, problem, ansatz, alone, device).learning_rate
    found = run_solve(problem, source, dataclasses.replace(alone, learning_rate=rate), progress=progress)
    lines = [{**line, "run": "baseline"} for line in found.history]
    if not isinstance(found.field, SolutionField):
        raise AssertionError("one network was asked for")
    result.baseline, result.history = found.field, [*result.history, *lines]
    result.config["baseline_recipe"] = found.config["recipe"]
    if folder is not None:
        for line in lines[len(folder.read_history("baseline")) :]:
            folder.append_history(line)
        folder.save_weights("baseline", found.metrics["steps"], found.field.state_dict())
        folder.write_config(result.config)
    return found.metrics


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
