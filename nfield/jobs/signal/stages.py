"""Regression in stages: of a function, sampled ever more finely, or of samples that are given once and for all."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.core.seeding import generator as seeded
from nfield.fields.stage_plan import StagePlan, kappa_of
from nfield.fields.staged import StageConfig, StagedField
from nfield.jobs.signal.task import SignalProbe, SignalTask, relative_l2
from nfield.spectral.adapted_scales import adapted_scales
from nfield.spectral.arrays import PerAxis
from nfield.spectral.residual_frequency import grid_frequency, scattered_frequency

PER_HALF_WAVE = 3
"""Samples per half wave of what is left over, at the least (Wang & Lai, arXiv 2307.08934)."""
PER_PARAMETER = 2
"""Samples per trained number, at the least: networks then have nothing to be free between samples with."""
MOST_SAMPLES = 1 << 14
"""Samples of a function at the most: derivatives of so many residuals are still computed in seconds."""
PROBE_SIDES = {1: 4096, 2: 192, 3: 40}
"""Samples per axis of the grid that tells frequencies and bands, by dimension."""
CHECK_SIDES = {1: 10007, 2: 257, 3: 47}
"""The same of the points at which a field is judged; they share no point but the corners with the others."""
HELD_OUT = 0.1
"""Share of given samples by which a field is judged; it is not trained on."""
ROUNDING = 2 * float(np.finfo(np.float64).eps)
"""What is left over, as a share of the signal, that is nothing but rounding."""
ROUNDED = 3e-14
"""The same where it waves fast: sums whose weights have a norm of about thirty round to so much, which no further stage
takes away, at hundreds of times the cost of those before it."""
FAST = 24
"""Samples of the grid in a wave, below which it is fast."""
NOISE = 1e-11
"""The same where it waves faster than its grid can tell: the sum of many terms rounds to more than one of them."""

Function = Callable[[torch.Tensor], Any]


def samples_per_axis(frequency: float, kappa: float, parameters: int, dimension: int) -> int:
    """Samples along each axis of [−1, 1]^d for a residual of that frequency and a network of that κ and size.

    Chebyshev's points, which keep networks from swinging near the boundary, are π/2 times as far apart in the middle as
    equidistant ones. A wave of frequency f has 4f half waves over [−1, 1].
    """
    half_waves = 4 * max(frequency, kappa / (2 * math.pi))
    by_waves = math.floor(PER_HALF_WAVE * half_waves * math.pi / 2) + 1
    by_size = math.ceil((PER_PARAMETER * parameters) ** (1 / dimension))
    return max(by_waves, by_size, 8)


def chebyshev_points(side: int, dimension: int) -> Float[torch.Tensor, "n d"]:
    """The tensor product of Chebyshev's points cos(π (i + ½) / side) on [−1, 1]^d, in float64."""
    return _product([torch.cos(math.pi * (torch.arange(side, dtype=torch.float64) + 0.5) / side)] * dimension)


def fitted_network(config: StageConfig, frequency: float, rest: np.ndarray, spacing: PerAxis) -> StageConfig:
    """The network for what is left over on a grid (n_1, …, n_d, c): its κ by the dominant frequency, or its scales."""
    kappa = kappa_of(frequency)
    if not config.groups:
        return replace(config, kappa=kappa)
    scales = adapted_scales(rest, config.groups, spacing, channels_last=True)
    return replace(config, kappa=max(kappa, scales[-1]), scales=scales)


class FunctionStages:
    """A function on [−1, 1]^d: every stage is trained on as many new samples as what is left over asks for."""

    def __init__(self, function: Function, dimension: int, *, periodic: bool = False) -> None:
        """`function` takes points (n, d) in float64 and gives (n,) or (n, c).

        Raises UserError where it does not, or gives values that are not finite.
        """
        self.function, self.in_dim, self.periodic = function, dimension, periodic
        side = PROBE_SIDES[dimension]
        axis = -1 + 2 * torch.arange(side, dtype=torch.float64) / side
        self.axes = (axis,) * dimension
        grid = _product(self.axes)
        values = self.values(grid)
        self.out_dim = values.shape[1]
        self.spacing = 2 / side
        lattice = torch.linspace(-1, 1, CHECK_SIDES[dimension], dtype=torch.float64)
        check = _product([lattice] * dimension)
        self.probe = SignalProbe(
            points=check,
            values=self.values(check),
            axes=self.axes,
            grid_values=values.reshape(*[side] * dimension, self.out_dim),
            periodic=periodic,
        )
        self.size = float(values.square().mean().sqrt())

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

    def error(self, found: StagedField) -> float:
        """Relative L2 at points that no stage is trained on."""
        return relative_l2(evaluated(found, self.probe.points), self.probe.values)

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage: values are what is left over, divided by its root mean square."""
        with torch.no_grad():
            rest = (self.probe.grid_values - found.on_grid(self.axes)).numpy()  # type: ignore[operator]
        size = float(np.sqrt(np.mean(rest**2)))
        if size <= ROUNDING * self.size:
            return None
        frequency = grid_frequency(rest, self.spacing, channels_last=True)
        too_fast = frequency > 1 / (6 * self.spacing)
        if too_fast and size <= NOISE * self.size:
            return None
        if frequency > 1 / (FAST * self.spacing) and size <= ROUNDED * self.size:
            return None
        config = fitted_network(config, frequency, rest, self.spacing)
        parameters = config.parameters(self.in_dim, self.out_dim)
        wanted = samples_per_axis(frequency, config.kappa, parameters, self.in_dim)
        side = min(wanted, math.floor(MOST_SAMPLES ** (1 / self.in_dim)))
        per_half_wave = side / (4 * max(frequency, 1e-9) * math.pi / 2)
        notes = []
        if wanted > side:
            notes.append(f"{wanted} samples per axis were wanted, but no more than {side} are taken.")
        if too_fast:
            notes.append("What is left over waves too fast for the grid that its frequency is measured on.")
        points = chebyshev_points(side, self.in_dim)
        left = self.values(points) - evaluated(found, points)
        scale = float(left.square().mean().sqrt()) or size
        task = SignalTask(points, left / scale, _rest(self.probe, found, scale))
        return StagePlan(
            task=task,
            config=config,
            scale=scale,
            frequency=frequency,
            samples=len(points),
            per_half_wave=per_half_wave,
            notes=tuple(notes),
        )


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
        self.size = float(values.square().mean().sqrt())

    def error(self, found: StagedField) -> float:
        """Relative L2 at the samples that are held out."""
        return relative_l2(evaluated(found, self.probe.points), self.probe.values)

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage, on the same samples."""
        rest = self.all_values - evaluated(found, self.points)
        scale = float(rest[self.trained].square().mean().sqrt())
        if scale <= ROUNDING * self.size:
            return None
        if self.axes:
            grid = rest.reshape(*map(len, self.axes), self.out_dim).numpy()
            frequency = grid_frequency(grid, self.probe.spacing(), channels_last=True)
            config = fitted_network(config, frequency, grid, self.probe.spacing())
        else:
            if config.groups:
                raise UserError("Scattered samples have no spectrum for the scales of mscale. Take network='sine'.")
            frequency = scattered_frequency(self.points, rest)
            config = replace(config, kappa=kappa_of(frequency))
        # A network with more numbers than there are samples would have its way between them.
        most = max(1, len(self.trained) // (PER_PARAMETER * (self.in_dim + 1 + self.out_dim)))
        if config.depth == 1 and config.width > most:
            config = replace(config, width=most)
        spacing = 2 / len(self.trained) ** (1 / self.in_dim)
        per_half_wave = 1 / (2 * max(frequency, 1e-9) * spacing)
        notes = []
        if per_half_wave < PER_HALF_WAVE:
            notes.append(
                f"The data has {per_half_wave:.1f} samples per half wave of what is left over, fewer than "
                f"{PER_HALF_WAVE}, and cannot be refined: what lies between the samples is not learned."
            )
        task = SignalTask(self.points[self.trained], rest[self.trained] / scale, _rest(self.probe, found, scale))
        return StagePlan(
            task=task,
            config=config,
            scale=scale,
            frequency=frequency,
            samples=len(self.trained),
            per_half_wave=per_half_wave,
            notes=tuple(notes),
        )


@torch.no_grad()
def evaluated(field: torch.nn.Module, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n c"]:
    """The field's values, without gradients."""
    values: torch.Tensor = field(points)
    return values


def _rest(probe: SignalProbe, found: StagedField, scale: float) -> SignalProbe:
    """The probe of what is left over."""
    with torch.no_grad():
        grid = None if probe.grid_values is None else (probe.grid_values - found.on_grid(probe.axes)) / scale
        return replace(probe, values=(probe.values - found(probe.points)) / scale, grid_values=grid)


def _product(axes: Any) -> Float[torch.Tensor, "n d"]:
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))
