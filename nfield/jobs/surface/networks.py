"""Networks that are trained to be signed distances: the one that was asked for, and the plain MLP beside it."""

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nfield.backbones import BACKBONES
from nfield.core.config import from_dict, name_of, to_dict
from nfield.core.seeding import generator
from nfield.encodings import ENCODINGS
from nfield.fields.network_distance import NetworkDistance
from nfield.io.run_folder import RunFolder
from nfield.jobs.surface.loss_weights import slope_weights
from nfield.jobs.surface.options import DEFAULT_STEPS, SURFACE_PRESETS, SurfaceOptions, SurfacePreset
from nfield.jobs.surface.outputs import picture_of
from nfield.jobs.surface.profile_probe import ProfileProbe
from nfield.jobs.surface.result import build_network
from nfield.jobs.surface.scales import ENCODING_FROM_POINTS, CloudScales, start_settings
from nfield.jobs.surface.task import CloudTask, VolumeProbe
from nfield.points.prepare import Prepared
from nfield.training.loop import TrainingResult, fit
from nfield.training.progress import Progress
from nfield.training.settings import TrainingSettings

BASELINE_RATES = (3e-4, 1e-3, 3e-3)
"""Rates that are tried for the baseline."""
TUNING_STEPS = 30
BASELINE_STEPS, BASELINE_POINTS, BASELINE_GROWTH = 560, 10_000, 0.68
"""Steps of the baseline beside splines through so many points, and the power of their number with which they grow."""


def network_recipe(preset: SurfacePreset, options: SurfaceOptions, scales: CloudScales) -> dict[str, Any]:
    """Encoding, backbone, rate and start as entries of config.json; the user's settings win."""
    given = options.encoding_settings
    decided = ENCODING_FROM_POINTS.get(preset.encoding, lambda *_: {})(scales, given)
    encoding = from_dict(ENCODINGS[preset.encoding], {**preset.encoding_settings, **decided, **given}, "encoding")
    backbone = from_dict(
        BACKBONES[preset.backbone], {**preset.backbone_settings, **options.backbone_settings}, "backbone"
    )
    return {
        "encoding": to_dict(encoding, name=name_of(ENCODINGS, encoding)),
        "backbone": to_dict(backbone, name=name_of(BACKBONES, backbone)),
        "learning_rate": options.learning_rate or preset.learning_rate,
        **start_settings(preset.encoding, scales),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkTraining:
    """What all trainings of a run have in common."""

    options: SurfaceOptions
    prepared: Prepared
    probe: VolumeProbe
    profiles: ProfileProbe | None
    weights: dict[str, float]
    """Of the loss terms of the network that was asked for."""
    device: torch.device
    progress: Progress | None
    folder: RunFolder | None
    resume: bool
    began: float
    """When the run began, on the clock of `time.perf_counter`."""

    def _task(self, weights: dict[str, float]) -> CloudTask:
        options, prepared, sample = self.options, self.prepared, self.prepared.sample
        return CloudTask(
            sample.points,
            sample.normals,
            prepared.judged,
            self.probe,
            diagonal=prepared.diagonal,
            weights=weights,
            batch_points=min(options.batch_points, prepared.cloud.count),
            device=self.device,
            picture=None if self.folder is None else lambda field: picture_of(field, prepared, self.device, options.up),
            anneal=(options.anneal_start, options.anneal_end),
            profiles=self.profiles,
        )

    def train(self, name: str, module: torch.nn.Module, rate: float, *, steps: int | None = None) -> TrainingResult:
        """Train the "field" or the "baseline", by default within the run's own limits."""
        options = self.options
        seconds = options.seconds
        if steps is None and seconds is None:
            steps = options.steps or DEFAULT_STEPS
        elif steps is None:
            steps = options.steps
        settings = TrainingSettings(
            steps=steps,
            seconds=seconds,
            learning_rate=rate,
            warmup_steps=20,
            clip=1.0,
            precision=options.precision,
            checkpoint_seconds=options.checkpoint_seconds,
            evaluations=options.evaluations,
        )
        return fit(
            module,
            # The plain MLP of the baseline has no second derivatives that terms of the Hessian could act on.
            self._task(slope_weights(options) if name == "baseline" else self.weights),
            settings,
            generator=generator(options.seed, f"{name} batches"),
            run=name,
            folder=self.folder,
            resume=self.resume,
            progress=self.progress,
            started=time.perf_counter() if name == "baseline" else self.began,
            device=self.device,
        )

    def train_baseline(self, config: dict[str, Any]) -> tuple[torch.nn.Module, TrainingResult]:
        """The plain MLP on the same points, with a rate out of three; its recipe goes into `config`."""
        options = self.options
        plain = dataclasses.replace(options, encoding_settings={}, backbone_settings={}, learning_rate=None)
        recipe = config["baseline_recipe"] or network_recipe(
            SURFACE_PRESETS["none"], plain, CloudScales.of(self.prepared)
        )
        if config["baseline_recipe"] is None:
            if self.progress is not None:
                self.progress.note("Tuning the baseline's learning rate")
            recipe["learning_rate"] = self._tuned(recipe)
            config["baseline_recipe"] = recipe
            if self.folder is not None:
                self.folder.write_config(config)
        module = build_network(recipe, options.seed).to(self.device)
        steps = options.steps
        if steps is None and options.seconds is None:
            steps = DEFAULT_STEPS
            if options.network is None:
                # About the time that the splines take, but the same number on every machine.
                steps = round(
                    BASELINE_STEPS * max(1.0, (self.prepared.cloud.count / BASELINE_POINTS) ** BASELINE_GROWTH)
                )
        return module, self.train("baseline", module, recipe["learning_rate"], steps=steps)

    def _tuned(self, recipe: dict[str, Any]) -> float:
        losses: dict[float, float] = {}
        task = self._task(slope_weights(self.options))
        task.picture = task.profiles = None
        for rate in BASELINE_RATES:
            module: NetworkDistance = build_network(recipe, self.options.seed).to(self.device)
            settings = TrainingSettings(
                steps=TUNING_STEPS, learning_rate=rate, warmup_steps=10, clip=1.0, evaluations=2, precision="float32"
            )
            draw = generator(self.options.seed, "tuning")
            fit(module, task, settings, generator=draw, device=self.device)
            losses[rate] = sum(float(term.detach()) for term in task.losses(module, task.batch(draw)).values())
        return min(losses, key=lambda rate: losses[rate] if np.isfinite(losses[rate]) else np.inf)
