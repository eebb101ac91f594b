"""Basic encoding: one cosine and one sine per axis."""

from dataclasses import dataclass

import torch

from nfield.core.checks import positive
from nfield.encodings.axis_sinusoids import AxisSinusoids


@dataclass(frozen=True, kw_only=True)
class BasicConfig:
    """`[cos 2πbx, sin 2πbx]` with a single frequency b, which wraps each axis around a circle (2006.10739)."""

    frequency: float = 0.5
    """Cycles per unit of x; 0.5 is one turn over [-1, 1], the same as frequency 1 for coordinates in [0, 1)."""

    def __post_init__(self) -> None:
        positive(self.frequency, "frequency")

    def build(self, in_dim: int, generator: torch.Generator) -> AxisSinusoids:
        """The module; draws nothing from the generator."""
        return AxisSinusoids(in_dim, [self.frequency])
