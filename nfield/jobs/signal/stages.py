"""Regression in stages: of a function, sampled ever more finely, or of samples that are given once and for all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.core.seeding import generator as seeded
from nfield.fields.stage_plan import (
    PER_HALF_WAVE,
    PER_PARAMETER,
    StagePlan,
    chebyshev_per_half_wave,
    chebyshev_points,
    most_per_axis,
    product_of,
    samples_per_axis,
)
from nfield.fields.staged import StageConfig, StagedField
from nfield.jobs.signal.task import SignalProbe, SignalTask, relative_l2
from nfield.spectral.adapted_scales import adapted_scales
from nfield.spectral.arrays import PerAxis
from nfield.spectral.residual import ResidualFigures, residual_at_points, residual_on_grid, root_mean_square

PROBE_SIDES = {1: 4096, 2: 192, 3: 40}
"""Samples per axis of the grid that tells frequencies and bands, by dimension."""
CHECK_SIDES = {1: 10007, 2: 257, 3: 47}
"""The same of the points at which a field is judged; they share no point but the corners with the others."""
HELD_OUT = 0.1
"""Share of given samples by which a field is judged; it is not trained on."""

Function = Callable[[torch.Tensor], Any]


class FunctionStages:
    """A function on [−1, 1]^d: every stage is trained on as many new samples as its residual asks for."""

    def __init__(self, function: Function, dimension: int, *, periodic: bool = False) -> None:
        """`function` takes points (n, d) in float64 and gives (n,) or (n, c).

        Raises UserError where it does not, or gives values that are not finite.
        """
        self.function, self.in_dim, self.periodic = function, dimension, periodic
        side = PROBE_SIDES[dimension]
        axis = -1 + 2 * torch.arange(side, dtype=torch.float64) / side
        self.axes = (axis,) * dimension
        values = self.values(product_of(self.axes))
        self.out_dim = values.shape[1]
        self.spacing = 2 / side
        lattice = torch.linspace(-1, 1, CHECK_SIDES[dimension], dtype=torch.float64)
        check = product_of([lattice] * dimension)
        self.probe = SignalProbe(
            points=check,
            values=self.values(check),
            axes=self.axes,
            grid_values=values.reshape(*[side] * dimension, self.out_dim),
            periodic=periodic,
        )
        self.size = root_mean_square(values)

    def values(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n c"]:
        """The function's values at points."""
        with torch.no_grad():
            found = torch.as_tensor(self.function(points), dtype=torch.float64)
        found = found[:, None] if found.ndim == 1 else found
        if found.ndim != 2 or len(found) != len(points):
            raise UserError(
                f"The function gave shape {tuple(found.shape)} for {len(points)} points: it must give one value, "
                "or one row of values, for each."
            )
        if not bool(found.isfinite().all()):
            raise UserError("The function is infinite or not a number somewhere on its domain: choose a smaller one.")
        return found

    def samples(self) -> tuple[Float[torch.Tensor, "n d"], Float[torch.Tensor, "n c"]]:
        """Points and values on the grid."""
        points = product_of(self.axes)
        return points, self.values(points)

    def error(self, found: StagedField) -> float:
        """Relative L2 at points that no stage is trained on."""
        return relative_l2(evaluated(found, self.probe.points), self.probe.values)

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage: values are the residual, divided by its root mean square."""
        with torch.no_grad():
            on_grid = self.probe.grid_values - found.on_grid(self.axes)  # type: ignore[operator]
        residual = residual_on_grid(on_grid, self.spacing)
        if residual.is_rounding(self.size, self.spacing):
            return None
        config = network_for(config, residual, on_grid, self.spacing)
        parameters = config.parameters(self.in_dim, self.out_dim)
        wanted = samples_per_axis(residual.frequency, config.kappa, parameters, self.in_dim)
        side = min(wanted, most_per_axis(self.in_dim))
        notes = []
        if wanted > side:
            notes.append(f"{wanted} samples per axis were wanted, but no more than {side} are taken.")
        if residual.is_untold(self.spacing):
            notes.append("The residual waves too fast for the grid that its frequency is measured on.")
        points = chebyshev_points(side, self.in_dim)
        at_points = self.values(points) - evaluated(found, points)
        # Where the new points miss the residual altogether, its size is the grid's.
        residual = replace(residual, size=root_mean_square(at_points) or residual.size)
        return planned(
            self.probe, found, config, residual, points, at_points,
            per_half_wave=chebyshev_per_half_wave(side, residual.frequency), notes=notes,
        )  # fmt: skip


class SampleStages:
    """Given samples: some are held out to judge by, and the sampling cannot be refined."""

    def __init__(
        self,
        points: Float[torch.Tensor, "n d"],
        values: Float[torch.Tensor, "n c"],
        *,
        axes: tuple[torch.Tensor, ...] = (),
        periodic: bool = False,
        seed: int = 0,
    ) -> None:
        """With `axes` the samples are their tensor product, in its order."""
        if len(points) < 10:
            raise UserError(f"{len(points)} samples are too few to fit in stages: give at least 10.")
        self.points, self.all_values, self.axes, self.periodic = points, values, axes, periodic
        self.in_dim, self.out_dim = points.shape[1], values.shape[1]
        order = torch.randperm(len(points), generator=seeded(seed, "held out"))
        held = max(1, round(HELD_OUT * len(points)))
        self.held, self.trained = order[:held].sort()[0], order[held:].sort()[0]
        grid = values.reshape(*map(len, axes), self.out_dim) if axes else None
        self.probe = SignalProbe(
            points=points[self.held], values=values[self.held], axes=axes, grid_values=grid, periodic=periodic
        )
        self.size = root_mean_square(values)

    def samples(self) -> tuple[Float[torch.Tensor, "n d"], Float[torch.Tensor, "n c"]]:
        """Points and values that are not held out."""
        return self.points[self.trained], self.all_values[self.trained]

    def error(self, found: StagedField) -> float:
        """Relative L2 at the samples that are held out."""
        return relative_l2(evaluated(found, self.probe.points), self.probe.values)

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage, on the same samples."""
        everywhere = self.all_values - evaluated(found, self.points)
        apart = 2 / len(self.trained) ** (1 / self.in_dim)
        if self.axes:
            spacing = self.probe.spacing()
            on_grid = everywhere.reshape(*map(len, self.axes), self.out_dim)
            residual, finest = residual_on_grid(on_grid, spacing), min(spacing)
            config = network_for(config, residual, on_grid, spacing)
        else:
            if config.groups:
                raise UserError("Scattered samples have no spectrum for the scales of mscale. Take network='sine'.")
            residual, finest = residual_at_points(self.points, everywhere), apart
            config = replace(config, kappa=residual.kappa)
        residual = replace(residual, size=root_mean_square(everywhere[self.trained]))
        if residual.is_rounding(self.size, finest):
            return None
        # A network with more numbers than there are samples would have its way between them.
        most = max(1, len(self.trained) // (PER_PARAMETER * (self.in_dim + 1 + self.out_dim)))
        if config.depth == 1 and config.width > most:
            config = replace(config, width=most)
        per_half_wave = 1 / (2 * max(residual.frequency, 1e-9) * apart)
        notes = []
        if per_half_wave < PER_HALF_WAVE:
            notes.append(
                f"The data has {per_half_wave:.1f} samples per half wave of the residual, fewer than "
                f"{PER_HALF_WAVE}, and cannot be refined: what lies between the samples is not learned."
            )
        return planned(
            self.probe, found, config, residual, self.points[self.trained], everywhere[self.trained],
            per_half_wave=per_half_wave, notes=notes,
        )  # fmt: skip


def network_for(
    config: StageConfig, residual: ResidualFigures, values: Float[torch.Tensor, "..."], spacing: PerAxis
) -> StageConfig:
    """The network for a residual with values (n_1, …, n_d, c) on a grid: its κ by their frequency, or its scales."""
    if not config.groups:
        return replace(config, kappa=residual.kappa)
    scales = adapted_scales(values, config.groups, spacing, channels_last=True)
    return replace(config, kappa=max(residual.kappa, scales[-1]), scales=scales)


def planned(
    probe: SignalProbe,
    found: StagedField,
    config: StageConfig,
    residual: ResidualFigures,
    points: Float[torch.Tensor, "n d"],
    values: Float[torch.Tensor, "n c"],
    *,
    per_half_wave: float,
    notes: list[str],
) -> StagePlan:
    """A stage on the residual's `values` at points, which are divided by its size, those of the probe too."""
    scale = residual.size
    with torch.no_grad():
        grid = None if probe.grid_values is None else (probe.grid_values - found.on_grid(probe.axes)) / scale
        scaled = replace(probe, values=(probe.values - found(probe.points)) / scale, grid_values=grid)
    return StagePlan(
        task=SignalTask(points, values / scale, scaled),
        config=config,
        scale=scale,
        frequency=residual.frequency,
        samples=len(points),
        per_half_wave=per_half_wave,
        notes=tuple(notes),
    )


@torch.no_grad()
def evaluated(field: torch.nn.Module, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n c"]:
    """The field's values, without gradients."""
    values: torch.Tensor = field(points)
    return values
