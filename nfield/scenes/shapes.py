"""Shapes around the origin with known distance, area, volume and curvature.

Formulas of the distances after Quilez, "Distance functions" (iquilezles.org/articles/distfunctions); of the gyroid
after Schoen 1970, NASA TN D-5541, in its usual trigonometric approximation.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import vector_norm

from nfield.core.checks import UserError, positive
from nfield.scenes.shape import Bounds, Shape, symmetric_bounds


@dataclass(frozen=True, kw_only=True)
class Sphere(Shape):
    """A ball."""

    radius: float = 1.0

    def __post_init__(self) -> None:
        positive(self.radius, "The sphere's radius")

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        return vector_norm(points, dim=-1) - self.radius

    @property
    def bounds(self) -> Bounds:
        """The cube around it."""
        return symmetric_bounds(self.radius, self.radius, self.radius)

    @property
    def area(self) -> float:
        """4πr²."""
        return 4 * math.pi * self.radius**2

    @property
    def volume(self) -> float:
        """4πr³/3."""
        return 4 / 3 * math.pi * self.radius**3

    def curvatures(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """1/r and 1/r²."""
        one = torch.ones_like(points[:, 0])
        return one / self.radius, one / self.radius**2


@dataclass(frozen=True, kw_only=True)
class Torus(Shape):
    """A ring in the plane of x and y: a tube of radius `small` along a circle of radius `large`."""

    large: float = 0.7
    small: float = 0.3

    def __post_init__(self) -> None:
        positive(self.small, "The torus's small radius")
        if not self.small < self.large < math.inf:
            raise UserError(
                f"The torus's large radius must exceed its small one, {self.small}, but is {self.large}. "
                "Otherwise the tube meets itself."
            )

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        return vector_norm(torch.stack([self._outward(points), points[:, 2]], -1), dim=-1) - self.small

    def _outward(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Distance from the axis beyond the circle's."""
        return vector_norm(points[:, :2], dim=-1) - self.large

    @property
    def bounds(self) -> Bounds:
        """The box around it."""
        return symmetric_bounds(self.large + self.small, self.large + self.small, self.small)

    @property
    def area(self) -> float:
        """4π²Rr."""
        return 4 * math.pi**2 * self.large * self.small

    @property
    def volume(self) -> float:
        """2π²Rr²."""
        return 2 * math.pi**2 * self.large * self.small**2

    def curvatures(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Half the sum and the product of 1/r and cos θ / (R + r cos θ), θ around the tube and 0 outside."""
        cosine = self._outward(points) / self.small
        around = cosine / (self.large + self.small * cosine)
        return (1 / self.small + around) / 2, around / self.small


@dataclass(frozen=True, kw_only=True)
class Box(Shape):
    """A box with sharp edges; `half` are its half extents."""

    half: tuple[float, float, float] = (0.5, 0.4, 0.3)

    def __post_init__(self) -> None:
        for extent in self.half:
            positive(extent, "The box's half extent")

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        beyond = points.abs() - points.new_tensor(self.half)
        return vector_norm(beyond.clamp(min=0), dim=-1) + beyond.amax(-1).clamp(max=0)

    @property
    def bounds(self) -> Bounds:
        """Itself."""
        return symmetric_bounds(*self.half)

    @property
    def area(self) -> float:
        """8(ab + bc + ca)."""
        a, b, c = self.half
        return 8 * (a * b + b * c + c * a)

    @property
    def volume(self) -> float:
        """8abc."""
        return 8 * math.prod(self.half)


@dataclass(frozen=True, kw_only=True)
class Capsule(Shape):
    """A cylinder along z from -`half_length` to `half_length`, closed by half balls of the same `radius`."""

    radius: float = 0.3
    half_length: float = 0.4

    def __post_init__(self) -> None:
        positive(self.radius, "The capsule's radius")
        positive(self.half_length, "The capsule's half length")

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        x, y, z = points.unbind(-1)
        beyond = z - z.clamp(-self.half_length, self.half_length)
        return vector_norm(torch.stack([x, y, beyond], -1), dim=-1) - self.radius

    @property
    def bounds(self) -> Bounds:
        """The box around it."""
        return symmetric_bounds(self.radius, self.radius, self.half_length + self.radius)

    @property
    def area(self) -> float:
        """4πr(h + r), h half the length."""
        return 4 * math.pi * self.radius * (self.half_length + self.radius)

    @property
    def volume(self) -> float:
        """πr²(2h + 4r/3), h half the length."""
        return math.pi * self.radius**2 * (2 * self.half_length + 4 / 3 * self.radius)

    def curvatures(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """1/r and 1/r² on the half balls, 1/(2r) and 0 on the cylinder; they jump where these meet."""
        ball = (points[:, 2].abs() > self.half_length).to(points.dtype)
        return (1 + ball) / (2 * self.radius), ball / self.radius**2


@dataclass(frozen=True, kw_only=True)
class Gyroid(Shape):
    """The triply periodic solid sin x cos y + sin y cos z + sin z cos x < 0, or a wall along its border, in a ball.

    Its function is not a distance: the sum of sines is divided by the steepest slope that it has anywhere, √3 times
    the wave number, so that it never exceeds the distance but may fall far below it.
    """

    period: float = 1.0
    """Length after which it repeats along each axis."""
    radius: float = 1.0
    """Radius of the ball that it is cut to."""
    thickness: float | None = None
    """None for the solid on one side; otherwise a wall along the border, about this thick where the slope is
    steepest and up to √2 times as thick elsewhere on the border."""

    def __post_init__(self) -> None:
        positive(self.period, "The gyroid's period")
        positive(self.radius, "The gyroid's radius")
        if self.thickness is not None:
            positive(self.thickness, "The gyroid's thickness")

    @property
    def exact(self) -> bool:
        """No: its values are bounds on distances."""
        return False

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Bounds on signed distances."""
        number = 2 * math.pi / self.period
        phase = number * points
        waves = (phase.sin() * phase.roll(-1, dims=-1).cos()).sum(-1) / (math.sqrt(3) * number)
        if self.thickness is not None:
            waves = waves.abs() - self.thickness / 2
        return torch.maximum(waves, vector_norm(points, dim=-1) - self.radius)

    @property
    def bounds(self) -> Bounds:
        """The cube around the ball."""
        return symmetric_bounds(self.radius, self.radius, self.radius)


SHAPES: dict[str, type[Shape]] = {
    "sphere": Sphere,
    "torus": Torus,
    "box": Box,
    "capsule": Capsule,
    "gyroid": Gyroid,
}
