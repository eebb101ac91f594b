"""The experiment that solves an equation: from a problem and options to a solution beside the plain MLP's."""

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from nfield.core.checks import UserError
from nfield.core.device import choose_device
from nfield.core.moving import move
from nfield.core.seeding import generator
from nfield.encodings.identity import IdentityConfig
from nfield.equations.ansatz import Ansatz
from nfield.equations.consistency import check_problem
from nfield.equations.problem import Problem
from nfield.fields.solution import SolutionField
from nfield.io.run_folder import RunFolder
from nfield.jobs.equation.config import check_same_run, solve_config
from nfield.jobs.equation.figures import solve_metrics
from nfield.jobs.equation.options import SolveOptions
from nfield.jobs.equation.outputs import write_solution_outputs
from nfield.jobs.equation.polish import check_linear
from nfield.jobs.equation.recipe import (
    BASELINE_RATES,
    PLAIN,
    SMALL_PLAIN,
    SolveRecipe,
    build_solution,
    solve_parts,
    solve_recipe,
)
from nfield.jobs.equation.result import SolveResult, describe_solve
from nfield.jobs.equation.scales import data_tones
from nfield.jobs.equation.stages import run_solve_stages
from nfield.jobs.equation.task import PdeTask
from nfield.training.last_layer import last_layer_names, solve_last_layer
from nfield.training.loop import TrainingResult, fit
from nfield.training.progress import Progress
from nfield.training.settings import TrainingSettings

TUNING_STEPS = 60
POLISH_STEP = 20
"""Steps of Adam that one of the polisher counts as: it sees more points, several times."""
POLISH = 0.7
"""Share of the budget for the polisher, where it helps."""
LEVENBERG_PARAMETERS = 4000
"""With more numbers to learn, a step of Levenberg-Marquardt takes too long."""


def objective_of(problem: Problem, options: SolveOptions) -> str:
    """Residual or energy: what was asked for, or the energy where the problem has one."""
    if options.objective != "auto":
        return options.objective
    return "residual" if problem.energy is None else "energy"


def make_task(problem: Problem, ansatz: Ansatz, options: SolveOptions) -> PdeTask:
    """The task of one side."""
    return PdeTask(
        problem,
        ansatz,
        objective=objective_of(problem, options),
        points=options.points,
        boundary_points=options.boundary_points,
        sampler=options.sampler,
        balance=options.balance,
        penalty=options.penalty,
        finisher=solve_last_layer if options.least_squares else None,
        seed=options.seed,
    )


def polisher_of(options: SolveOptions, parameters: int) -> str:
    """What was asked for, or Levenberg-Marquardt for networks small enough."""
    if options.polisher != "auto":
        return options.polisher
    return "levenberg" if parameters <= LEVENBERG_PARAMETERS else "lbfgs"


def polish_of(options: SolveOptions, objective: str, parameters: int) -> float:
    """The share of the budget for the polisher: what was asked for, or where it helps a network of so many parameters.

    L-BFGS needs fixed points, and larger networks fit these in place of the equation: on poisson-many-scale 200 seconds
    with it end at an error of 4.8e-2, and of Adam alone at 3.3e-2.
    """
    if objective != "residual":
        return 0.0
    if options.polish is not None:
        return options.polish
    return POLISH if parameters <= LEVENBERG_PARAMETERS or options.polisher != "auto" else 0.0


def solve_settings(options: SolveOptions, task: PdeTask, rate: float, parameters: int) -> TrainingSettings:
    """How a network of so many parameters is trained: by Adam, then in the rest of the budget by the polisher."""
    polish = polish_of(options, task.objective, parameters)
    steps = options.effective_steps
    evaluations = options.evaluations
    if steps is not None:
        # A point on the grid costs about a tenth of one of training, where derivatives are taken; 4 % are for looking.
        cost = math.prod(task.probe.shape) / (10 * task.points)
        evaluations = max(6, min(evaluations, int(0.04 * steps / cost)))
        first = max(1, round((1 - polish) * steps))
        last = max(1, round(polish * steps / POLISH_STEP)) if polish else 0
        steps = first + last
        # Half a step more, so that rounding does not decide where the last share begins.
        polish = (last + 0.5) / steps if last else 0.0
    return TrainingSettings(
        steps=steps,
        seconds=options.seconds,
        polish=polish,
        polisher=polisher_of(options, parameters),
        learning_rate=rate,
        schedule=options.schedule,
        warmup_steps=options.warmup_steps,
        precision=options.precision,
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=evaluations,
    )


def tuned(recipe: SolveRecipe, problem: Problem, ansatz: Ansatz, options: SolveOptions, device: torch.device) -> Any:
    """The recipe with the rate, out of three, that lowers the loss most over a few steps of its own."""
    losses = {}
    for rate in BASELINE_RATES:
        task = make_task(problem, ansatz, replace(options, balance="none", least_squares=False))
        field = build_solution(recipe, ansatz, len(task.terms), options.seed)
        settings = TrainingSettings(
            steps=TUNING_STEPS, learning_rate=rate, warmup_steps=10, evaluations=2, precision=options.precision
        )
        draw = generator(options.seed, "tuning")
        fit(field, task, settings, generator=draw, device=device)
        batches = [move(task.batch(draw), device, field.weights.dtype) for _ in range(4)]
        found = [sum(float(v.detach()) for v in task.losses(field, batch).values()) for batch in batches]
        losses[rate] = sum(found)
    best = min(losses, key=lambda rate: losses[rate] if math.isfinite(losses[rate]) else math.inf)
    return replace(recipe, learning_rate=best)


def run_solve(
    problem: Problem,
    source: str,
    options: SolveOptions | None = None,
    *,
    problem_file: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SolveResult:
    """Solve a problem, and with the plain MLP beside it; write the run folder where `out` is given.

    `source` is its name, or the path of the file whose text is `problem_file`.
    """
    began = time.perf_counter()
    options = options or SolveOptions()
    if options.stages > 1:
        return run_solve_stages(
            problem, source, options, problem_file=problem_file, out=out, resume=resume, progress=progress
        )
    device = choose_device(options.device)
    check_problem(problem, source, generator(options.seed, "check"))
    ansatz = Ansatz(problem, hard=options.constraints == "hard")
    tones = data_tones(problem, ansatz, options.seed)
    recipe = solve_recipe(
        solve_parts(options.preset, options.encoding, options.backbone),
        tones,
        ansatz,
        options.encoding_settings,
        options.backbone_settings,
    )
    if options.learning_rate is not None:
        recipe = replace(recipe, learning_rate=options.learning_rate)
    task = make_task(problem, ansatz, options)
    field = build_solution(recipe, ansatz, len(task.terms), options.seed)
    task.check_field(field)
    if options.least_squares:
        if task.objective == "energy":
            raise UserError("--least-squares solves residuals, not energies. Add --objective residual.")
        check_linear(task, field, last_layer_names(field), generator(options.seed, "linear"))
    config = solve_config(
        problem,
        source,
        problem_file,
        options,
        task,
        exactly=ansatz.hard,
        by_loss=ansatz.soft,
        recipe=describe_solve(recipe),
        device=device,
    )
    config["tones"] = {name: list(found) for name, found in zip(problem.names, tones.per_axis, strict=True)}
    folder = None if out is None else RunFolder.create(out, resume=resume)
    if folder is not None:
        if folder.holds_run:
            earlier = folder.read_config()
            check_same_run(earlier, config, folder.path, ("task", "source", "problem_file", "recipe", "seed"))
            config["baseline_recipe"] = earlier["baseline_recipe"]
        folder.write_config(config)

    def train(name: str, member: SolutionField, job: PdeTask, rate: float, started: float) -> TrainingResult:
        return fit(
            member,
            job,
            solve_settings(options, job, rate, member.count_parameters()),
            generator=generator(options.seed, f"{name} batches"),
            run=name,
            folder=folder,
            resume=resume,
            progress=progress,
            started=started,
            device=device,
        )

    trained = train("field", field, task, recipe.learning_rate, began)
    other, other_trained, other_task = None, None, make_task(problem, ansatz, replace(options, least_squares=False))
    if options.baseline:
        small = field.count_parameters() <= LEVENBERG_PARAMETERS
        network = SMALL_PLAIN if small else PLAIN
        plain = SolveRecipe(encoding=IdentityConfig(), backbone=network, learning_rate=BASELINE_RATES[0])
        if config["baseline_recipe"] is None:
            if progress is not None:
                progress.note("Tuning the baseline's learning rate")
            plain = tuned(plain, problem, ansatz, options, device)
            config["baseline_recipe"] = describe_solve(plain)
            if folder is not None:
                folder.write_config(config)
        else:
            plain = replace(plain, learning_rate=config["baseline_recipe"]["learning_rate"])
        other = build_solution(plain, ansatz, len(other_task.terms), options.seed)
        other_trained = train("baseline", other, other_task, plain.learning_rate, time.perf_counter())
    result = SolveResult(
        field=field.eval(),
        baseline=None if other is None else other.eval(),
        config=config,
        history=trained.history + ([] if other_trained is None else other_trained.history),
        metrics={},
        problem=problem,
        folder=None if folder is None else folder.path,
    )
    result.metrics = solve_metrics(result, task, trained, other_task, other_trained, options)
    if folder is not None:
        write_solution_outputs(folder, result)
    result.metrics["seconds_total"] = time.perf_counter() - began
    if folder is not None:
        folder.write_metrics(result.metrics)
    return result
