"""Sinusoids along each axis, the module behind the basic, positional and NeRF encodings.

Notation: b, one of m frequencies in cycles per unit of x; features of one axis are [cos 2πb_1x, ..., cos 2πb_mx,
sin 2πb_1x, ..., sin 2πb_mx], and the axes' features are concatenated in the order of the axes.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float

from nfield.encodings.base import AbstractEncoding, check_in_dim


class AxisSinusoids(AbstractEncoding):
    """`[cos 2πbx, sin 2πbx]` for every axis and every frequency b (Tancik et al., arXiv 2006.10739)."""

    def __init__(self, in_dim: int, frequencies: Sequence[float]) -> None:
        super().__init__()
        self.in_dim = check_in_dim(in_dim)
        self.out_dim = 2 * in_dim * len(frequencies)
        self.register_buffer("frequencies", torch.tensor([float(b) for b in frequencies]))
        self.frequencies: torch.Tensor

    @property
    def band_limit(self) -> float:
        """The highest of the frequencies."""
        return float(self.frequencies.abs().max())

    def octaves(self) -> Float[torch.Tensor, " features"]:
        """log2 of the frequencies."""
        return self.frequencies.abs().log2().repeat(2 * self.in_dim)

    def _axis_features(self, x: Float[torch.Tensor, "*batch"]) -> Float[torch.Tensor, "*batch two_m"]:
        turns = x[..., None] * self.frequencies
        # Whole turns change nothing, and without them sine and cosine keep their precision at high frequencies.
        angle = 2 * math.pi * (turns - turns.detach().round())
        return torch.cat([angle.cos(), angle.sin()], -1)

    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch features"]:
        """Features of shape (..., 2 m d) at points of shape (..., d)."""
        self.check_dimension(x.shape[-1])
        return self._axis_features(x).flatten(-2)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "*grid features"]:
        """Features at a tensor product: each axis is encoded once, then repeated along the others."""
        self.check_dimension(len(axes))
        sizes, per_axis = [len(axis) for axis in axes], self.out_dim // self.in_dim
        parts = []
        for i, axis in enumerate(axes):
            place = [1] * i + [sizes[i]] + [1] * (len(axes) - 1 - i)
            parts.append(self._axis_features(axis).reshape(*place, per_axis).expand(*sizes, per_axis))
        return torch.cat(parts, -1)
