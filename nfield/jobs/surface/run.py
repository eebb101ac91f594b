"""A run that reconstructs a surface: what the skeleton asks of the job.

Splines are solved for in every run: where a network was asked for, they are what its bands are measured against.
"""

import dataclasses
import time
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.fields.meshed import Meshed, extent_of, mesh_of
from nfield.fields.network_distance import NetworkDistance
from nfield.fields.splines import SplineDistance
from nfield.fields.surface import SurfaceField
from nfield.jobs.recipe import Recipe, Solved
from nfield.jobs.run import Run, Side, train
from nfield.jobs.surface.figures import true_indicator
from nfield.jobs.surface.levels import BandHistory, LevelState
from nfield.jobs.surface.loss_weights import loss_weights, slope_weights
from nfield.jobs.surface.options import NETWORKS, SurfaceOptions
from nfield.jobs.surface.outputs import picture_of
from nfield.jobs.surface.poisson import poisson_mesh
from nfield.jobs.surface.profile_probe import ProfileProbe
from nfield.jobs.surface.profiles import profiles_of
from nfield.jobs.surface.recipe import CloudScales, build_network, network_recipe, splines_recipe
from nfield.jobs.surface.task import CloudTask, VolumeProbe, distances, fit_decibels
from nfield.points.lattice import Level
from nfield.points.prepare import Prepared
from nfield.points.prepare import prepare as prepare_cloud
from nfield.points.smooth_distance import solve_levels
from nfield.points.smoothing_choice import MOST_TRIALS
from nfield.training.result import TrainingResult
from nfield.training.settings import TrainingSettings

BASELINE_STEPS, BASELINE_POINTS, BASELINE_GROWTH = 560, 10_000, 0.68
"""Steps of the baseline beside splines through so many points, and the power of their number with which they grow."""
MOST_BASELINE_CELLS = 160
"""Resolution of the plain MLP's mesh: it has nothing finer to show."""
GROWTH = 2.5
"""Most time of a level of splines over that of the one before, for deciding whether another fits into the budget.

Measured on a noisy scan of 10,000 points: 0.8 to 2.2."""

LEVEL_REACHED = 1.01
"""A level's step over the finest one's, up to which it is that one."""


@dataclasses.dataclass(kw_only=True, eq=False)
class Known:
    """What there is to know of a cloud."""

    prepared: Prepared
    probe: VolumeProbe
    weights: dict[str, float]
    """Of the loss terms of the network that was asked for."""
    profiles: ProfileProbe | None = None
    against: str = ""
    """What bands are measured against."""


def prepare(run: Run) -> Known:
    """The cloud as it is fitted; judging how much to smooth it takes the time of several fits, and is shown."""
    prepared = _prepared(run)
    return Known(prepared=prepared, probe=VolumeProbe(prepared.diagonal), weights=slope_weights(run.options))


def _prepared(run: Run) -> Prepared:
    options, progress = run.options, run.progress
    begun = False

    def on_trial(number: int) -> None:
        nonlocal begun
        if not begun:
            progress.start("smoothing")
        begun = True
        told = f"left-out points, fit {number}"
        progress.update(step=number, fraction=number / (MOST_TRIALS + 1), loss=None, quality=told)

    try:
        return prepare_cloud(
            run.data.cloud,
            seed=options.seed,
            normals=options.normals,
            noise=options.noise,
            device=run.device,
            seconds_left=None if options.seconds is None else run.seconds_left,
            on_trial=on_trial,
            on_note=lambda note: run.tell([note]),
        )
    finally:
        if begun:
            progress.finish()


def recipe(run: Run) -> Recipe:
    """The network's recipe, or what stands for splines. Raises UserError where it cannot be trained as asked for."""
    options: SurfaceOptions = run.options
    if options.parts is None:
        return splines_recipe()
    found = network_recipe(options.parts, CloudScales.of(run.known.prepared), options)
    run.known.weights = loss_weights(options, found.entries(), build_network(found, options.seed).field)
    return found


def plain(run: Run) -> Recipe:
    """The plain MLP's."""
    return network_recipe(NETWORKS["none"], CloudScales.of(run.known.prepared))


def entries(run: Run) -> dict[str, Any]:
    """Frame, smoothing and truth."""
    prepared: Prepared = run.known.prepared
    return {
        "truth": None if run.data.truth is None else run.data.truth.source,
        "loss_weights": None if run.options.parts is None else run.known.weights,
        "frame": {"centre": prepared.centre.tolist(), "scale": prepared.scale},
        "spacing": prepared.spacing,
        "smoothing": dataclasses.asdict(prepared.smoothing),
        "profile_bands": [],
    }


def task(run: Run, name: str, recipe: Recipe) -> CloudTask | None:
    """Batches of points on the surface and off it; None for splines.

    The plain MLP has no second derivatives that terms of the Hessian could act on.
    """
    if isinstance(recipe.encoding, Solved):
        return None
    options, known = run.options, run.known
    prepared: Prepared = known.prepared

    def picture(field: torch.nn.Module) -> np.ndarray | None:
        return None if run.folder is None else picture_of(field, prepared, run.device, options.up)

    return CloudTask(
        prepared.sample.points,
        prepared.sample.normals,
        prepared.judged,
        known.probe,
        diagonal=prepared.diagonal,
        weights=known.weights if name == "field" else slope_weights(options),
        batch_points=min(options.batch_points, prepared.cloud.count),
        device=run.device,
        picture=None if name == "tuning" else picture,
        anneal=(options.anneal_start, options.anneal_end),
        profiles=None if name == "tuning" else known.profiles,
    )


def build(run: Run, recipe: Recipe, task: CloudTask | None) -> NetworkDistance | None:
    """The network; None for splines."""
    return None if task is None else build_network(recipe, run.options.seed)


def settings(run: Run, side: Side) -> TrainingSettings:
    """How a network is trained. The plain MLP beside splines gets about their time, but the same on every machine."""
    options: SurfaceOptions = run.options
    steps = options.effective_steps
    if side.name == "baseline" and options.parts is None and options.steps is None and options.seconds is None:
        more = max(1.0, (run.known.prepared.cloud.count / BASELINE_POINTS) ** BASELINE_GROWTH)
        steps = round(BASELINE_STEPS * more)
    return TrainingSettings(
        steps=steps,
        seconds=options.seconds,
        learning_rate=side.recipe.learning_rate,
        warmup_steps=20,
        clip=1.0,
        precision=options.precision,
        checkpoint_seconds=options.checkpoint_seconds,
        evaluations=options.evaluations,
    )


def fit(run: Run, side: Side) -> None:
    """Solve for the splines before anything else; train what is a network; mesh what came out."""
    if side.name == "field":
        _solve_field(run, side)
    if side.trained is None:
        side.task.profiles = run.known.profiles
        train(run, side)
    began = time.perf_counter()
    side.found = _mesh(run, side) if side.name == "field" else _mesh_baseline(run, side)
    side.seconds_after = time.perf_counter() - began


def _solve_field(run: Run, side: Side) -> None:
    """The splines, what bands are measured against, and the field's history where it is the splines."""
    known, probe, prepared = run.known, run.known.probe, run.known.prepared
    truth = run.data.truth
    solid, known.against = true_indicator(probe, prepared, truth)
    splines, bands = _solve(run)
    solved = time.perf_counter() - run.began
    probe.set_truth(probe.values(splines, run.device) if solid is None else solid)
    known.profiles = profiles_of(prepared, splines, None if solid is None else truth, run.device)
    history = bands.lines(probe, known.profiles, run.device)
    if side.module is not None:
        return
    side.module = splines
    side.trained = TrainingResult(
        history=history,
        steps=history[-1]["step"],
        polished_from=None,
        seconds=solved - bands.diagnostics_seconds,
        diagnostics_seconds=bands.diagnostics_seconds + time.perf_counter() - run.began - solved,
        elapsed_seconds=time.perf_counter() - run.began,
        finished=True,
        precision="float32",
    )
    if run.folder is not None:
        run.folder.truncate_history("field", 0)
        for line in history:
            run.folder.append_history(line)
        run.folder.save_weights("field", len(history), splines.state_dict())


def _mesh(run: Run, side: Side) -> Meshed:
    options, prepared = run.options, run.known.prepared
    extent = extent_of(prepared)
    resolution = options.resolution or extent.resolution
    try:
        meshed = mesh_of(
            _surface(run, side),
            extent,
            resolution=resolution,
            open_surface=options.open,
            faces=options.faces,
            projected=options.polish,
        )
    except UserError as error:
        # A network that was hardly trained may have no zeros; what it has learned is kept and shown all the same.
        if options.parts is None:
            if run.folder is not None and not run.resume:
                run.folder.discard()
            more = "more --seconds" if options.seconds is not None else "more points, all of one closed surface"
            raise UserError(
                f"The distance fitted to '{prepared.cloud.source}' has no surface yet, as it is nowhere zero. "
                f"Give {more}."
            ) from None
        meshed = Meshed(mesh=None, resolution=resolution, notes=(str(error),), why=str(error))
    run.tell(meshed.notes)
    return meshed


def _mesh_baseline(run: Run, side: Side) -> Meshed:
    resolution = min(MOST_BASELINE_CELLS, run.options.resolution or MOST_BASELINE_CELLS)
    try:
        return mesh_of(_surface(run, side), extent_of(run.known.prepared), resolution=resolution, projected=False)
    except UserError as error:
        return Meshed(mesh=None, resolution=resolution, why=str(error))


def _surface(run: Run, side: Side) -> SurfaceField:
    return surface_field(run.config, side.module).to(run.device)


def surface_field(config: dict[str, Any], module: torch.nn.Module) -> SurfaceField:
    """The field in input units."""
    frame = config["frame"]
    return SurfaceField(module, torch.tensor(frame["centre"], dtype=torch.float64), frame["scale"])


def data(run: Run) -> dict[str, Any]:
    """Meshes of all that is compared, and the points."""
    field, baseline = run.sides["field"].found, run.sides["baseline"].found if "baseline" in run.sides else None
    found: dict[str, Any] = {
        "mesh": field.mesh,
        "mesh_why": field.why,
        "cloud": run.known.prepared.cloud,
        "truth": run.data.truth,
    }
    if baseline is not None:
        found |= {"baseline_mesh": baseline.mesh, "baseline_why": baseline.why}
    if run.options.compare == "poisson":
        found["poisson"], depth, spent = poisson_mesh(run.known.prepared)
        found["poisson_facts"] = {"depth": depth, "seconds": spent}
    return found


def _solve(run: Run) -> tuple[SplineDistance, BandHistory]:
    """The splines, with what they looked like level by level."""
    options, bands, prepared, probe = run.options, BandHistory(), run.known.prepared, run.known.probe
    sample, smoothing = prepared.sample, prepared.smoothing
    judged = prepared.judged
    shown = options.parts is None
    if shown:
        run.progress.start("field")
    last = time.perf_counter()

    def on_level(levels: list[Level]) -> bool:
        nonlocal last
        now, module = time.perf_counter(), SplineDistance(list(levels))
        took = now - last
        if shown:
            quality = fit_decibels(distances(module, judged), prepared.diagonal)
            values = probe.values(module, run.device)
            seconds = now - run.began
            number = len(bands.entries) + 1
            bands.add(LevelState(step=number, seconds=seconds, quality=quality, values=values, module=module))
            # Steps halve from level to level, down to the finest.
            fraction = min(1.0, (prepared.smoothing.step / levels[-1].step))
            told = f"fit {quality:.1f} dB"
            run.progress.update(step=number, fraction=fraction, loss=None, quality=told)
            if run.folder is not None:
                picture = picture_of(module, prepared, run.device, options.up)
                if picture is not None:
                    run.folder.save_snapshot("field", number, picture)
        # Diagnostics are no part of what a level takes.
        last = time.perf_counter()
        bands.diagnostics_seconds += last - now
        # Without a fit to fall back on, a late surface is worth more than a coarse one in time.
        return prepared.draft is None or GROWTH * took < run.seconds_left()

    try:
        levels = [] if _too_short_for(run) else solve_levels(sample, smoothing, on_level=on_level)
        draft = prepared.draft
        if draft is not None and (not levels or levels[-1].step > LEVEL_REACHED * smoothing.step):
            # The fit that the noise was measured with knows all but the finest level, and no level before that
            # one is near the best that the points can give.
            smoothing = dataclasses.replace(smoothing, step=draft[-1].step)
            levels = solve_levels(sample, smoothing, coarse=draft[:-1], on_level=on_level)
    finally:
        if shown:
            run.progress.finish()
    return SplineDistance(levels).to(run.device), bands


def _too_short_for(run: Run) -> bool:
    """Whether the budget leaves less time than a fit of all levels is likely to take."""
    prepared = run.known.prepared
    return prepared.draft is not None and prepared.draft_seconds > run.seconds_left()
