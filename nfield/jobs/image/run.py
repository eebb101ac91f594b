"""A run that fits an image: what the skeleton asks of the job."""

from typing import Any

import numpy as np

from nfield.core.image import Image
from nfield.fields.base import Field
from nfield.jobs.image.options import BASELINE, ImageOptions
from nfield.jobs.image.pixels import Pixels
from nfield.jobs.image.recipe import (
    GRIDS,
    Known,
    allocate,
    build_field,
    default_parameters,
    make_recipe,
    within_parameters,
)
from nfield.jobs.image.task import ImageTask
from nfield.jobs.recipe import Recipe
from nfield.jobs.run import Run, Side
from nfield.spectral.advice import advise_image
from nfield.training.settings import TrainingSettings

BASELINE_STEPS = 2
"""Steps of the baseline for each of the field's: they take about half as long, so that both have the same time.

A measured ratio would be closer, but two runs of the same steps would then differ.
"""


def prepare(run: Run) -> Known:
    """Which pixels are trained on, and what their spectrum advises."""
    options: ImageOptions = run.options
    pixels = Pixels(image=run.data.image, step=2 if options.holdout else 1, mask=run.data.mask)
    return Known(
        pixels=pixels,
        advice=advise_image(run.data.image, step=pixels.step),
        parameters=options.parameters or default_parameters(pixels),
        offset=mean_colour(pixels),
    )


def recipe(run: Run) -> Recipe:
    """The field's recipe, within the parameters that the user allows."""
    options: ImageOptions = run.options
    found = make_recipe(options.parts, run.known, options)
    if options.parameters is not None:
        found = within_parameters(found, run.data.image.channels, options.parameters)
    return found


def plain(run: Run) -> Recipe:
    """The plain MLP's."""
    return make_recipe(BASELINE, run.known)


def entries(run: Run) -> dict[str, Any]:
    """The image and its mask."""
    return {"image": image_header(run.data.image), "masked": run.data.mask is not None, "mask": run.data.mask_source}


def image_header(image: Image) -> dict[str, Any]:
    """Size, depth, colour and range of an image, as entries of config.json."""
    return {
        "height": image.height,
        "width": image.width,
        "channels": image.channels,
        "dtype": image.stored_dtype.name,
        "colour": image.colour,
        "alpha": image.alpha,
        "offset": image.offset,
        "scale": image.scale,
    }


def task(run: Run, name: str, recipe: Recipe) -> ImageTask:
    """Batches of training pixels."""
    batch = recipe.own["batch_pixels"]
    return ImageTask(run.known.pixels, batch_pixels=batch, holdout=run.options.holdout, device=run.device)


def build(run: Run, recipe: Recipe, task: ImageTask) -> Field:
    """The field, its grid's tiles allocated by the image's detail."""
    field = build_field(recipe, run.data.image.channels, run.options.seed, run.known.offset)
    allocate(field, run.known.pixels, run.known.parameters)
    return field


def settings(run: Run, side: Side) -> TrainingSettings:
    """How a side is trained; evaluations are as many as cost less than 4 % of the steps."""
    options: ImageOptions = run.options
    factor = BASELINE_STEPS if side.name == "baseline" else 1
    steps = None if options.effective_steps is None else factor * options.effective_steps
    evaluations = options.evaluations
    if evaluations is None:
        evaluations = 40
        if steps is not None:  # one pixel's evaluation, its picture included, costs about half of its training step
            cost = side.task.probe_pixels / (2 * side.task.batch_size)
            evaluations = max(6, min(evaluations, int(0.04 * steps / max(cost, 1e-9))))
    decay = options.weight_decay
    if decay is None:
        grid = side.recipe.entries()["encoding"]["name"] in GRIDS
        decay = 1.0 if grid and run.known.pixels.step > 1 else 0.0
    return TrainingSettings(
        steps=steps,
        seconds=options.seconds,
        target_quality=options.target_psnr,
        optimizer=options.optimizer,
        learning_rate=side.recipe.learning_rate,
        weight_decay=decay,
        schedule=options.schedule,
        warmup_steps=options.warmup_steps,
        ema=options.ema,
        clip=options.clip,
        precision=options.precision,
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=evaluations,
    )


def mean_colour(pixels: Pixels) -> list[float]:
    """Mean of a sample of the training pixels, per channel: where every field starts from."""
    image = pixels.image
    rows = np.unique(np.linspace(0, pixels.rows - 1, min(pixels.rows, 128)).astype(int)) * pixels.step
    columns = np.unique(np.linspace(0, pixels.columns - 1, min(pixels.columns, 128)).astype(int)) * pixels.step
    values = np.asarray(image.values(rows, columns), dtype=np.float64)
    if pixels.mask is not None and pixels.mask[rows][:, columns].any():
        values = values[pixels.mask[rows][:, columns]]
    return [round(float(v), 4) for v in values.reshape(-1, image.channels).mean(0)]
