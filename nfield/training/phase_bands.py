"""Training of PhaseDNN's parallel form: every network learns its own band, shifted down to frequency zero.

The losses of the bands add, and no weight belongs to two of them, so that Adam trains each as if it were alone.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped

from nfield.backbones.phase_parallel import PhaseParallel
from nfield.core.checks import RunError, at_least, positive
from nfield.spectral.arrays import AnyArray, PerAxis, per_axis, spacing_per_axis
from nfield.spectral.phase_shift import split_bands
from nfield.training.schedules import cosine


@dataclass(frozen=True, kw_only=True, eq=False)
class BandTraining:
    """How each band was learned."""

    steps: list[int]
    """Steps at which the losses were kept."""
    losses: Float[np.ndarray, "looks shifts"]
    """Mean |T_j − t_j|² over the mean of |t_j|²; of bands without energy the mean |T_j|²."""


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
) -> BandTraining:
    """Train in place on values on a grid, whose first sample lies at `origin` and whose neighbours are `spacing` apart.

    Adam, its rate falling to zero as half a cosine; `batch` points a step, drawn anew for each, or all where there are
    no more. The losses of about fifty steps are kept. Signals whose ends do not meet need `periodic=False`, as in
    `split_bands`.
    Raises RunError where a loss is no longer finite, and UserError as `split_bands` does.
    """
    at_least(steps, 1, "steps")
    at_least(batch, 1, "batch")
    positive(rate, "rate")
    points, targets = band_targets(network, values, spacing, origin, periodic=periodic, channels_last=channels_last)
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    kept: list[int] = []
    seen: list[np.ndarray] = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * cosine(step / steps, 0.0)
        x, y = points, targets
        if len(points) > batch:
            chosen = torch.randint(len(points), (batch,), generator=draw).to(points.device)
            x, y = points[chosen], targets[chosen]
        losses = (network.bands(x) - y).square().sum(-1).mean((0, 2))
        optimizer.zero_grad(set_to_none=True)
        losses.sum().backward()
        optimizer.step()
        if step % math.ceil(steps / 50) == 0 or step + 1 == steps:
            kept.append(step)
            seen.append(losses.detach().double().cpu().numpy())
            if not np.isfinite(seen[-1]).all():
                raise RunError(f"A band's loss is no longer finite at step {step}: the rate {rate:g} is too high.")
    return BandTraining(steps=kept, losses=np.array(seen))
