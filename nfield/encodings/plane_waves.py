"""Plane waves with given wave vectors, the module behind the Gaussian encodings.

Notation: B, wave vectors of shape (m, d) in cycles per unit of x; features [cos 2πBx, sin 2πBx], cosines first.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.encodings.base import AbstractEncoding, check_in_dim
from nfield.encodings.coordinates import exact_where_coordinates


class PlaneWaves(AbstractEncoding):
    """`[cos 2πBx, sin 2πBx]` for a fixed matrix B of wave vectors (Tancik et al., arXiv 2006.10739)."""

    def __init__(self, frequencies: Float[torch.Tensor, "m d"]) -> None:
        super().__init__()
        self.in_dim = frequencies.shape[1]
        self.out_dim = 2 * frequencies.shape[0]
        self.register_buffer("frequencies", frequencies)
        self.frequencies: torch.Tensor

    @property
    def band_limit(self) -> float:
        """The greatest length of a wave vector."""
        return float(self.frequencies.norm(dim=1).max())

    def octaves(self) -> Float[torch.Tensor, " features"]:
        """log2 of the wave vectors' lengths."""
        return self.frequencies.norm(dim=1).clamp(min=torch.finfo(torch.float32).tiny).log2().repeat(2)

    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch features"]:
        """Features of shape (..., 2 m) at points of shape (..., d)."""
        self.check_dimension(x.shape[-1])
        with exact_where_coordinates(x):
            angle = x @ (2 * math.pi * self.frequencies).T
        return torch.cat([angle.cos(), angle.sin()], -1)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "*grid features"]:
        """Features at a tensor product: sines and cosines of each axis once, then the addition theorem."""
        self.check_dimension(len(axes))
        cosine = sine = None
        for i, axis in enumerate(axes):
            angle = 2 * math.pi * axis[:, None] * self.frequencies[:, i]
            c, s = angle.cos(), angle.sin()
            if cosine is None or sine is None:
                cosine, sine = c, s
            else:
                cosine, sine = cosine[..., None, :], sine[..., None, :]
                cosine, sine = cosine * c - sine * s, sine * c + cosine * s
        if cosine is None or sine is None:
            raise AssertionError("a grid has at least one axis")
        return torch.cat([cosine, sine], -1)


def gaussian_frequencies(
    scales: Sequence[float], count: int, in_dim: int, generator: torch.Generator
) -> Float[torch.Tensor, "scales count d"]:
    """`count` wave vectors for each scale s, their entries drawn from N(0, s²), in cycles per unit of x."""
    check_in_dim(in_dim)
    unit = torch.randn(len(scales), count, in_dim, generator=generator, device=generator.device)
    return unit * torch.tensor([float(s) for s in scales], device=generator.device)[:, None, None]


def check_scales(scales: Sequence[float], what: str = "scales") -> None:
    """Raise a `UserError` unless there is at least one scale and all are positive numbers."""
    if len(scales) == 0 or not all(math.isfinite(s) and s > 0 for s in scales):
        raise UserError(f"{what} must be one or more positive numbers, but is {tuple(scales)}.")
