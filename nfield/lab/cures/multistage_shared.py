"""Networks in stages on the two targets that all cures are compared on: their row of the common table.

Stages spend their arithmetic in other ways than steps of Adam on one network. It is counted (`stage_work`) in
steps of the plain network of the same table, rounded up; stages that end after its last step do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from nfield.jobs.signal.stages import SampleStages, evaluated
from nfield.lab.cures.cures import Comparison, compared
from nfield.lab.cures.stage_work import pass_work, stage_work
from nfield.lab.cures.targets import SIZES, CureSizes, Target, photograph, signal
from nfield.lab.cures.training import PLAIN, Trained, plain_settings, train
from nfield.lab.experiment import Setting
from nfield.lab.orders import band_table
from nfield.training.stages import NETWORKS, StageSettings, fit_in_stages

NAME = "stages"


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One seed: what each stage cost and reached."""

    work: list[float]
    """Operations up to the end of each stage, those of a stage that was dropped too."""
    outputs: list[Float[np.ndarray, "*grid"]]
    """On the probe before the first stage and after each of them."""
    parameters: int
    error: float
    """At the samples that were held out."""


def shared_comparisons(setting: Setting, stages: StageSettings) -> list[Comparison]:
    """Stages and a plain network of no fewer numbers on both targets."""
    sizes = SIZES.of(setting.size)
    return [
        _comparison(target, sizes, setting, stages) for target in (signal(setting, sizes), photograph(setting, sizes))
    ]


def _comparison(target: Target, sizes: CureSizes, setting: Setting, stages: StageSettings) -> Comparison:
    # A step of second order on a picture's stage has as many operations as hundreds of steps of Adam.
    kept = stages if target.dimension == 1 else replace(stages, refine_steps=0)
    kinds = [replace(kept, network=network) for network in NETWORKS]
    trials = [in_stages(target, kind, setting.seed, setting) for kind in kinds]
    best = min(range(len(kinds)), key=lambda i: trials[i].error)
    runs = [trials[best], *(in_stages(target, kinds[best], seed, setting) for seed in setting.seeds(sizes.seeds)[1:])]
    wanted = max(run.parameters for run in runs)
    plain = train(target, plain_settings(sizes.width, sizes.depth, target.dimension, wanted), sizes, setting, PLAIN)
    return compared(target, {PLAIN: plain, NAME: in_steps(runs, target, kinds[best], plain.parameters)})


def in_stages(target: Target, settings: StageSettings, seed: int, setting: Setting) -> Run:
    """Fit the target's samples, a tenth of them held out to judge when a stage is no gain."""
    points, values = target.points.cpu().double(), target.values.cpu().double()
    grid = points.view(*[target.side] * target.dimension, target.dimension)
    axes = tuple(
        grid.movedim(i, 0).reshape(target.side, -1, target.dimension)[:, 0, i] for i in range(target.dimension)
    )
    problem = SampleStages(points, values, axes=axes, periodic=target.periodic, seed=seed)
    field, records, _ = fit_in_stages(problem, settings, seed=seed, progress=setting.progress)
    ends = np.cumsum([record.kept for record in records]).tolist()
    probe = target.probe.cpu().double()
    outputs = [evaluated(field.first(count), probe).numpy().reshape(target.truth.shape) for count in (0, *ends)]
    return Run(
        work=np.cumsum([stage_work(record, settings) for record in records]).tolist(),
        outputs=outputs,
        parameters=sum(record.parameters for record in records if record.kept),
        error=min([1.0, *(record.error for record in records)]),
    )


def in_steps(runs: Sequence[Run], target: Target, settings: StageSettings, plain_parameters: int) -> Trained:
    """All seeds over steps of a plain network with so many numbers; errors change where a seed's stage ends."""
    step = pass_work(len(target.points), plain_parameters)
    ends = [[0, *(math.ceil(work / step) for work in run.work)] for run in runs]
    steps = sorted({end for row in ends for end in row if end <= target.steps} | {target.steps})
    errors, final = [], []
    for run, row in zip(runs, ends, strict=True):
        latest = [max(i for i, end in enumerate(row) if end <= at) for at in steps]
        by_stage = band_table(target.bands, np.array(run.outputs))
        errors.append([by_stage[i] for i in latest])
        final.append(run.outputs[latest[-1]])
    return Trained(
        config=settings,
        rate=None,
        parameters=max(run.parameters for run in runs),
        steps=steps,
        errors=np.array(errors).transpose(1, 0, 2),
        final=np.array(final),
    )
