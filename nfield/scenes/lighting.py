"""Light: materials, lamps far away, and what is seen behind everything.

Notation: n, unit normal; l, unit direction to the lamp; v, unit direction to the viewer; r = 2 (n·l) n - l. Phong's
model ("Illumination for computer generated pictures", 1975), with v = -direction of the ray:

    colour · (ambient + Σ diffuse · lamp · max(n·l, 0)) + Σ specular · lamp · max(r·v, 0)^shininess

both sums over the lamps that are not hidden.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.core.checks import at_least, positive, within
from nfield.scenes.colours import Colour, blend
from nfield.scenes.patterns import Vector, unit


@dataclass(frozen=True, kw_only=True)
class Material:
    """How a surface sends light back."""

    diffuse: float = 1.0
    """Share of the lamps' light that goes in all directions, in the pattern's colour."""
    specular: float = 0.0
    """Strength of the highlight, in the lamp's colour."""
    shininess: float = 32.0
    """The highlight's exponent: the higher, the smaller it is."""

    def __post_init__(self) -> None:
        at_least(self.diffuse, 0, "The material's diffuse share")
        at_least(self.specular, 0, "The material's specular strength")
        positive(self.shininess, "The material's shininess")


@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A lamp so far away that its light comes from one direction, with hard shadows."""

    towards: Vector = (1.0, -1.0, 2.0)
    """Direction in which the lamp stands, of any length."""
    strength: float = 0.8
    colour: Colour = (1.0, 1.0, 1.0)
    shadows: bool = True

    def __post_init__(self) -> None:
        unit(self.towards, "The direction towards the lamp")
        at_least(self.strength, 0, "The lamp's strength")

    def direction(self, like: Tensor) -> Float[Tensor, "3"]:
        """Unit vector towards the lamp, of the other tensor's dtype and device."""
        return like.new_tensor(unit(self.towards, ""))

    def light(self, like: Tensor) -> Float[Tensor, "3"]:
        """Its colour times its strength."""
        return self.strength * like.new_tensor(self.colour)


@dataclass(frozen=True, kw_only=True)
class Background:
    """What is seen where there is nothing: no colour, one colour, or a sky from the horizon to the zenith."""

    horizon: Colour | None = None
    zenith: Colour | None = None

    @property
    def transparent(self) -> bool:
        """Whether nothing is seen."""
        return self.horizon is None

    @property
    def sky(self) -> bool:
        """Whether it changes with the direction."""
        return self.zenith is not None

    def seen(self, directions: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Colours in unit directions; black where it is transparent."""
        horizon = self.horizon or (0.0, 0.0, 0.0)
        return blend(horizon, self.zenith or horizon, directions[:, 2].clamp(0, 1).sqrt())


@dataclass(frozen=True, kw_only=True)
class Fade:
    """How a pattern gives way to one colour away from the origin, so that none is too fine at the horizon."""

    colour: Colour
    radius: float
    """Distance at which 63 % is that colour."""

    def __post_init__(self) -> None:
        positive(self.radius, "The fade's radius")

    def __call__(self, places: Float[Tensor, "n 3"], colours: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The colours, with the share 1 - exp(-r²/radius²) of this one."""
        kept = torch.exp(-places.square().sum(-1, keepdim=True) / self.radius**2)
        return kept * colours + (1 - kept) * colours.new_tensor(self.colour)


def ambient_share(value: float) -> float:
    """Return the strength of light from all sides if it lies in [0, 1]; otherwise raise UserError."""
    return within(value, 0, 1, "The ambient light")
