"""Signals in stages: from a function or samples to a field of stages, with a run folder where one is wanted."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.core.types import Band
from nfield.fields.stage_plan import StageProblem
from nfield.fields.staged import StageConfig, StagedField
from nfield.io.atomic import write_bytes
from nfield.io.run_folder import RunFolder
from nfield.jobs.signal.picture import stages_picture
from nfield.jobs.signal.stages import FunctionStages, SampleStages, evaluated
from nfield.jobs.signal.task import SignalProbe
from nfield.training.progress import Progress
from nfield.training.stages import StageRecord, StageSettings, fit_in_stages

RUN = "field"
POINTS_AT_ONCE = 1 << 16
FREE_ON_RESUME = ("stages", "target", "seconds", "checkpoint_seconds")
"""Settings that may differ when a run is continued."""

PerAxis = float | int | Sequence[float | int]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Box:
    """The domain in the user's units, which is [−1, 1]^d to the field."""

    low: tuple[float, ...]
    """Lower corner."""
    high: tuple[float, ...]
    """Upper corner."""

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not 1 <= len(self.low) <= 3:
            raise UserError(f"A domain has 1 to 3 axes with two ends each, but got {self.low} and {self.high}.")
        for low, high in zip(self.low, self.high, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise UserError(f"The domain's high end must lie above its low end, but they are {high} and {low}.")

    @classmethod
    def of(cls, low: PerAxis, high: PerAxis, dimension: int) -> "Box":
        """The box between two corners, each one number for all axes or one for each."""
        corners = [(c,) * dimension if isinstance(c, (int, float)) else tuple(c) for c in (low, high)]
        if any(len(corner) != dimension for corner in corners):
            raise UserError(f"low and high must be one number, or one for each of the {dimension} axes.")
        return cls(low=tuple(map(float, corners[0])), high=tuple(map(float, corners[1])))

    def inside(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points of [−1, 1]^d in the user's units."""
        low, high = points.new_tensor(self.low), points.new_tensor(self.high)
        return (high + low) / 2 + points * ((high - low) / 2)

    def unit(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points in the user's units as points of [−1, 1]^d."""
        low, high = points.new_tensor(self.low), points.new_tensor(self.high)
        return (points - (high + low) / 2) / ((high - low) / 2)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StagesResult:
    """A field of stages and how it came about."""

    field: StagedField
    """u = Σ ε_n u_n on [−1, 1]^d, in float64."""
    box: Box
    """The domain in the user's units."""
    stages: list[StageRecord]
    """What each stage did, a dropped one included."""
    reason: str
    """Why there are no more stages."""
    error: float
    """Relative L2 at points that were not trained on."""
    bands: list[Band]
    """Errors by band of frequencies, of the whole field; none for scattered samples."""
    folder: Path | None = None
    """Where the run was written."""

    def __call__(self, points: np.ndarray | torch.Tensor) -> np.ndarray:
        """Values (n, c) in float64 at points (n, d), or (n,) in one dimension, in the user's units."""
        places = torch.as_tensor(points, dtype=torch.float64)
        places = places[:, None] if places.ndim == 1 else places
        if places.ndim != 2 or places.shape[1] != self.field.in_dim:
            raise UserError(f"Points must be of shape (n, {self.field.in_dim}), but have shape {tuple(places.shape)}.")
        parts = [evaluated(self.field, part) for part in self.box.unit(places).split(POINTS_AT_ONCE)]
        return torch.cat(parts).numpy()


def function_problem(function: Any, box: Box, *, periodic: bool) -> FunctionStages:
    """The job of a function in the user's units, of tensors (n, d), or of one dimension also (n, 1)."""
    return FunctionStages(lambda points: function(box.inside(points)), len(box.low), periodic=periodic)


def grid_problem(values: np.ndarray, *, channels_last: bool, periodic: bool, seed: int) -> SampleStages:
    """The job of values on a regular grid, each at the middle of its cell, as pixels are."""
    array = np.asarray(values, dtype=np.float64)
    array = array if channels_last else array[..., None]
    if not 2 <= array.ndim <= 4 or not array.size:
        raise UserError(
            f"Values of shape {np.shape(values)} are no grid of 1 to 3 axes. Give points= for scattered samples, and "
            "channels_last=True where the last axis holds channels."
        )
    axes = tuple(-1 + (2 * torch.arange(n, dtype=torch.float64) + 1) / n for n in array.shape[:-1])
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
    target = torch.from_numpy(np.ascontiguousarray(array)).reshape(len(points), -1)
    _refuse_non_finite(points, target)
    return SampleStages(points, target, axes=axes, periodic=periodic, seed=seed)


def scattered_problem(values: np.ndarray, points: np.ndarray, box: Box | None, seed: int) -> tuple[SampleStages, Box]:
    """The job of values at scattered points, and its domain: the points' own where none is given."""
    places, target = (torch.as_tensor(a, dtype=torch.float64) for a in (points, values))
    places = places[:, None] if places.ndim == 1 else places
    target = target[:, None] if target.ndim == 1 else target
    if places.ndim != 2 or target.ndim != 2 or len(places) != len(target) or not len(places):
        raise UserError(
            f"Points {tuple(places.shape)} and values {tuple(target.shape)} do not belong together: give (n, d) "
            "points, and (n,) or (n, c) values."
        )
    _refuse_non_finite(places, target)
    if box is None:
        box = Box(low=tuple(places.min(0).values.tolist()), high=tuple(places.max(0).values.tolist()))
    return SampleStages(box.unit(places), target, seed=seed), box


def _refuse_non_finite(points: torch.Tensor, values: torch.Tensor) -> None:
    if not bool(points.isfinite().all() and values.isfinite().all()):
        raise UserError("Points or values hold NaN or infinity: leave these samples out.")


def run_stages(
    problem: FunctionStages | SampleStages,
    box: Box,
    settings: StageSettings,
    *,
    seed: int = 0,
    out: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> StagesResult:
    """Train stage after stage; with `out`, in a run folder from which `resume` goes on, and `load_stages` reads."""
    folder = None if out is None else _folder(out, problem, box, settings, seed, resume)
    field, records, reason = fit_in_stages(
        problem, settings, seed=seed, folder=folder, resume=resume and folder is not None, progress=progress
    )
    error, bands = problem.error(field), _bands(problem.probe, field)
    if folder is not None:
        config = folder.read_config()
        folder.save_weights(RUN, len(field.configs), field.state_dict())
        folder.write_config({**config, "networks": [dataclasses.asdict(network) for network in field.configs]})
        folder.write_metrics(
            {
                "relative_l2": error,
                "reason": reason,
                "stages": [dataclasses.asdict(record) for record in records],
                "bands": [dataclasses.asdict(band) for band in bands],
            }
        )
        if problem.probe.grid_values is not None:
            folder.outputs.mkdir(parents=True, exist_ok=True)
            write_bytes(folder.outputs / "stages.png", stages_picture(problem.probe, field))
    return StagesResult(
        field=field, box=box, stages=records, reason=reason, error=error, bands=bands, folder=out if folder else None
    )


def load_stages(folder: RunFolder) -> StagesResult:
    """The result that `run_stages` wrote. Raises UserError where the run has not finished."""
    config, metrics = folder.read_config(), folder.read_metrics()
    if metrics is None or "networks" not in config:
        raise UserError(f"'{folder.path}' has not finished: go on with it by out= and resume=True.")
    networks = [
        StageConfig(**{**network, "scales": tuple(network.get("scales", ()))}) for network in config["networks"]
    ]
    field = StagedField(config["in_dim"], config["out_dim"], networks)
    field.load_state_dict(folder.load_weights(RUN)[1])
    return StagesResult(
        field=field.requires_grad_(False).eval(),
        box=Box(low=tuple(config["low"]), high=tuple(config["high"])),
        stages=[StageRecord(**{**record, "notes": tuple(record["notes"])}) for record in metrics["stages"]],
        reason=metrics["reason"],
        error=metrics["relative_l2"],
        bands=[Band(**band) for band in metrics["bands"]],
        folder=folder.path,
    )


def _folder(out: Path, problem: StageProblem, box: Box, settings: StageSettings, seed: int, resume: bool) -> RunFolder:
    folder = RunFolder.create(out, resume=resume)
    config: dict[str, Any] = {
        "task": "stages",
        "in_dim": problem.in_dim,
        "out_dim": problem.out_dim,
        "low": list(box.low),
        "high": list(box.high),
        "seed": seed,
        "settings": dataclasses.asdict(settings),
    }
    if folder.holds_run:
        saved = folder.read_config()
        then, now = ({**entries, **entries.get("settings", {})} for entries in (saved, config))
        for name, value in now.items():
            if name not in (*FREE_ON_RESUME, "settings") and then.get(name) != value:
                raise UserError(
                    f"The run in '{out}' was started with {name} = {then.get(name)}, and cannot go on with {value}. "
                    "Resume it with what it had, or choose another folder."
                )
    folder.write_config(config)
    return folder


def _bands(probe: SignalProbe, field: StagedField) -> list[Band]:
    measure = probe.bands()
    if measure is None:
        return []
    with torch.no_grad():
        found = field.on_grid(probe.axes).numpy()
    return measure.report(measure(found), "cycles per unit of [-1, 1]")
