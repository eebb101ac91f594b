"""The image experiment: from an image and options to a fitted field beside its baseline."""

import dataclasses
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.checks import UserError
from nfield.core.device import choose_device, describe_device
from nfield.core.image import Image
from nfield.core.seeding import generator
from nfield.encodings.adaptive_grid import AdaptiveGrid
from nfield.fields.base import Field
from nfield.io.run_folder import RunFolder
from nfield.jobs.image.figures import UNIT, image_metrics
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.image.outputs import write_outputs
from nfield.jobs.image.pixels import Pixels
from nfield.jobs.image.recipe import (
    BASELINE,
    BASELINE_RATES,
    Known,
    Recipe,
    build_field,
    default_parameters,
    make_recipe,
    parts,
    within_parameters,
)
from nfield.jobs.image.result import Result, describe, image_header
from nfield.jobs.image.task import ImageTask
from nfield.kernels.interpolation import PADDING
from nfield.spectral.advice import advise_image
from nfield.spectral.detail import tile_detail
from nfield.training.loop import TrainingResult, fit
from nfield.training.progress import Progress
from nfield.training.settings import TrainingSettings

TUNING_STEPS = 60
BASELINE_STEPS = 2
"""Steps of the baseline for each of the field's: they take about half as long, so that both have the same time.

A measured ratio would be closer, but two runs of the same steps would then differ.
"""


def plan(options: ImageOptions, known: Known) -> Recipe:
    """The recipe for these pixels: the preset's, with what the user has set in its place."""
    recipe = make_recipe(
        parts(options.preset, options.encoding, options.backbone, options.holdout),
        known,
        options.encoding_settings,
        options.backbone_settings,
    )
    if options.learning_rate is not None:
        recipe = replace(recipe, learning_rate=options.learning_rate)
    if options.batch_pixels is not None:
        recipe = replace(recipe, batch_pixels=options.batch_pixels)
    if options.parameters is not None:
        recipe = within_parameters(recipe, known.pixels.image.channels, options.parameters)
    return recipe


def training_settings(
    options: ImageOptions, recipe: Recipe, task: ImageTask, steps_factor: int = 1
) -> TrainingSettings:
    """How a recipe is trained; evaluations are as many as cost less than 4 % of the steps."""
    steps = None if options.effective_steps is None else steps_factor * options.effective_steps
    evaluations = options.evaluations
    if evaluations is None:
        evaluations = 40
        if steps is not None:  # one pixel's evaluation, its picture included, costs about half of its training step
            cost = task.probe_pixels / (2 * task.batch_size)
            evaluations = max(6, min(evaluations, int(0.04 * steps / max(cost, 1e-9))))
    return TrainingSettings(
        steps=steps,
        seconds=options.seconds,
        target_quality=options.target_psnr,
        optimizer=options.optimizer,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay if options.weight_decay is None else options.weight_decay,
        schedule=options.schedule,
        warmup_steps=options.warmup_steps,
        ema=options.ema,
        clip=options.clip,
        precision=options.precision,
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=evaluations,
    )


def allocate(field: Field, pixels: Pixels, parameters: int) -> None:
    """Give an adaptive grid its tiles by the detail of the training pixels; other encodings need nothing."""
    grid = field.encoding
    if not isinstance(grid, AdaptiveGrid):
        return
    rest = field.count_parameters() - sum(v.numel() for v in grid.values)
    budget = max(parameters - rest, math.prod(grid.nodes[0]) * grid.config.features)
    height, width = grid.nodes[-1]
    values, known = mean_blocks(pixels, height, width)
    detail = tile_detail(values, len(grid.nodes), grid.config.tile, offset=PADDING[grid.order], known=known)
    grid.allocate(detail, budget)


def mean_blocks(pixels: Pixels, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Training pixels averaged to (height, width), a power of two smaller; with the share of known pixels."""
    factor = 1
    while -(-pixels.rows // factor) > height or -(-pixels.columns // factor) > width:
        factor *= 2
    rows = []
    columns = np.arange(pixels.columns) * pixels.step
    for start in range(0, pixels.rows, factor * 16):
        index = np.arange(start, min(start + factor * 16, pixels.rows)) * pixels.step
        block = torch.as_tensor(pixels.image.values(index, columns)).movedim(-1, 0)[None]
        if factor > 1:
            block = torch.nn.functional.avg_pool2d(block, factor, ceil_mode=True)
        rows.append(block[0].movedim(0, -1))
    known = None
    if pixels.mask is not None:
        mask = torch.from_numpy(pixels.mask[:: pixels.step, :: pixels.step].astype(np.float32))
        known = torch.nn.functional.avg_pool2d(mask[None, None], factor, ceil_mode=True)[0, 0]
    return torch.cat(rows), known


def tuned(recipe: Recipe, task: ImageTask, options: ImageOptions, device: torch.device, offset: list[float]) -> Recipe:
    """The recipe with the rate, out of three, that lowers the loss most over a few steps of its own."""
    losses = {}
    for rate in BASELINE_RATES:
        field = build_field(recipe, task.pixels.image.channels, options.seed, offset).to(device)
        settings = TrainingSettings(
            steps=TUNING_STEPS, learning_rate=rate, warmup_steps=10, evaluations=2, precision="float32"
        )
        draw = generator(options.seed, "tuning")
        fit(field, task, settings, generator=draw, device=device)
        with torch.no_grad():
            check = [task.losses(field, task.batch(draw))["mse"] for _ in range(4)]
        losses[rate] = float(torch.stack(check).mean())
    best = min(losses, key=lambda rate: losses[rate] if math.isfinite(losses[rate]) else math.inf)
    return replace(recipe, learning_rate=best)


def same_run(earlier: dict[str, Any], config: dict[str, Any], path: Path) -> dict[str, Any]:
    """The config of a run to be continued, if it is the same run; otherwise a `UserError` that names what differs."""
    for name in ("task", "source", "image", "recipe", "masked", "seed"):
        if earlier.get(name) != json.loads(json.dumps(config[name])):
            raise UserError(
                f"'{path}' holds a run with another {name} ({earlier.get(name)}, now {config[name]}), so it cannot be "
                "continued with these options. Leave them out, or choose another --out."
            )
    return earlier


def mean_colour(pixels: Pixels) -> list[float]:
    """Mean of a sample of the training pixels, per channel: where every field starts from."""
    image = pixels.image
    rows = np.unique(np.linspace(0, pixels.rows - 1, min(pixels.rows, 128)).astype(int)) * pixels.step
    columns = np.unique(np.linspace(0, pixels.columns - 1, min(pixels.columns, 128)).astype(int)) * pixels.step
    values = np.asarray(image.values(rows, columns), dtype=np.float64)
    if pixels.mask is not None and pixels.mask[rows][:, columns].any():
        values = values[pixels.mask[rows][:, columns]]
    return [round(float(v), 4) for v in values.reshape(-1, image.channels).mean(0)]


def run_image(
    image: Image,
    options: ImageOptions | None = None,
    *,
    mask: np.ndarray | None = None,
    mask_source: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Fit a field to an image, and the plain MLP beside it; write the run folder where `out` is given."""
    began = time.perf_counter()
    options = options or ImageOptions()
    device = choose_device(options.device)
    pixels = Pixels(image=image, step=2 if options.holdout else 1, mask=mask)
    known = Known(
        pixels=pixels,
        advice=advise_image(image, step=pixels.step),
        parameters=options.parameters or default_parameters(pixels),
    )
    recipe = plan(options, known)

    def make_task(how: Recipe) -> ImageTask:
        return ImageTask(pixels, batch_pixels=how.batch_pixels, holdout=options.holdout, device=device)

    task = make_task(recipe)
    offset = mean_colour(pixels)
    config: dict[str, Any] = {
        "task": "image",
        "source": image.source,
        "image": image_header(image),
        "options": dataclasses.asdict(options),
        "masked": mask is not None,
        "mask": mask_source,
        "recipe": describe(recipe),
        "baseline_recipe": None,
        "seed": options.seed,
        "device": describe_device(device),
        "bands": [
            {"low": band.low, "high": band.high, "unit": band.unit, "energy": band.energy}
            for band in task.bands.report([None] * len(task.bands.bands), UNIT)
        ],
        "versions": {"nfield": nfield.__version__, "torch": torch.__version__, "numpy": np.__version__},
    }
    field = build_field(recipe, image.channels, options.seed, offset)
    allocate(field, pixels, known.parameters)
    field.to(device)
    folder = None if out is None else RunFolder.create(out, resume=resume)
    if folder is not None:
        if folder.holds_run:
            config["baseline_recipe"] = same_run(folder.read_config(), config, folder.path)["baseline_recipe"]
        folder.write_config(config)

    def train(
        name: str, member: Field, how: Recipe, job: ImageTask, started: float, steps_factor: int = 1
    ) -> TrainingResult:
        return fit(
            member,
            job,
            training_settings(options, how, job, steps_factor),
            generator=generator(options.seed, f"{name} batches"),
            run=name,
            folder=folder,
            resume=resume,
            progress=progress,
            started=started,
            device=device,
        )

    trained = train("field", field, recipe, task, began)
    other: Field | None = None
    other_trained: TrainingResult | None = None
    if options.baseline:
        plain = make_recipe(BASELINE, known)
        plain_task = make_task(plain)
        if config["baseline_recipe"] is None:
            if progress is not None:
                progress.note("Tuning the baseline's learning rate")
            plain = tuned(plain, plain_task, options, device, offset)
            config["baseline_recipe"] = describe(plain)
            if folder is not None:
                folder.write_config(config)
        else:
            plain = replace(plain, learning_rate=config["baseline_recipe"]["learning_rate"])
        other = build_field(plain, image.channels, options.seed, offset).to(device)
        other_trained = train("baseline", other, plain, plain_task, time.perf_counter(), BASELINE_STEPS)
    result = Result(
        field=field.eval(),
        baseline=None if other is None else other.eval(),
        config=config,
        history=trained.history + ([] if other_trained is None else other_trained.history),
        metrics={},
        image=image,
        folder=None if folder is None else folder.path,
    )
    result.metrics = image_metrics(result, task, trained, other_trained, options)
    if folder is not None:
        write_outputs(folder, result)
    result.metrics["seconds_total"] = time.perf_counter() - began
    if folder is not None:
        folder.write_metrics(result.metrics)
    return result
