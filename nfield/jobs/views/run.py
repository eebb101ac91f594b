"""A run that fits a radiance field: what the skeleton asks of the job."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from nfield.core.checks import UserError
from nfield.fields.radiance import RadianceField
from nfield.fields.scene import SceneField, ViewFrame
from nfield.jobs.recipe import Recipe
from nfield.jobs.run import Run, Side
from nfield.jobs.views.frame import Understood, frame_entries, understand
from nfield.jobs.views.options import BACKGROUNDS, BASELINE, ViewsOptions
from nfield.jobs.views.pixels import ViewPixels
from nfield.jobs.views.recipe import build_radiance, views_recipe
from nfield.jobs.views.shown import size_note
from nfield.jobs.views.task import RadianceTask
from nfield.training.settings import TrainingSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What there is to know of posed images."""

    pixels: ViewPixels
    found: Understood
    background: tuple[float, float, float]
    task: RadianceTask
    """One for both sides."""


def prepare(run: Run) -> Known:
    """Read the pictures; find the frame, the empty cells and the pixels' size."""
    views, options = run.data.views, run.options
    if not views.of("train"):
        raise UserError(f"'{views.source}' has no view to train on: all are held out.")
    run.tell(f"{views.source}: {note}" for note in views.notes)
    pixels = ViewPixels(views.of("train")).to(run.device)
    found = understand(views, pixels, options)
    resized = size_note(views, options.held_out_side)
    run.tell(f"{views.source}: {note}" for note in (*found.notes, *([] if resized is None else [resized])))
    background = views.background or BACKGROUNDS[options.background]
    task = RadianceTask(
        pixels,
        views.measured,
        found.frame,
        samples=options.samples,
        background=background,
        random_background=options.random_background,
        distortion_weight=options.distortion_weight,
        opacity_weight=options.opacity_weight,
        coarse_first=options.coarse_first,
    )
    return Known(pixels=pixels, found=found, background=background, task=task)


def recipe(run: Run) -> Recipe:
    """The field's recipe."""
    return views_recipe(run.options.parts, run.options, run.known.found.footprint)


def plain(run: Run) -> Recipe:
    """The plain MLP's."""
    return views_recipe(BASELINE, run.options, run.known.found.footprint, plain=True)


def entries(run: Run) -> dict[str, Any]:
    """Cameras, frame and background."""
    views, lens = run.data.views, run.data.views.measured[0].lens
    return {
        "views": {
            "train": len(views.of("train")),
            "test": len(views.of("test")),
            "width": lens.width,
            "height": lens.height,
        },
        "frame": frame_entries(run.known.found.frame),
        "background": list(run.known.background),
        "up": None if views.up is None else [float(x) for x in views.up],
        "cameras": [
            {
                "name": v.name,
                "split": v.split,
                "camera_to_world": v.camera_to_world.tolist(),
                "lens": dataclasses.asdict(v.lens),
            }
            for v in views.views
        ],
        "source_options": dict(run.data.options),
    }


def task(run: Run, name: str, recipe: Recipe) -> RadianceTask:
    """Batches of rays."""
    shared: RadianceTask = run.known.task
    return shared.without_probe() if name == "tuning" else shared


def build(run: Run, recipe: Recipe, task: RadianceTask) -> RadianceField:
    """The radiance field, empty where no camera can see anything."""
    return build_radiance(recipe, run.options.seed, len(run.known.pixels.views), run.known.found.occupied)


def settings(run: Run, side: Side) -> TrainingSettings:
    """How a side is trained."""
    options: ViewsOptions = run.options
    return TrainingSettings(
        steps=options.effective_steps,
        seconds=options.seconds,
        target_quality=options.target_psnr,
        learning_rate=side.recipe.learning_rate,
        warmup_steps=50,
        precision=options.precision,
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=options.evaluations,
    )


def frame_of(config: dict[str, Any]) -> ViewFrame:
    """The frame that config.json holds."""
    entries: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in config["frame"].items()}
    return ViewFrame(**entries)


def scene_field(config: dict[str, Any], module: RadianceField) -> SceneField:
    """The field in the world's units."""
    return SceneField(module, frame_of(config))
