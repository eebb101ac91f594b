"""Sinusoids of given frequencies along given axes, beside the coordinates themselves."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.core.checks import UserError, positive
from nfield.encodings.base import AbstractEncoding, check_in_dim


@dataclass(frozen=True, kw_only=True)
class TonesConfig:
    """`[x, cos 2πbx_a, sin 2πbx_a]` for each frequency b and its axis a, as where a spectrum has its peaks.

    With the coordinates beside them, a network makes slow amplitudes times these waves out of slow functions.
    """

    frequencies: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Frequencies b, in cycles per unit of x."""
    axes: tuple[int, ...] = ()
    """The axis of each frequency, from 0; none given, every frequency stands along every axis."""

    def __post_init__(self) -> None:
        for frequency in self.frequencies:
            positive(frequency, "A frequency of tones")
        if self.axes and (len(self.axes) != len(self.frequencies) or min(self.axes) < 0):
            raise UserError(
                f"axes must name one axis from 0 for each of the {len(self.frequencies)} frequencies, "
                f"but is {self.axes}."
            )

    def build(self, in_dim: int, generator: torch.Generator) -> "Tones":
        """The module; draws nothing from the generator."""
        return Tones(self, in_dim)


class Tones(AbstractEncoding):
    """The coordinates, then all cosines, then all sines."""

    def __init__(self, config: TonesConfig, in_dim: int) -> None:
        super().__init__()
        self.in_dim = check_in_dim(in_dim)
        pairs = list(zip(config.axes, config.frequencies, strict=False))
        if not config.axes:
            pairs = [(axis, frequency) for axis in range(in_dim) for frequency in config.frequencies]
        if any(axis >= in_dim for axis, _ in pairs):
            raise UserError(f"axes names axis {max(config.axes)}, but points have {in_dim} coordinates, from 0.")
        self.out_dim = in_dim + 2 * len(pairs)
        self.axes = [axis for axis, _ in pairs]
        self.register_buffer("frequencies", torch.tensor([float(b) for _, b in pairs], dtype=torch.float64).float())
        self.frequencies: torch.Tensor

    def octaves(self) -> Float[torch.Tensor, " features"]:
        """For the coordinates that of a wave as steep as they are on average, then log2 of the frequencies."""
        coordinates = self.frequencies.new_full((self.in_dim,), -math.log2(math.sqrt(2) * math.pi))
        return torch.cat([coordinates, self.frequencies.log2().repeat(2)])

    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch features"]:
        """Features of shape (..., d + 2 m) at points of shape (..., d)."""
        self.check_dimension(x.shape[-1])
        turns = x[..., self.axes] * self.frequencies
        # Whole turns change nothing, and without them sine and cosine keep their precision at high frequencies.
        angle = 2 * math.pi * (turns - turns.detach().round())
        return torch.cat([x, angle.cos(), angle.sin()], -1)
