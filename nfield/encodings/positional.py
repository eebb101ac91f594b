"""Positional encoding: sinusoids along each axis, their frequencies in octaves or in finer geometric steps."""

from dataclasses import dataclass
from typing import Literal

import torch

from nfield.core.checks import at_least, choice, positive
from nfield.encodings.axis_sinusoids import AxisSinusoids


@dataclass(frozen=True, kw_only=True)
class PositionalConfig:
    """`[cos 2πbx, sin 2πbx]` per axis, b = lowest · 2^j or lowest · scale^(j/m) for j < m (2006.10739)."""

    frequencies: int = 8
    """Number m of frequencies per axis."""
    spacing: Literal["octaves", "geometric"] = "octaves"
    """Octaves double from one frequency to the next; geometric takes m equal ratios up to just below scale."""
    scale: float = 64.0
    """With geometric spacing: bound of the frequencies, as a multiple of the lowest."""
    lowest: float = 0.5
    """Lowest frequency, in cycles per unit of x; 0.5 is one cycle over [-1, 1], so that no two places look alike."""

    def __post_init__(self) -> None:
        at_least(self.frequencies, 1, "frequencies")
        choice(self.spacing, ["octaves", "geometric"], "spacing")
        at_least(self.scale, 1, "scale")
        positive(self.lowest, "lowest")

    def build(self, in_dim: int, generator: torch.Generator) -> AxisSinusoids:
        """The module; draws nothing from the generator."""
        steps = range(self.frequencies)
        if self.spacing == "octaves":
            return AxisSinusoids(in_dim, [self.lowest * 2.0**j for j in steps])
        return AxisSinusoids(in_dim, [self.lowest * self.scale ** (j / self.frequencies) for j in steps])
