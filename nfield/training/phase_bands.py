"""Training of PhaseDNN's parallel form: every network learns its own band, shifted down to frequency zero.

The losses of the bands add, and no weight belongs to two of them, so that Adam trains each as if it were alone.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped

from nfield.backbones.phase_parallel import PhaseParallel
from nfield.core.checks import at_least
from nfield.core.seeding import generator as seeded
from nfield.core.types import Evaluation
from nfield.encodings.identity import Identity
from nfield.fields.base import Field
from nfield.spectral.arrays import AnyArray, PerAxis, per_axis, spacing_per_axis
from nfield.spectral.phase_shift import split_bands
from nfield.training.loop import fit
from nfield.training.result import TrainingResult
from nfield.training.settings import TrainingSettings

POINTS_AT_ONCE = 1 << 14


def band_targets(
    network: PhaseParallel,
    values: Shaped[AnyArray, "..."],
    spacing: PerAxis,
    origin: PerAxis,
    *,
    periodic: bool = True,
    channels_last: bool = False,
) -> tuple[Float[torch.Tensor, "n d"], Float[torch.Tensor, "n shifts c 2"]]:
    """Points of the grid, and the bands of its values over their RMS; the network's amplitudes are set to these."""
    bands = split_bands(values, network.shifts, spacing, origin, periodic=periodic, channels_last=channels_last)
    amplitudes = np.sqrt((np.abs(bands) ** 2).reshape(len(bands), -1).mean(1))
    # Rounding is all there is in a band this weak: it stays at zero.
    amplitudes[amplitudes < 1e-12 * amplitudes.max(initial=0.0)] = 0
    scaled = bands / np.where(amplitudes > 0, amplitudes, np.inf).reshape(-1, *[1] * (bands.ndim - 1))
    shape = bands.shape[2:]
    starts, steps = per_axis(origin, len(shape), "origin"), spacing_per_axis(spacing, len(shape))
    axes = [start + np.arange(n) * h for n, start, h in zip(shape, starts, steps, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(shape))
    flat = scaled.reshape(*bands.shape[:2], -1).transpose(2, 0, 1)
    like = network.networks.weights[0]
    network.amplitudes.copy_(torch.from_numpy(amplitudes))
    return (
        torch.from_numpy(points).to(like),
        torch.from_numpy(np.stack([flat.real, flat.imag], -1)).to(like),
    )


class BandBatch(NamedTuple):
    """Points, and the bands of the values there."""

    points: torch.Tensor
    targets: torch.Tensor


class BandTask:
    """Fit every band in the mean square, over its own mean square: those without energy count as they are."""

    quality_name = "bands_db"

    def __init__(
        self, points: Float[torch.Tensor, "n d"], targets: Float[torch.Tensor, "n shifts c 2"], batch_size: int
    ) -> None:
        at_least(batch_size, 1, "batch")
        self.points, self.targets, self.batch_size = points, targets, batch_size
        self.empty = (targets == 0).all(-1).all(-1).all(0).tolist()

    def batch(self, generator: torch.Generator) -> BandBatch:
        """`batch_size` points drawn at random, or all where there are no more."""
        if len(self.points) <= self.batch_size:
            return BandBatch(self.points, self.targets)
        chosen = torch.randint(len(self.points), (self.batch_size,), generator=generator).to(self.points.device)
        return BandBatch(self.points[chosen], self.targets[chosen])

    def losses(self, field: Any, batch: BandBatch) -> dict[str, torch.Tensor]:
        """Mean |T_j − t_j|² of each band, t_j of mean square one."""
        squares = (field.backbone.bands(batch.points) - batch.targets).square().sum(-1).mean((0, 2))
        return {f"band_{number}": loss for number, loss in enumerate(squares.unbind())}

    def evaluate(self, field: Any) -> Evaluation:
        """All bands together in decibels, and the relative error of each."""
        parts = zip(self.points.split(POINTS_AT_ONCE), self.targets.split(POINTS_AT_ONCE), strict=True)
        rows = [[len(x) * float(loss) for loss in self.losses(field, BandBatch(x, y)).values()] for x, y in parts]
        losses = [sum(column) / len(self.points) for column in zip(*rows, strict=True)]
        mean = sum(losses) / len(losses)
        return Evaluation(
            quality=math.inf if mean == 0 else -10 * math.log10(mean),
            band_errors=[None if empty else math.sqrt(loss) for loss, empty in zip(losses, self.empty, strict=True)],
        )


def fit_bands(
    network: PhaseParallel,
    values: Shaped[AnyArray, "..."],
    spacing: PerAxis,
    origin: PerAxis,
    *,
    steps: int = 1000,
    rate: float = 1e-2,
    batch: int = 1 << 14,
    seed: int = 0,
    periodic: bool = True,
    channels_last: bool = False,
) -> TrainingResult:
    """Train in place on values on a grid, whose first sample lies at `origin` and whose neighbours are `spacing` apart.

    Adam, its rate falling to zero as half a cosine; `batch` points a step, drawn anew for each, or all where there are
    no more. The result's `history` has the `bands`' relative errors. Signals whose ends do not meet need
    `periodic=False`, as in `split_bands`.
    Raises what `fit` and `split_bands` do.
    """
    points, targets = band_targets(network, values, spacing, origin, periodic=periodic, channels_last=channels_last)
    precision = "float64" if points.dtype == torch.float64 else "float32"
    settings = TrainingSettings(steps=steps, learning_rate=rate, final_rate=0.0, precision=precision)
    field = Field(Identity(network.in_dim), network)
    return fit(field, BandTask(points, targets, batch), settings, generator=seeded(seed, "batches"), run="bands")
