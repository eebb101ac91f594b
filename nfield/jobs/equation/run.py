"""A run that solves an equation: what the skeleton asks of the job."""

import math
from dataclasses import dataclass
from typing import Any

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.equations.ansatz import Ansatz
from nfield.equations.consistency import check_problem
from nfield.equations.problem import Problem, condition_name
from nfield.fields.solution import SolutionField
from nfield.jobs.equation.options import PLAIN, SMALL_PLAIN, EquationOptions
from nfield.jobs.equation.polish import check_linear
from nfield.jobs.equation.recipe import build_solution, equation_recipe, plain_recipe
from nfield.jobs.equation.scales import Tones, data_tones
from nfield.jobs.equation.stages import begin_stages, fit_stages
from nfield.jobs.equation.stages_task import EquationStages
from nfield.jobs.equation.task import PdeTask
from nfield.jobs.recipe import Recipe, Solved
from nfield.jobs.run import Run, Side, train
from nfield.training.last_layer import last_layer_names, solve_last_layer
from nfield.training.settings import TrainingSettings

POLISH_STEP = 20
"""Steps of Adam that one of the polisher counts as: it sees more points, several times."""
POLISH = 0.7
"""Share of the budget for the polisher, where it helps."""
LEVENBERG_PARAMETERS = 4000
"""With more numbers to learn, a step of Levenberg-Marquardt takes too long."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What there is to know of a problem."""

    ansatz: Ansatz
    tones: Tones | None = None
    """None where stages find their frequencies by themselves."""
    stages: EquationStages | None = None


def prepare(run: Run) -> Known:
    """Check the problem, and find the frequencies in its data."""
    problem, options = run.data.problem, run.options
    check_problem(problem, run.data.source, generator(options.seed, "check"))
    if options.stages > 1:
        return Known(ansatz=Ansatz(problem), stages=begin_stages(run))
    ansatz = Ansatz(problem, hard=options.constraints == "hard")
    return Known(ansatz=ansatz, tones=data_tones(problem, ansatz, options.seed))


def recipe(run: Run) -> Recipe:
    """The field's recipe."""
    known: Known = run.known
    if known.tones is None:
        return Recipe(encoding=Solved(name="identity"), backbone=Solved(name="stages of sines"), learning_rate=None)
    return equation_recipe(run.options.parts, known.tones, known.ansatz, run.options)


def plain(run: Run) -> Recipe:
    """The plain MLP's, of about the field's size where that is small."""
    module = run.sides["field"].module
    small = isinstance(module, SolutionField) and module.count_parameters() <= LEVENBERG_PARAMETERS
    return plain_recipe(SMALL_PLAIN if small else PLAIN, run.job.tuning.rates[0])


def entries(run: Run) -> dict[str, Any]:
    """The equation and how its conditions are met."""
    problem, known, task = run.data.problem, run.known, run.sides["field"].task
    exactly, by_loss = known.ansatz.hard, known.ansatz.soft
    if known.stages is not None:
        exactly, by_loss = (), problem.conditions
    found = {
        "quality_name": task.quality_name,
        "problem_file": run.data.text,
        "equation": problem.equation,
        "coordinates": {
            name: [low, high] for name, low, high in zip(problem.names, problem.low, problem.high, strict=True)
        },
        "objective": task.objective,
        "met_exactly": [condition_name(c, problem) for c in exactly],
        "met_by_loss": [condition_name(c, problem) for c in by_loss],
    }
    if known.tones is not None:
        found["tones"] = {n: list(f) for n, f in zip(problem.names, known.tones.per_axis, strict=True)}
    return found


def earlier(config: dict[str, Any]) -> dict[str, Any]:
    """What a run of before wrote, as it would be written now: widths of stages stand with the stages."""
    recipe = config.get("recipe")
    if not isinstance(recipe, dict) or not isinstance(recipe.get("backbone"), dict):
        return config
    kept = {name: value for name, value in recipe["backbone"].items() if name != "widths"}
    return {**config, "recipe": {**recipe, "backbone": kept}}


def objective_of(problem: Problem, options: EquationOptions) -> str:
    """Residual or energy: what was asked for, or the energy where the problem has one."""
    if options.stages > 1:
        return "residual"
    if options.objective != "auto":
        return options.objective
    return "residual" if problem.energy is None else "energy"


def task(run: Run, name: str, recipe: Recipe) -> PdeTask:
    """Batches of points; trials of rates weigh their loss terms alike, so that these can be compared."""
    options, problem = run.options, run.data.problem
    if run.known.stages is not None and name == "field":
        return PdeTask(problem, run.known.ansatz, objective="residual", seed=options.seed)
    return PdeTask(
        problem,
        run.known.ansatz,
        objective=objective_of(problem, options),
        points=options.points,
        boundary_points=options.boundary_points,
        sampler=options.sampler,
        balance="none" if name == "tuning" else options.balance,
        penalty=options.penalty,
        finisher=solve_last_layer if options.least_squares and name == "field" else None,
        seed=options.seed,
    )


def build(run: Run, recipe: Recipe, task: PdeTask) -> SolutionField | None:
    """The field; None where stages build their own. Raises UserError where it lacks derivatives that are needed."""
    if isinstance(recipe.backbone, Solved):
        return None
    field = build_solution(recipe, run.known.ansatz, len(task.terms), run.options.seed)
    task.check_field(field)
    if task.finisher is not None:
        if task.objective == "energy":
            raise UserError("--least-squares solves residuals, not energies. Add --objective residual.")
        check_linear(task, field, last_layer_names(field), generator(run.options.seed, "linear"))
    return field


def fit(run: Run, side: Side) -> None:
    """Train a side, the field in stages where these are asked for."""
    if side.module is None:
        fit_stages(run, side)
    else:
        train(run, side)


def polisher_of(options: EquationOptions, parameters: int) -> str:
    """What was asked for, or Levenberg-Marquardt for networks small enough."""
    if options.polisher != "auto":
        return options.polisher
    return "levenberg" if parameters <= LEVENBERG_PARAMETERS else "lbfgs"


def polish_of(options: EquationOptions, objective: str, parameters: int) -> float:
    """The share of the budget for the polisher: what was asked for, or where it helps a network of so many parameters.

    L-BFGS needs fixed points, and larger networks fit these in place of the equation: on poisson-many-scale 200 seconds
    with it end at an error of 4.8e-2, and of Adam alone at 3.3e-2.
    """
    if objective != "residual":
        return 0.0
    if options.polish is not None:
        return options.polish
    return POLISH if parameters <= LEVENBERG_PARAMETERS or options.polisher != "auto" else 0.0


def polished_from(run: Run, side: Side) -> int | None:
    """The step from which on the polisher was at work in the run that is to go on."""
    saved = run.folder.load_checkpoint(side.name) if run.folder is not None and run.resume else None
    return None if saved is None else saved.state["training"]["counters"].get("polished_from")


def settings(run: Run, side: Side) -> TrainingSettings:
    """How a network is trained: by Adam, then in the rest of the budget by the polisher."""
    options, task, parameters = run.options, side.task, side.module.count_parameters()
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
        begun = polished_from(run, side)
        if begun is not None and begun < first:
            # A run that goes on with more steps has its polisher already, and keeps it.
            steps = begun + max(last, round((options.effective_steps - begun) / POLISH_STEP))
            last = steps - begun
        # Half a step more, so that rounding does not decide where the last share begins.
        polish = (last + 0.5) / steps if last else 0.0
    return TrainingSettings(
        steps=steps,
        seconds=options.seconds,
        polish=polish,
        polisher=polisher_of(options, parameters),
        learning_rate=side.recipe.learning_rate,
        schedule=options.schedule,
        warmup_steps=options.warmup_steps,
        precision=options.precision,
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=evaluations,
    )
