"""Patterns: the colour of a surface as a function of the place on it.

Places are in the object's own frame, before it is scaled, turned and shifted, so that a pattern moves along with its
object. Frequencies are in cycles and periods in lengths of that frame. Nothing here is random.
"""

import abc
import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.core.checks import UserError, at_least, positive, within
from nfield.scenes.colours import Colour, blend

Vector = tuple[float, float, float]
WHITE = (0.95, 0.94, 0.92)
DARK = (0.11, 0.13, 0.17)


class Pattern(abc.ABC):
    """A colour for every place."""

    @abc.abstractmethod
    def __call__(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colours in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Solid(Pattern):
    """One colour all over."""

    colour: Colour = WHITE

    def __call__(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The colour."""
        return places.new_tensor(self.colour).expand(len(places), 3)


@dataclass(frozen=True, kw_only=True)
class TwoColoured(Pattern):
    """Two colours that are blended by place."""

    first: Colour = WHITE
    second: Colour = DARK

    @abc.abstractmethod
    def share(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Share of the second colour."""

    def __call__(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colours in [0, 1]."""
        return blend(self.first, self.second, self.share(places))


@dataclass(frozen=True, kw_only=True)
class Checker(TwoColoured):
    """Cells of two colours in turn: cubes of edge `size` with one around the origin, or fields of a globe."""

    size: float = 0.25
    """Edge of the cubes."""
    around: int = 0
    """0 for cubes; otherwise the even number of fields along the equator, with half as many from pole to pole."""

    def __post_init__(self) -> None:
        positive(self.size, "The checker's size")
        at_least(self.around, 0, "The number of fields around the checker's equator")
        if self.around % 2:
            raise UserError(f"The checker's number of fields around must be even, but is {self.around}.")

    def share(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """0 in cells of even parity, of which the one around the origin is one."""
        if self.around:
            longitude, latitude = globe(places)
            # Counted from the south pole, half as many as around.
            cells = torch.stack([longitude * self.around, (latitude + 0.5) * (self.around // 2)], -1)
        else:
            # A cell has the origin in its middle, lest faces through the origin should fall between two cells.
            cells = places / self.size + 0.5
        return cells.floor().sum(-1) % 2


@dataclass(frozen=True, kw_only=True)
class Stripes(TwoColoured):
    """Stripes of two colours across a direction, hard or as a sine."""

    direction: Vector = (0.0, 0.0, 1.0)
    period: float = 0.2
    """Length of one stripe of each colour."""
    edges: Literal["hard", "sine"] = "hard"

    def __post_init__(self) -> None:
        positive(self.period, "The stripes' period")
        unit(self.direction, "The stripes' direction")

    def share(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """0 on the middle of a stripe at the origin."""
        wave = torch.cos(2 * math.pi * (places @ places.new_tensor(unit(self.direction, ""))) / self.period)
        return (wave < 0).to(wave.dtype) if self.edges == "hard" else 0.5 - 0.5 * wave


@dataclass(frozen=True, kw_only=True)
class Rings(TwoColoured):
    """A zone plate: rings around an axis, whose frequency grows in proportion to the distance from the axis."""

    axis: Vector = (0.0, 0.0, 1.0)
    frequency: float = 10.0
    """Cycles per length at distance 1 from the axis."""

    def __post_init__(self) -> None:
        positive(self.frequency, "The rings' frequency")
        unit(self.axis, "The rings' axis")

    def share(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """0 on the axis. The phase π f r² has the slope 2π f r."""
        along = places @ places.new_tensor(unit(self.axis, ""))
        squared = places.square().sum(-1) - along.square()
        return 0.5 - 0.5 * torch.cos(math.pi * self.frequency * squared)


@dataclass(frozen=True, kw_only=True)
class Octaves(TwoColoured):
    """A sum of plane waves whose frequency doubles from octave to octave, two across one another in each."""

    frequency: float = 1.0
    """Cycles per length of the lowest octave."""
    octaves: int = 5
    falloff: float = 0.7
    """Amplitude of an octave as a share of the one below; 1 for equal ones."""

    def __post_init__(self) -> None:
        positive(self.frequency, "The octaves' frequency")
        within(self.octaves, 1, 16, "The number of octaves")
        positive(self.falloff, "The octaves' falloff")

    def share(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """A half, plus waves that together never leave [0, 1]."""
        amplitudes = [self.falloff**octave for octave in range(self.octaves)]
        total = torch.zeros_like(places[:, 0])
        for octave, amplitude in enumerate(amplitudes):
            phases = 2 * math.pi * self.frequency * 2**octave * (places @ self._waves(octave).to(places))
            total = total + amplitude * phases.sin().mean(-1)
        return 0.5 + 0.5 * total / sum(amplitudes)

    @staticmethod
    def _waves(octave: int) -> Float[Tensor, "3 2"]:
        """Unit directions of both waves, as columns; those of different octaves are turned against one another."""
        turn, tilt = 2.4 * octave + 0.3, 0.9 + 0.35 * (octave % 3)
        across = (-math.sin(turn), math.cos(turn), 0.0)
        up = (math.cos(turn) * math.cos(tilt), math.sin(turn) * math.cos(tilt), math.sin(tilt))
        # Turned by 45 degrees in their plane, as a wave that is level draws circles around upright objects.
        half = math.sqrt(0.5)
        a, b = torch.tensor(across, dtype=torch.float64), torch.tensor(up, dtype=torch.float64)
        return torch.stack([half * (a + b), half * (a - b)], -1)


def unit(vector: Vector, what: str) -> Vector:
    """The vector at length 1. Raises UserError where it has no direction."""
    length = math.hypot(*vector)
    if not 0 < length < math.inf:
        raise UserError(f"{what} must be three finite numbers that are not all 0, but is {list(vector)}.")
    x, y, z = (value / length for value in vector)
    return x, y, z


def globe(places: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Longitude from x towards y in turns, within ±1/2, and latitude in half turns, within ±1/2."""
    x, y, z = places.unbind(-1)
    return torch.atan2(y, x) / (2 * math.pi), torch.atan2(z, torch.hypot(x, y)) / math.pi
