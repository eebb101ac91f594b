"""The surface experiment: from a cloud and options to a fitted distance, its mesh, and both beside the plain MLP."""

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import nfield
from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.device import choose_device, describe_device
from nfield.core.mesh import Mesh
from nfield.fields.meshed import Meshed, extent_of, mesh_of
from nfield.fields.splines import SplineDistance
from nfield.fields.surface import SurfaceField
from nfield.io.run_folder import RunFolder
from nfield.jobs.surface.figures import surface_run_metrics, true_indicator
from nfield.jobs.surface.levels import BandHistory, LevelState
from nfield.jobs.surface.loss_weights import loss_weights, slope_weights
from nfield.jobs.surface.networks import NetworkTraining, network_recipe
from nfield.jobs.surface.options import SurfaceOptions
from nfield.jobs.surface.outputs import picture_of, write_surfaces
from nfield.jobs.surface.poisson import poisson_mesh
from nfield.jobs.surface.profile_probe import ProfileProbe
from nfield.jobs.surface.profiles import profiles_of
from nfield.jobs.surface.result import SurfaceResult, build_network
from nfield.jobs.surface.scales import CloudScales
from nfield.jobs.surface.task import VolumeProbe, distances, fit_decibels
from nfield.points.lattice import Level
from nfield.points.prepare import Prepared, prepare
from nfield.points.smooth_distance import solve_levels
from nfield.points.smoothing_choice import MOST_TRIALS
from nfield.training.loop import TrainingResult
from nfield.training.progress import Progress

MOST_BASELINE_CELLS = 160
"""Resolution of the plain MLP's mesh: it has nothing finer to show."""
GROWTH = 2.5
"""Most time of a level of splines over that of the one before, for deciding whether another fits into the budget.

Measured on a noisy scan of 10,000 points: 0.8 to 2.2."""

LEVEL_REACHED = 1.01
"""A level's step over the finest one's, up to which it is that one."""


def run_surface(
    cloud: PointCloud,
    options: SurfaceOptions | None = None,
    *,
    truth: Mesh | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> SurfaceResult:
    """Fit a signed distance to a cloud, mesh it, and set the plain MLP beside it; write the run folder if `out`."""
    began = time.perf_counter()
    options = options or SurfaceOptions()
    device = choose_device(options.device)
    run = _Run(options, device, progress, began)
    prepared = run.prepare(cloud)
    network = options.network
    recipe = {"encoding": {"name": "splines"}, "backbone": {"name": "linear"}, "learning_rate": None}
    if network is not None:
        recipe = network_recipe(network, options, CloudScales.of(prepared))
        # What cannot be built, or not be trained in this way, is told before anything is written.
        run.weights = loss_weights(options, network, recipe, build_network(recipe, options.seed).field)
    config: dict[str, Any] = {
        "task": "mesh",
        "source": cloud.source,
        "truth": None if truth is None else truth.source,
        "quality_name": "fit_db",
        "options": dataclasses.asdict(options),
        "recipe": recipe,
        "loss_weights": run.weights if network is not None else None,
        "baseline_recipe": None,
        "frame": {"centre": prepared.centre.tolist(), "scale": prepared.scale},
        "spacing": prepared.spacing,
        "smoothing": dataclasses.asdict(prepared.smoothing),
        "seed": options.seed,
        "device": describe_device(device),
        "bands": [],
        "profile_bands": [],
        "versions": {"nfield": nfield.__version__, "torch": torch.__version__, "numpy": np.__version__},
    }
    folder = None if out is None else RunFolder.create(out, resume=resume)
    if folder is not None:
        run.folder, run.resume = folder, resume
        if folder.holds_run:
            earlier = folder.read_config()
            for name in ("task", "source", "recipe", "seed", "loss_weights"):
                if earlier.get(name) != config[name]:
                    raise UserError(
                        f"'{folder.path}' holds a run with another {name} ({earlier.get(name)}, now {config[name]}), "
                        "so it cannot be continued with these options. Leave them out, or choose another --out."
                    )
            config["baseline_recipe"] = earlier.get("baseline_recipe")
        folder.write_config(config)
    return run.go(prepared, config, truth)


class _Run:
    """One run: its order is `go`."""

    def __init__(self, options: SurfaceOptions, device: torch.device, progress: Progress | None, began: float) -> None:
        self.options, self.device, self.progress, self.began = options, device, progress, began
        self.weights = slope_weights(options)
        self.folder: RunFolder | None = None
        self.profiles: ProfileProbe | None = None
        self.resume = False

    def tell(self, *texts: str) -> None:
        """Show notes, where progress is shown."""
        if self.progress is not None:
            for text in texts:
                self.progress.message(text)

    def prepare(self, cloud: PointCloud) -> Prepared:
        """The cloud as it is fitted; judging how much to smooth it takes the time of several fits, and is shown."""
        options, progress = self.options, self.progress
        begun = False

        def on_trial(number: int) -> None:
            nonlocal begun
            if progress is not None:
                if not begun:
                    progress.start("smoothing")
                begun = True
                told = f"left-out points, fit {number}"
                progress.update(step=number, fraction=number / (MOST_TRIALS + 1), loss=None, quality=told)

        try:
            return prepare(
                cloud,
                seed=options.seed,
                normals=options.normals,
                noise=options.noise,
                device=self.device,
                seconds_left=None if options.seconds is None else self._seconds_left,
                on_trial=on_trial,
                on_note=self.tell,
            )
        finally:
            if begun and progress is not None:
                progress.finish()

    def _seconds_left(self) -> float:
        return (self.options.seconds or math.inf) - (time.perf_counter() - self.began)

    def go(self, prepared: Prepared, config: dict[str, Any], truth: Mesh | None) -> SurfaceResult:
        """Fit, mesh, compare, measure, write."""
        options = self.options
        probe = VolumeProbe(prepared.diagonal)
        solid, why_bands = true_indicator(probe, prepared, truth)
        splines, bands = self._solve(prepared, probe)
        solved = time.perf_counter() - self.began
        reference = probe.values(splines, self.device) if solid is None else solid
        probe.set_truth(reference)
        self.profiles = profiles_of(prepared, splines, None if solid is None else truth, self.device)
        history = bands.lines(probe, self.profiles, self.device)
        looked = bands.diagnostics_seconds + time.perf_counter() - self.began - solved
        networks = NetworkTraining(
            options=options,
            prepared=prepared,
            probe=probe,
            profiles=self.profiles,
            weights=self.weights,
            device=self.device,
            progress=self.progress,
            folder=self.folder,
            resume=self.resume,
            began=self.began,
        )
        trained: TrainingResult | None = None
        module: torch.nn.Module = splines
        if options.network is not None:
            module = build_network(config["recipe"], options.seed).to(self.device)
            trained = networks.train("field", module, config["recipe"]["learning_rate"])
            history = trained.history
        elif self.folder is not None:
            self.folder.truncate_history("field", 0)
            for line in history:
                self.folder.append_history(line)
            self.folder.save_weights("field", len(history), splines.state_dict())
        field = self._surface(module, prepared)
        meshed = self._mesh(field, prepared)
        self.tell(*meshed.notes)
        result = SurfaceResult(
            field=field.eval(),
            config=config,
            history=history,
            metrics={},
            mesh=meshed.mesh,
            mesh_why=meshed.why,
            cloud=prepared.cloud,
            truth=truth,
        )
        if trained is None:
            seconds, diagnostics = solved - bands.diagnostics_seconds, looked
        else:
            seconds, diagnostics = trained.seconds, trained.diagnostics_seconds
        other: TrainingResult | None = None
        if options.baseline:
            plain, other = networks.train_baseline(config)
            self._mesh_baseline(result, plain, prepared)
        if options.compare == "poisson":
            result.poisson, depth, spent = poisson_mesh(prepared)
            result.poisson_facts = {"depth": depth, "seconds": spent}
        result.metrics = surface_run_metrics(
            result,
            prepared,
            probe,
            self.profiles,
            resolution=meshed.resolution,
            seconds=seconds,
            diagnostics_seconds=diagnostics,
            trained=trained,
            baseline=other,
            against=why_bands,
        )
        result.metrics["seconds_total"] = time.perf_counter() - self.began
        if self.folder is not None:
            result.folder = self.folder.path
            for key in ("bands", "profile_bands"):
                config[key] = [
                    {k: band[k] for k in ("low", "high", "unit", "energy")} for band in result.metrics[key] or []
                ]
            self.folder.write_config(config)
            write_surfaces(self.folder, result)
            result.metrics["seconds_total"] = time.perf_counter() - self.began
            self.folder.write_metrics(result.metrics)
        return result

    def _mesh(self, field: SurfaceField, prepared: Prepared) -> Meshed:
        options, extent = self.options, extent_of(prepared)
        resolution = options.resolution or extent.resolution
        try:
            return mesh_of(
                field,
                extent,
                resolution=resolution,
                open_surface=options.open,
                faces=options.faces,
                projected=options.polish,
            )
        except UserError as error:
            # A network that was hardly trained may have no zeros; what it has learned is kept and shown all the same.
            if options.network is None:
                if self.folder is not None and not self.resume:
                    self.folder.discard()
                more = "more --seconds" if options.seconds is not None else "more points, all of one closed surface"
                raise UserError(
                    f"The distance fitted to '{prepared.cloud.source}' has no surface yet, as it is nowhere zero. "
                    f"Give {more}."
                ) from None
            return Meshed(mesh=None, resolution=resolution, notes=(str(error),), why=str(error))

    def _mesh_baseline(self, result: SurfaceResult, module: torch.nn.Module, prepared: Prepared) -> None:
        result.baseline = self._surface(module, prepared).eval()
        resolution = min(MOST_BASELINE_CELLS, self.options.resolution or MOST_BASELINE_CELLS)
        try:
            result.baseline_mesh = mesh_of(
                result.baseline, extent_of(prepared), resolution=resolution, projected=False
            ).mesh
        except UserError as error:
            result.baseline_why = str(error)

    def _surface(self, module: torch.nn.Module, prepared: Prepared) -> SurfaceField:
        return SurfaceField(module, torch.from_numpy(prepared.centre), prepared.scale).to(self.device)

    def _solve(self, prepared: Prepared, probe: VolumeProbe) -> tuple[SplineDistance, BandHistory]:
        """The splines, with what they looked like level by level."""
        options, bands = self.options, BandHistory()
        sample, smoothing = prepared.sample, prepared.smoothing
        judged = prepared.judged
        shown = options.network is None
        if shown and self.progress is not None:
            self.progress.start("field")
        last = time.perf_counter()

        def on_level(levels: list[Level]) -> bool:
            nonlocal last
            now, module = time.perf_counter(), SplineDistance(list(levels))
            took = now - last
            if shown:
                quality = fit_decibels(distances(module, judged), prepared.diagonal)
                values = probe.values(module, self.device)
                seconds = now - self.began
                number = len(bands.entries) + 1
                bands.add(LevelState(step=number, seconds=seconds, quality=quality, values=values, module=module))
                # Steps halve from level to level, down to the finest.
                fraction = min(1.0, (prepared.smoothing.step / levels[-1].step))
                if self.progress is not None:
                    told = f"fit {quality:.1f} dB"
                    self.progress.update(step=number, fraction=fraction, loss=None, quality=told)
                if self.folder is not None:
                    picture = picture_of(module, prepared, self.device, options.up)
                    if picture is not None:
                        self.folder.save_snapshot("field", number, picture)
            # Diagnostics are no part of what a level takes.
            last = time.perf_counter()
            bands.diagnostics_seconds += last - now
            # Without a fit to fall back on, a late surface is worth more than a coarse one in time.
            return prepared.draft is None or GROWTH * took < self._seconds_left()

        try:
            levels = [] if self._too_short_for(prepared) else solve_levels(sample, smoothing, on_level=on_level)
            draft = prepared.draft
            if draft is not None and (not levels or levels[-1].step > LEVEL_REACHED * smoothing.step):
                # The fit that the noise was measured with knows all but the finest level, and no level before that
                # one is near the best that the points can give.
                smoothing = dataclasses.replace(smoothing, step=draft[-1].step)
                levels = solve_levels(sample, smoothing, coarse=draft[:-1], on_level=on_level)
        finally:
            if shown and self.progress is not None:
                self.progress.finish()
        return SplineDistance(levels).to(self.device), bands

    def _too_short_for(self, prepared: Prepared) -> bool:
        """Whether the budget leaves less time than a fit of all levels is likely to take."""
        return prepared.draft is not None and prepared.draft_seconds > self._seconds_left()
