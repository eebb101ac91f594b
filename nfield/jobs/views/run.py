"""The views experiment: from posed pictures and options to a radiance field beside the plain MLP."""

import dataclasses
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.checks import UserError
from nfield.core.device import choose_device, describe_device
from nfield.core.seeding import generator
from nfield.core.views import ViewSet
from nfield.fields.radiance import RadianceField
from nfield.fields.scene import SceneField
from nfield.io.run_folder import RunFolder
from nfield.jobs.views.cameras import write_cameras
from nfield.jobs.views.figures import UNIT, views_metrics
from nfield.jobs.views.frame import Understood, frame_entries, understand
from nfield.jobs.views.options import BACKGROUNDS, DEFAULT_STEPS, ViewsOptions
from nfield.jobs.views.outputs import ViewWriter, write_orbit
from nfield.jobs.views.pixels import ViewPixels
from nfield.jobs.views.recipe import BASELINE, BASELINE_RATES, build_radiance, views_recipe
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.shown import size_note
from nfield.jobs.views.task import RadianceTask
from nfield.training.loop import TrainingResult, fit
from nfield.training.progress import Progress
from nfield.training.settings import TrainingSettings
from nfield.training.task import move

TUNING_STEPS = 40
SAME_RUN = ("task", "source", "recipe", "frame", "seed", "views")


def run_views(
    views: ViewSet,
    options: ViewsOptions | None = None,
    *,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    source_options: dict[str, Any] | None = None,
) -> ViewsResult:
    """Fit a radiance field to posed pictures, and the plain MLP beside it; write the run folder where `out` is given.

    `source_options` tell how the views came from their source, and are kept in config.json.
    Raises UserError where there is no view to train on, or a picture cannot be used.
    """
    began = time.perf_counter()
    options = options or ViewsOptions()
    device = choose_device(options.device)
    if not views.of("train"):
        raise UserError(f"'{views.source}' has no view to train on: all are held out.")
    run = _Run(views, options, device, progress, began)
    config = {**run.config(), "source_options": source_options or {}}
    folder = None if out is None else RunFolder.create(out, resume=resume)
    if folder is not None:
        run.folder, run.resume = folder, resume
        if folder.holds_run:
            earlier = folder.read_config()
            for name in SAME_RUN:
                if earlier.get(name) != json.loads(json.dumps(config[name])):
                    raise UserError(
                        f"'{folder.path}' holds a run with another {name} ({earlier.get(name)}, now {config[name]}), "
                        "so it cannot be continued with these options. Leave them out, or choose another --out."
                    )
            config["baseline_recipe"] = earlier.get("baseline_recipe")
        folder.write_config(config)
    return run.go(config)


class _Run:
    """One run: its order is `go`."""

    def __init__(
        self, views: ViewSet, options: ViewsOptions, device: torch.device, progress: Progress | None, began: float
    ) -> None:
        self.views, self.options, self.device, self.progress, self.began = views, options, device, progress, began
        self.folder: RunFolder | None = None
        self.resume = False
        self.background = views.background or BACKGROUNDS[options.background]
        for note in views.notes:
            self.tell(f"{views.source}: {note}")
        self.pixels = ViewPixels(views.of("train")).to(device)
        self.found: Understood = understand(views, self.pixels, options)
        for note in self.found.notes:
            self.tell(f"{views.source}: {note}")
        resized = size_note(views, options.held_out_side)
        if resized is not None:
            self.tell(f"{views.source}: {resized}")
        self.probed = views.measured
        self.task = self._task()

    def tell(self, text: str) -> None:
        """Show a note, where progress is shown."""
        if self.progress is not None:
            self.progress.message(text)

    def config(self) -> dict[str, Any]:
        """What config.json holds."""
        views, options, task = self.views, self.options, self.task
        lens = self.probed[0].lens
        entries = {}
        for name, bands in (("bands", task.bands), ("depth_bands", task.depth_bands)):
            told = [] if bands is None else bands.report([None] * len(bands.bands), UNIT)
            entries[name] = [{k: getattr(b, k) for k in ("low", "high", "unit", "energy")} for b in told]
        return {
            "task": "views",
            "source": views.source,
            "quality_name": "psnr",
            "options": dataclasses.asdict(options),
            "recipe": views_recipe(options.parts, options, self.found),
            "baseline_recipe": None,
            "views": {
                "train": len(views.of("train")),
                "test": len(views.of("test")),
                "width": lens.width,
                "height": lens.height,
            },
            "frame": frame_entries(self.found.frame),
            "background": list(self.background),
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
            **entries,
            "seed": options.seed,
            "device": describe_device(self.device),
            "versions": {"nfield": nfield.__version__, "torch": torch.__version__, "numpy": np.__version__},
        }

    def _task(self) -> RadianceTask:
        options = self.options
        return RadianceTask(
            self.pixels,
            self.probed,
            self.found.frame,
            samples=options.samples,
            background=self.background,
            random_background=options.random_background,
            distortion_weight=options.distortion_weight,
            opacity_weight=options.opacity_weight,
            coarse_first=options.coarse_first,
        )

    def go(self, config: dict[str, Any]) -> ViewsResult:
        """Fit, compare, measure, write."""
        options = self.options
        field = self._build(config["recipe"])
        trained = self._train("field", field, config["recipe"]["learning_rate"])
        result = ViewsResult(
            field=SceneField(field, self.found.frame).eval(),
            config=config,
            history=trained.history,
            metrics={},
            views=self.views,
        )
        other: TrainingResult | None = None
        if options.baseline:
            plain, other = self._baseline(config)
            result.baseline = SceneField(plain, self.found.frame).eval()
            result.history = trained.history + other.history
        keep = None if self.folder is None else ViewWriter(self.folder.outputs, result)
        result.metrics = views_metrics(result, self.task, trained, other, keep, self.progress)
        result.metrics["seconds_total"] = time.perf_counter() - self.began
        if self.folder is not None:
            result.folder = self.folder.path
            write_cameras(self.folder.outputs / "cameras.json", result)
            if options.frames:
                write_orbit(self.folder.outputs, result, self.progress)
            result.metrics["seconds_total"] = time.perf_counter() - self.began
            self.folder.write_metrics(result.metrics)
        return result

    def _build(self, recipe: dict[str, Any]) -> RadianceField:
        pictures = len(self.pixels.views)
        return build_radiance(recipe, self.options.seed, pictures, self.found.occupied).to(self.device)

    def _baseline(self, config: dict[str, Any]) -> tuple[RadianceField, TrainingResult]:
        """The plain MLP on the same rays, with a rate out of three; its recipe goes into `config`."""
        recipe = config["baseline_recipe"]
        if recipe is None:
            if self.progress is not None:
                self.progress.note("Tuning the baseline's learning rate")
            recipe = views_recipe(BASELINE, self.options, self.found, plain=True)
            recipe["learning_rate"] = self._tuned(recipe)
            config["baseline_recipe"] = recipe
            if self.folder is not None:
                self.folder.write_config(config)
        module = self._build(recipe)
        return module, self._train("baseline", module, recipe["learning_rate"])

    def _tuned(self, recipe: dict[str, Any]) -> float:
        """The rate that lowers the loss most over a few steps."""
        losses = {}
        for rate in BASELINE_RATES:
            module = self._build(recipe)
            settings = TrainingSettings(
                steps=TUNING_STEPS, learning_rate=rate, warmup_steps=10, evaluations=2, precision="float32"
            )
            draw = generator(self.options.seed, "tuning")
            task = self.task.without_probe()
            fit(module, task, settings, generator=draw, device=self.device)
            with torch.no_grad():
                check = [
                    task.losses(module, move(task.batch(draw), self.device, torch.float32))["mse"] for _ in range(4)
                ]
            losses[rate] = float(torch.stack(check).mean())
        return min(losses, key=lambda rate: losses[rate] if math.isfinite(losses[rate]) else math.inf)

    def _train(self, name: str, module: RadianceField, rate: float) -> TrainingResult:
        options = self.options
        steps = options.steps
        if steps is None and options.seconds is None:
            steps = DEFAULT_STEPS
        settings = TrainingSettings(
            steps=steps,
            seconds=options.seconds,
            target_quality=options.target_psnr,
            learning_rate=rate,
            warmup_steps=50,
            precision=options.precision,
            checkpoint_seconds=options.checkpoint_seconds,
            evaluations=options.evaluations,
        )
        return fit(
            module,
            self.task,
            settings,
            generator=generator(options.seed, f"{name} batches"),
            run=name,
            folder=self.folder,
            resume=self.resume,
            progress=self.progress,
            # Reading or rendering the pictures is no training.
            started=time.perf_counter(),
            device=self.device,
        )
