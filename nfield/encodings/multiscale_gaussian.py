"""Gaussian random Fourier features of several scales, joined."""

from dataclasses import dataclass

import torch

from nfield.core.checks import at_least
from nfield.encodings.plane_waves import PlaneWaves, check_scales, gaussian_frequencies


@dataclass(frozen=True, kw_only=True)
class MultiscaleGaussianConfig:
    """Gaussian features of any number of scales in one vector: all cosines, then all sines.

    The branched form, in which each scale passes a shared trunk (2012.10047), is the backbone `fourier`.
    """

    scales: tuple[float, ...] = (1.0, 5.0, 20.0)
    """Standard deviations of the frequencies, in cycles per unit of x."""
    frequencies: int = 128
    """Number m of wave vectors per scale; there are 2m features per scale."""

    def __post_init__(self) -> None:
        check_scales(self.scales)
        at_least(self.frequencies, 1, "frequencies")

    def build(self, in_dim: int, generator: torch.Generator) -> PlaneWaves:
        """The module with all wave vectors drawn from the generator."""
        return PlaneWaves(gaussian_frequencies(self.scales, self.frequencies, in_dim, generator).flatten(0, 1))
