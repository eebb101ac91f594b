"""NeRF's positional encoding."""

from dataclasses import dataclass

import torch

from nfield.core.checks import at_least
from nfield.encodings.axis_sinusoids import AxisSinusoids


@dataclass(frozen=True, kw_only=True)
class NeRFConfig:
    """`[cos 2^j πx, sin 2^j πx]` per axis for j below the number of octaves (Mildenhall et al., 2003.08934)."""

    octaves: int = 10
    """Number of frequencies; 10 for positions and 4 for directions in the paper."""

    def __post_init__(self) -> None:
        at_least(self.octaves, 1, "octaves")

    def build(self, in_dim: int, generator: torch.Generator) -> AxisSinusoids:
        """The module; draws nothing from the generator."""
        return AxisSinusoids(in_dim, [2.0**j / 2 for j in range(self.octaves)])
