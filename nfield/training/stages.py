"""`fit` repeated on the residual: the engine of multi-stage networks, for any job with residuals.

Notation (Wang & Lai, arXiv 2307.08934): u_n, the network of stage n; ε_n, the size of the residual before it; f_n its
dominant frequency, in cycles per unit of the coordinates in [−1, 1]^d; κ_n = 2π f_n, the reach of its first layer.

What a job has to say is a `StageProblem`: the task of the next stage, made from the field so far. Each stage is two
runs of `fit`, "stage-n-adam" and "stage-n-refine", with the last layer solved exactly in between. Both have
checkpoints, and everything between them is a function of the weights: a run that was killed goes on in the stage that
it was in.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nfield.core.checks import at_least, choice, finite_or_none, positive
from nfield.core.seeding import generator as seeded
from nfield.core.types import Evaluation
from nfield.fields.base import Field
from nfield.fields.stage_plan import StagePlan, StageProblem
from nfield.fields.staged import StageConfig, StagedField
from nfield.io.run_folder import RunFolder
from nfield.spectral.residual import LEAST_KAPPA
from nfield.training.last_layer import solve_last_layer
from nfield.training.levenberg import MOST_PARAMETERS
from nfield.training.loop import fit
from nfield.training.progress import Progress
from nfield.training.settings import TrainingSettings

WIDTHS = {1: (20, 160), 2: (150, 600), 3: (300, 900)}
"""Neurons of the first stage and the most of any, by dimension: each stage has twice as many as the one before."""
LARGEST_WEIGHTS = 30.0
"""Norm of the first stage's last layer, at the most: values come out with a rounding of so many times 1e-16."""
NETWORKS = {"sine": 0, "mscale": 6}
"""Kinds of networks, and the groups of first neurons with scales of their own."""
REFINERS = ("auto", "levenberg", "lbfgs")


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """How many stages, and how each of them is trained."""

    stages: int = 4
    """Stages at the most; fewer where one does not improve on those before."""
    target: float = 0.0
    """Stop at the first stage whose error, as the problem measures it, is this small."""
    seconds: float | None = None
    """Begin no further stage after so many seconds."""
    width: int | None = None
    """Neurons of the first stage; later ones double up to a limit. Default: by the dimension."""
    depth: int = 1
    """Hidden layers of every stage."""
    network: str = "sine"
    """sine: one reach κ for all first neurons; mscale: groups of them whose scales follow the residual's spectrum, for
    functions and grids."""
    adam_steps: int = 100
    """Steps of Adam at the beginning of each stage."""
    refiner: str = "auto"
    """What follows: levenberg (Levenberg-Marquardt) or lbfgs; auto takes the former for networks small enough."""
    refine_steps: int = 30
    """Steps of that at the most."""
    improvement: float = 0.97
    """A stage must bring the error below this share of what it was, or it is dropped; one that gains little may open
    the way for the next, which sees other frequencies."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints within a stage."""

    def __post_init__(self) -> None:
        at_least(self.stages, 1, "stages")
        at_least(self.target, 0, "target")
        if self.seconds is not None:
            positive(self.seconds, "seconds")
        if self.width is not None:
            at_least(self.width, 1, "width")
        at_least(self.depth, 1, "depth")
        choice(self.network, NETWORKS, "network")
        at_least(self.adam_steps, 0, "adam_steps")
        choice(self.refiner, REFINERS, "refiner")
        at_least(self.refine_steps, 0, "refine_steps")
        positive(self.improvement, "improvement")
        at_least(self.checkpoint_seconds, 0, "checkpoint_seconds")


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """What one stage did."""

    stage: int
    """From 1."""
    kept: bool
    """Whether it improved on the stages before it."""
    error: float
    """The problem's error with this stage."""
    scale: float
    """ε of the stage."""
    frequency: float
    """Dominant frequency of the residual that the stage was to learn, in cycles per unit of the coordinates."""
    kappa: float
    """κ of its first layer."""
    width: int
    """Neurons per layer."""
    parameters: int
    """Trained numbers of this stage."""
    samples: int
    """Points that it was trained on."""
    per_half_wave: float
    """Samples per half wave of that residual."""
    refiner: str
    """What followed Adam; none where its steps were taken back."""
    seconds: float
    """Time of its training."""
    notes: tuple[str, ...]
    """What else there is to know."""


def fit_in_stages(
    problem: StageProblem,
    settings: StageSettings,
    *,
    seed: int = 0,
    folder: RunFolder | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> tuple[StagedField, list[StageRecord], str]:
    """The field of all stages that improved it, what each did, and in one sentence why there are no more.

    Raises what `fit` raises; with a `folder` and `resume`, stages that were finished are taken up.
    """
    began = time.perf_counter()
    found = StagedField(problem.in_dim, problem.out_dim)
    records: list[StageRecord] = []
    error = problem.error(found)
    for number in range(1, settings.stages + 1):
        if error <= settings.target:
            return found, records, f"The error is below the target of {settings.target:.1e}."
        if records and settings.seconds is not None and time.perf_counter() - began > settings.seconds:
            return found, records, f"The time was used up after stage {number - 1}."
        plan = problem.plan(found, _network(number, problem.in_dim, settings))
        if plan is None:
            return found, records, f"The residual after stage {number - 1} is rounding."
        field = plan.config.build(problem.in_dim, problem.out_dim, seeded(seed, f"stage {number} weights"))
        found.append(plan.config, field, plan.scale)
        before = error
        error, refiner, seconds = _train(field, plan, found, problem, settings, seed, folder, resume, progress)
        kept = error < settings.improvement * before
        records.append(
            StageRecord(
                stage=number,
                kept=kept,
                error=error,
                scale=plan.scale,
                frequency=plan.frequency,
                kappa=plan.config.kappa,
                width=plan.config.width,
                parameters=field.count_parameters(),
                samples=plan.samples,
                per_half_wave=plan.per_half_wave,
                refiner=refiner,
                seconds=seconds,
                notes=plan.notes,
            )
        )
        if not kept:
            found.drop()
            reason = f"Stage {number} was dropped: the error was {before:.2e} without it and {error:.2e} with it."
            return found, records, reason
    return found, records, f"All {settings.stages} stages were trained."


def _network(number: int, in_dim: int, settings: StageSettings) -> StageConfig:
    first, most = WIDTHS[in_dim]
    first = first if settings.width is None else settings.width
    width = min(first * 2 ** (number - 1), max(first, most))
    return StageConfig(kappa=LEAST_KAPPA, width=width, depth=settings.depth, groups=NETWORKS[settings.network])


def _train(
    field: Field,
    plan: StagePlan,
    found: StagedField,
    problem: StageProblem,
    settings: StageSettings,
    seed: int,
    folder: RunFolder | None,
    resume: bool,
    progress: Progress | None,
) -> tuple[float, str, float]:
    """The last stage: Adam, the last layer, then steps of second order, unless these make it worse where it is judged.

    Returns the error with it, the refiner ("none" where its steps were taken back) and the seconds.
    """
    number = len(found.stages)
    large = field.count_parameters() > MOST_PARAMETERS
    refiner = ("lbfgs" if large else "levenberg") if settings.refiner == "auto" else settings.refiner
    common = TrainingSettings(
        steps=settings.adam_steps, precision="float64", evaluations=2, checkpoint_seconds=settings.checkpoint_seconds
    )
    refine = replace(common, optimizer=refiner, steps=settings.refine_steps, schedule="constant")

    def trained(phase: str, options: TrainingSettings) -> float:
        return fit(
            field,
            plan.task,
            options,
            generator=seeded(seed, f"stage {number} {phase}"),
            run=f"stage-{number}-{phase}",
            folder=folder,
            resume=resume,
            progress=progress,
        ).seconds

    seconds = trained("adam", common)
    begin = time.perf_counter()
    # Rounding of this stage then stays that of a sum whose first stage has weights of this norm.
    largest = LARGEST_WEIGHTS * float(found.scales[0]) / plan.scale
    batch = plan.task.batch(seeded(seed, f"stage {number} last layer"))
    solve_last_layer(field, plan.task, batch, largest=largest)
    middle = {name: value.clone() for name, value in field.state_dict().items()}
    middle_error = problem.error(found)
    seconds += time.perf_counter() - begin
    seconds += trained("refine", refine)
    # Few samples can be met ever better by what is ever worse between them.
    error = problem.error(found)
    if middle_error < error:
        field.load_state_dict(middle)
        error, refiner = middle_error, "none"
    for parameter in field.requires_grad_(False).eval().parameters():
        parameter.grad = None
    return error, refiner, seconds


def stage_lines(
    staged: StagedField,
    records: Sequence[StageRecord],
    settings: StageSettings,
    quality_name: str,
    measure: Callable[[StagedField], Evaluation],
    folder: RunFolder | None = None,
) -> list[dict[str, Any]]:
    """A line of the history before the first stage and after each that was kept, the sum so far measured anew.

    Pictures of the sums go to the folder.
    """
    lines, seconds = [], 0.0
    for count in range(len(records) + 1):
        if count:
            seconds += records[count - 1].seconds
        error = records[count - 1].error if count else 1.0
        seen = measure(staged.first(count))
        step = count * (settings.adam_steps + settings.refine_steps + 1)
        if folder is not None and seen.snapshot is not None:
            folder.save_snapshot("field", step, seen.snapshot)
        line = {
            "run": "field",
            "step": step,
            "seconds": seconds,
            "loss": error**2,
            "losses": {"residual": error**2},
            quality_name: float(seen.quality),
            "bands": [None if band is None else float(band) for band in seen.band_errors],
            "learning_rate": None,
            "numbers": {name: float(value) for name, value in seen.numbers.items()},
        }
        lines.append(finite_or_none(line))
    return lines
