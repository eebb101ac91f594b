"""Gaussian random Fourier features of one scale."""

from dataclasses import dataclass

import torch

from nfield.core.checks import at_least, positive
from nfield.encodings.plane_waves import PlaneWaves, gaussian_frequencies


@dataclass(frozen=True, kw_only=True)
class GaussianConfig:
    """`[cos 2πBx, sin 2πBx]`, the entries of B drawn once from N(0, scale²) (Tancik et al., 2006.10739)."""

    scale: float = 10.0
    """Standard deviation of the frequencies, in cycles per unit of x; the 2π is not part of it."""
    frequencies: int = 256
    """Number m of wave vectors; there are 2m features."""

    def __post_init__(self) -> None:
        positive(self.scale, "scale")
        at_least(self.frequencies, 1, "frequencies")

    def build(self, in_dim: int, generator: torch.Generator) -> PlaneWaves:
        """The module with B drawn from the generator."""
        return PlaneWaves(gaussian_frequencies([self.scale], self.frequencies, in_dim, generator)[0])
