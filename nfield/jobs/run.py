"""The one skeleton of a run: folder, lock, config, training, the tuned plain MLP beside it, figures, outputs."""

import dataclasses
import json
import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.content import sha256_of
from nfield.core.device import choose_device, describe_device
from nfield.core.moving import move
from nfield.core.seeding import generator
from nfield.core.version import VERSION
from nfield.io.run_folder import RunFolder
from nfield.jobs.figures import Measured, Series, edges, run_metrics
from nfield.jobs.job import Job
from nfield.jobs.options import RunOptions
from nfield.jobs.recipe import Recipe
from nfield.jobs.result import Result
from nfield.training.loop import TrainingResult, fit
from nfield.training.progress import Progress, SilentProgress
from nfield.training.settings import TrainingSettings

SAME = ("task", "source", "recipe", "seed")
"""Entries of config.json that must not differ when a run is continued."""


@dataclasses.dataclass(kw_only=True, eq=False)
class Side:
    """The field, or the plain MLP beside it."""

    name: str
    recipe: Recipe
    task: Any
    """None where the field is solved for."""
    module: Any
    trained: TrainingResult | None = None
    seconds_after: float = 0.0
    """Spent on it after its training, such as on its mesh."""
    found: Any = None
    """What the job keeps of it for the result."""

    @property
    def done(self) -> TrainingResult:
        """How it was trained."""
        if self.trained is None:
            raise AssertionError(f"the {self.name} has not been trained yet")
        return self.trained


@dataclasses.dataclass(kw_only=True, eq=False)
class Run:
    """One run: what was asked for, what is known, and where it goes."""

    job: Job
    data: Any
    options: Any
    device: torch.device
    progress: Progress
    began: float
    """On the clock of `time.perf_counter`."""
    watched: bool = True
    """Whether the caller has handed in a progress display."""
    resume: bool = False
    folder: RunFolder | None = None
    known: Any = None
    """What the job's `prepare` found out."""
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    sides: dict[str, Side] = dataclasses.field(default_factory=dict)

    def tell(self, notes: Iterable[str]) -> None:
        """Show notes on the data, where progress is shown: they are no warnings."""
        for note in notes if self.watched else ():
            self.progress.warn(note)

    def write_config(self) -> None:
        """Write config.json where there is a folder."""
        if self.folder is not None:
            self.folder.write_config(self.config)

    def seconds_left(self) -> float:
        """Of the time budget; infinite where there is none."""
        return (self.options.seconds or math.inf) - (time.perf_counter() - self.began)


def run(
    job: Job,
    data: Any,
    options: RunOptions | None = None,
    *,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Any:
    """Fit a field to data, and the plain MLP beside it; write the run folder where `out` is given.

    Raises UserError for data or options that cannot be used, before anything is written.
    """
    began = time.perf_counter()
    chosen = job.options() if options is None else options
    this = Run(
        job=job,
        data=data,
        options=chosen,
        device=choose_device(chosen.device),
        progress=progress or SilentProgress(),
        began=began,
        watched=progress is not None,
        resume=resume and out is not None,
    )
    this.known = job.prepare(this)
    field = this.sides["field"] = side_of(this, "field", job.recipe(this))
    this.config = config_of(this, field.recipe)
    try:
        if out is not None:
            _open_folder(this, out, resume)
        return _carried_out(this, field)
    finally:
        if this.folder is not None:
            this.folder.lock.release()


def _open_folder(this: Run, out: Path, resume: bool) -> None:
    """Take the run's folder; where it holds a run already, make sure that it is this one."""
    folder = this.folder = RunFolder.create(out, resume=resume)
    if folder.holds_run:
        earlier = this.job.earlier(folder.read_config())
        check_same(earlier, this.config, (*SAME, *this.job.same), folder.path, this.job)
        this.config["baseline_recipe"] = earlier.get("baseline_recipe")
        before, now = earlier.get("threads"), this.config["threads"]
        if before not in (None, now):
            this.progress.warn(
                f"The run was begun with {before} threads and goes on with {now}: sums are rounded in another order, "
                "so that it does not repeat bit for bit."
            )
    this.write_config()


def _carried_out(this: Run, field: Side) -> Any:
    """Train, measure and write."""
    job, chosen = this.job, this.options
    fit_side(this, field)
    plain = plain_side(this) if chosen.baseline else None
    result = finished(this, field, plain)
    measured: Mapping[str, Measured] = job.measure(this, result)
    result.metrics = run_metrics(this, result, measured)
    told = {key: edges(result.metrics[key]) for key in this.config if key.endswith("bands")}
    if told != {key: this.config[key] for key in told}:
        this.config.update(told)
        this.write_config()
    if this.folder is not None:
        job.write_outputs(result, this.folder.outputs, this.progress, measured=True)
    result.metrics["seconds_command"] = time.perf_counter() - this.began
    if this.folder is not None:
        this.folder.write_metrics(result.metrics)
    return result


def side_of(this: Run, name: str, recipe: Recipe) -> Side:
    """The task and the module of one side, with weights drawn from the seed."""
    task = this.job.task(this, name, recipe)
    return Side(name=name, recipe=recipe, task=task, module=this.job.build(this, recipe, task))


def fit_side(this: Run, side: Side) -> None:
    """Train a side, or do what the job has in its place."""
    this.sides[side.name] = side
    (this.job.fit or train)(this, side)


def train(this: Run, side: Side) -> None:
    """Train a side's module by the one loop."""
    counted = side.name == "field" and this.job.counts_setup
    side.module = side.module.to(this.device)
    side.trained = fit(
        side.module,
        side.task,
        this.job.settings(this, side),
        generator=generator(this.options.seed, f"{side.name} batches"),
        run=side.name,
        folder=this.folder,
        resume=this.resume,
        progress=this.progress,
        started=this.began if counted else time.perf_counter(),
        device=this.device,
    )


def plain_side(this: Run) -> Side:
    """The plain MLP on the same data, trained with a rate out of three; its recipe goes into config.json."""
    known = this.config["baseline_recipe"]
    if known is None:
        this.progress.info("Tuning the baseline's learning rate")
        recipe = tuned(this, this.job.plain(this))
        this.config["baseline_recipe"] = recipe.entries()
        this.write_config()
    else:
        recipe = Recipe.of(known)
    side = side_of(this, "baseline", recipe)
    fit_side(this, side)
    return side


def tuned(this: Run, recipe: Recipe) -> Recipe:
    """The recipe with the rate that lowers the loss most over a few steps of its own."""
    how, losses = this.job.tuning, {}
    precision = "float64" if this.options.precision == "float64" else "float32"
    for rate in how.rates:
        trial = side_of(this, "tuning", dataclasses.replace(recipe, learning_rate=rate))
        settings = TrainingSettings(
            steps=how.steps, learning_rate=rate, warmup_steps=10, evaluations=2, precision=precision, clip=how.clip
        )
        draw = generator(this.options.seed, "tuning")
        module = trial.module.to(this.device)
        fit(module, trial.task, settings, generator=draw, device=this.device)
        dtype = next(p.dtype for p in module.parameters())
        batches = [move(trial.task.batch(draw), this.device, dtype) for _ in range(how.batches)]
        found = [sum(float(v.detach()) for v in trial.task.losses(module, batch).values()) for batch in batches]
        losses[rate] = sum(found)
    best = min(losses, key=lambda rate: losses[rate] if math.isfinite(losses[rate]) else math.inf)
    return dataclasses.replace(recipe, learning_rate=best)


def config_of(this: Run, recipe: Recipe) -> dict[str, Any]:
    """Everything that a run follows from; the baseline's recipe is not known yet."""
    series: Iterable[Series] = this.job.series(this)
    digest, sampled = sha256_of(this.job.content(this.data))
    return {
        "task": this.job.name,
        "source": this.data.source,
        "source_path": path_of(this.data.source),
        "content_sha256": digest,
        "content_sampled": sampled,
        "threads": torch.get_num_threads(),
        "writer": {"pid": os.getpid(), "host": socket.gethostname()},
        "quality_name": this.job.quality,
        "options": dataclasses.asdict(this.options),
        "recipe": recipe.entries(),
        "baseline_recipe": None,
        "seed": this.options.seed,
        "device": describe_device(this.device),
        "versions": {"nfield": VERSION, "torch": torch.__version__, "numpy": np.__version__},
        **{one.key: edges(one.entries([None] * one.count)) for one in series},
        **this.job.entries(this),
    }


def path_of(source: str) -> str | None:
    """The absolute path of a source that is a file or folder, so that a run is continued from anywhere."""
    return str(Path(source).resolve()) if Path(source).exists() else None


def check_same(earlier: dict[str, Any], config: dict[str, Any], names: Iterable[str], path: Path, job: Job) -> None:
    """Raise UserError where a folder holds another run than the one to be continued, naming what differs."""
    if earlier.get("task") in job.earlier_names:
        earlier = {**earlier, "task": job.name}
    names = tuple(names)
    digest = earlier.get("content_sha256")
    if digest is not None:
        # What it holds tells more than where it lies: an input may have been moved.
        names = tuple(name for name in names if name != "source")
        if digest != config["content_sha256"]:
            raise UserError(
                f"'{path}' holds a run of other content: that of '{config['source']}' is no longer the same, "
                "so it cannot be continued. Put the input back as it was, or choose another --out."
            )
    for name in names:
        before, now = earlier.get(name), json.loads(json.dumps(config[name]))
        if before != now:
            raise UserError(
                f"'{path}' holds a run with another {name.replace('_', ' ')} ({_short(before)}, now {_short(now)}), so "
                "it cannot be continued with these options. Leave them out, or choose another --out."
            )


def _short(value: Any, most: int = 200) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"


def finished(this: Run, field: Side, plain: Side | None) -> Result:
    """The result, before its figures."""
    job = this.job
    shown: Callable[[Side], Any] = lambda side: job.field(this.config, side.module).to(this.device).eval()  # noqa: E731
    return job.result(
        job=job,
        field=shown(field),
        baseline=None if plain is None else shown(plain),
        config=this.config,
        history=field.done.history + ([] if plain is None else plain.done.history),
        metrics={},
        folder=None if this.folder is None else this.folder.path,
        **job.data(this),
    )
