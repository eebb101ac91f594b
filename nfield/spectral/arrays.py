"""What every diagnostic starts from: an array on a regular grid, given as such or sampled from a callable."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped

from nfield.core.checks import UserError

AnyArray = np.ndarray | torch.Tensor
"""Every function of this folder takes NumPy arrays and torch tensors alike, and computes on the CPU."""

Number = float | int

PerAxis = float | int | Sequence[float | int]
"""One number for all axes, or one for each."""


def to_numpy(values: Shaped[AnyArray, "..."]) -> np.ndarray:
    """The same values as a NumPy array; half-precision tensors become float32, which NumPy can hold."""
    if isinstance(values, np.ndarray):
        return values
    values = values.detach()
    if values.dtype in (torch.bfloat16, torch.float16):
        values = values.float()
    return values.cpu().numpy()


def per_axis(value: PerAxis, dimension: int, what: str) -> tuple[float, ...]:
    """`value` repeated for every axis, or checked to be one number for each."""
    numbers = (float(value),) * dimension if isinstance(value, (int, float)) else tuple(map(float, value))
    if len(numbers) != dimension:
        raise UserError(
            f"{what} has {len(numbers)} numbers for a grid of {dimension} axes: give one number, or one per axis."
        )
    return numbers


def spacing_per_axis(spacing: PerAxis, dimension: int) -> tuple[float, ...]:
    """Distance of neighbouring samples along every axis; each must be positive and finite."""
    numbers = per_axis(spacing, dimension, "spacing")
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        raise UserError(f"spacing must be a positive distance of neighbouring samples, but is {spacing}.")
    return numbers


def channels_first(
    values: Shaped[AnyArray, "..."], channels_last: bool, what: str
) -> Shaped[np.ndarray, " channels *grid"]:
    """Real values on a grid of 1 to 3 axes, with the channels moved to the front (one where there were none).

    Raises `UserError` for complex or empty arrays and for grids of no or more than 3 axes.
    """
    array = to_numpy(values)
    array = np.moveaxis(array, -1, 0) if channels_last and array.ndim else array[None]
    if not 1 <= array.ndim - 1 <= 3:
        raise UserError(
            f"{what} has shape {tuple(values.shape)}, which is a grid of {array.ndim - 1} axes: "
            "give 1 to 3 grid axes, and channels_last=True where the last axis holds channels."
        )
    if array.size == 0:
        raise UserError(f"{what} is empty (shape {tuple(values.shape)}): give at least one sample.")
    if np.iscomplexobj(array):
        raise UserError(f"{what} is complex: give its real and imaginary part as two channels.")
    return array


def sample_on_grid(
    function: Callable[[torch.Tensor], Any],
    shape: tuple[int, ...],
    low: PerAxis = -1.0,
    high: PerAxis = 1.0,
    *,
    centred: bool = False,
    chunk: int = 1 << 16,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Shaped[np.ndarray, "..."]:
    """Values of any callable on a regular grid without its end point, as a periodic transform needs it.

    Along an axis of n samples, sample i lies at `low + i·h` with `h = (high − low) / n`, or, if `centred`,
    at the middle of its cell, `low + (i + ½)·h`, as pixels do. The spacing to state afterwards is h.

    `function` takes points of shape (m, d) and returns (m,) or (m, c), as a tensor or an array; it is called
    without gradients on `chunk` points at a time. Device and precision of the points are those of the
    first parameter of a module, the CPU and float32 otherwise, unless given. Returns an array of
    `shape`, with a last axis c where the function has one.
    """
    if not shape or min(shape) < 1 or chunk < 1:
        raise UserError(f"A grid needs at least one sample per axis and per chunk: {shape=}, {chunk=}.")
    lows, highs = per_axis(low, len(shape), "low"), per_axis(high, len(shape), "high")
    if any(b <= a for a, b in zip(lows, highs, strict=True)):
        raise UserError(f"high must lie above low on every axis, but low is {low} and high is {high}.")
    first = next(function.parameters(), None) if isinstance(function, torch.nn.Module) else None
    device = device or (first.device if first is not None else "cpu")
    dtype = dtype or (first.dtype if first is not None else torch.float32)
    offset = 0.5 if centred else 0.0
    axes = [a + (np.arange(n) + offset) * ((b - a) / n) for a, b, n in zip(lows, highs, shape, strict=True)]
    count = math.prod(shape)
    pieces = []
    with torch.no_grad():
        for start in range(0, count, chunk):
            indices = np.unravel_index(np.arange(start, min(start + chunk, count)), shape)
            points = np.stack([axis[index] for axis, index in zip(axes, indices, strict=True)], axis=-1)
            piece = function(torch.from_numpy(points).to(device=device, dtype=dtype))
            pieces.append(to_numpy(piece if isinstance(piece, torch.Tensor) else np.asarray(piece)))
    values = np.concatenate(pieces)
    if values.ndim not in (1, 2) or len(values) != count:
        raise UserError(
            f"The function returned shape {pieces[0].shape} for {len(pieces[0])} or more points: "
            "it must return one value or one row of channels for each point."
        )
    return values.reshape(*shape, *values.shape[1:])
