"""The regression job: values at points of 1 to 3 dimensions, all at each step or some of them drawn at random."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import UserError, at_least
from nfield.core.types import Evaluation, FieldLike
from nfield.spectral.bands import BandErrors
from nfield.spectral.residual import ResidualFigures, residual_at_points, residual_on_grid, root_mean_square


class SignalBatch(NamedTuple):
    """Points and their values."""

    points: torch.Tensor
    target: torch.Tensor


def relative_l2(found: Float[torch.Tensor, "*shape"], truth: Float[torch.Tensor, "*shape"]) -> float:
    """‖found − truth‖₂ / ‖truth‖₂; where the truth is zero, the numerator's root mean square."""
    norm = float(truth.norm())
    return float((found - truth).norm()) / (norm or math.sqrt(max(1, truth.numel())))


def decibels(error: float) -> float:
    """Signal to noise of a relative error."""
    return -20 * math.log10(error) if error > 0 else math.inf


@dataclass(frozen=True, kw_only=True, eq=False)
class SignalProbe:
    """Where a fit is measured: points that it is not trained on, and a regular grid for its bands."""

    points: Float[torch.Tensor, "n d"]
    values: Float[torch.Tensor, "n c"]
    axes: tuple[torch.Tensor, ...] = ()
    """Coordinates of the grid, without the end point; none where there is no grid."""
    grid_values: torch.Tensor | None = None
    """Values (n_1, ..., n_d, c) there."""
    periodic: bool = False
    """Whether the signal is periodic over the grid; others are windowed (Hann)."""

    def spacing(self) -> tuple[float, ...]:
        """Distance of neighbouring samples of the grid along each axis."""
        return tuple(float(axis[1] - axis[0]) if len(axis) > 1 else 1.0 for axis in self.axes)

    def bands(self) -> BandErrors | None:
        """Band errors against the grid's values; None without a grid."""
        if self.grid_values is None:
            return None
        return BandErrors(
            self.grid_values.numpy(), spacing=self.spacing(), channels_last=True, window=not self.periodic
        )


class SignalTask:
    """Fit values at points in the mean square: `mse = mean |field(x) − target|²`."""

    quality_name = "snr"

    def __init__(
        self,
        points: Float[torch.Tensor, "_ d"],
        target: Float[torch.Tensor, "_ c"],
        probe: SignalProbe,
        *,
        batch_size: int | None = None,
    ) -> None:
        """Without a `batch_size` each batch is all points. Raises UserError for no points, or values not finite."""
        if len(points) != len(target) or not len(points):
            raise UserError(f"{len(target)} values do not belong to {len(points)} points: give one for each.")
        if not bool(target.isfinite().all() and points.isfinite().all()):
            raise UserError("Points or values hold NaN or infinity: leave these samples out.")
        if batch_size is not None:
            at_least(batch_size, 1, "batch_size")
        self.points, self.target, self.probe, self.batch_size = points, target, probe, batch_size
        self.bands = probe.bands()

    def batch(self, generator: torch.Generator) -> SignalBatch:
        """All samples, or `batch_size` of them drawn without repetition."""
        if self.batch_size is None or self.batch_size >= len(self.points):
            return SignalBatch(self.points, self.target)
        drawn = torch.randperm(len(self.points), generator=generator)[: self.batch_size]
        return SignalBatch(self.points[drawn], self.target[drawn])

    def residuals(self, field: FieldLike, batch: SignalBatch) -> dict[str, torch.Tensor]:
        """Field less target at the batch's points."""
        return {"mse": field(batch.points) - batch.target}

    def losses(self, field: FieldLike, batch: SignalBatch) -> dict[str, torch.Tensor]:
        """Mean squared error of the batch."""
        return {name: residual.square().mean() for name, residual in self.residuals(field, batch).items()}

    def residual_figures(self, field: FieldLike) -> ResidualFigures:
        """Of the residual at the points; its frequency on the probe's grid, where there is one."""
        probe, residual = self.probe, (self.target - field(self.points).cpu()).double()
        if probe.grid_values is None:
            return residual_at_points(self.points, residual)
        on_grid = residual_on_grid(probe.grid_values - field.on_grid(probe.axes).cpu(), probe.spacing())
        return replace(on_grid, size=root_mean_square(residual))

    def evaluate(self, field: FieldLike) -> Evaluation:
        """Signal to noise, `−20 log10 ‖error‖/‖truth‖`, at points not trained on, and errors by band on the grid."""
        probe = self.probe
        error = relative_l2(field(probe.points).cpu().double(), probe.values)
        errors: list[float | None] = []
        if self.bands is not None:
            errors = self.bands(np.asarray(field.on_grid(probe.axes).cpu().double()))
        return Evaluation(
            quality=decibels(error),
            band_errors=errors,
            numbers={"relative_l2": error},
        )
