"""Lenses: which direction each place of a picture looks in, and where a direction falls in it.

Notation: (u, v) is a place in a picture in pixels, u to the right and v downwards from the upper left corner, so that
pixel (row i, column j) has its centre at (j + 0.5, i + 0.5). Directions are in the camera's own axes: x right, y up,
looking along -z (OpenGL). (a, b) are the picture's coordinates on the plane at depth 1, b downwards, and (a', b')
what the lens makes of them:

    pinhole  a' = a
    opencv   a' = a (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 a b + p2 (r² + 2 a²), b' likewise, r² = a² + b²
    fisheye  a' = a θ' / r, θ' = θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸), θ = arctan r

and u = fx a' + cx, v = fy b' + cy. The models and the order of their coefficients are OpenCV's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.core.checks import UserError, at_least, positive

COEFFICIENTS = {"pinhole": 0, "opencv": 5, "fisheye": 4}
"""Numbers of coefficients: none; k1, k2, p1, p2, k3; k1, k2, k3, k4."""
NEWTON_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Lens:
    """A camera's inner geometry, for pictures of width x height pixels."""

    width: int
    height: int
    fx: float
    """Focal length in pixels, along the rows."""
    fy: float
    """Focal length in pixels, along the columns."""
    cx: float
    """Where the axis meets the picture, in pixels from the left edge."""
    cy: float
    """Where the axis meets the picture, in pixels from the upper edge."""
    model: Literal["pinhole", "opencv", "fisheye"] = "pinhole"
    distortion: tuple[float, ...] = ()
    """Coefficients in OpenCV's order: k1 k2 p1 p2 k3 of `opencv`, k1 k2 k3 k4 of `fisheye`; missing ones are zero."""

    def __post_init__(self) -> None:
        at_least(self.width, 1, "The width of a picture")
        at_least(self.height, 1, "The height of a picture")
        positive(self.fx, "The focal length fx")
        positive(self.fy, "The focal length fy")
        for name, value in (("cx", self.cx), ("cy", self.cy), *(("coefficient", c) for c in self.distortion)):
            if not math.isfinite(value):
                raise UserError(f"The lens's {name} must be a finite number, but is {value}.")
        if len(self.distortion) > COEFFICIENTS[self.model]:
            raise UserError(
                f"A {self.model} lens has {COEFFICIENTS[self.model]} coefficients at the most, "
                f"but {len(self.distortion)} are given: {self.distortion}."
            )

    @classmethod
    def of_angle(cls, width: int, height: int, degrees: float) -> "Lens":
        """A pinhole whose picture spans `degrees` from its left to its right edge."""
        if not 0 < degrees < 180:
            raise UserError(f"The angle of view must lie between 0 and 180 degrees, but is {degrees}.")
        focal = 0.5 * width / math.tan(math.radians(degrees) / 2)
        return cls(width=width, height=height, fx=focal, fy=focal, cx=width / 2, cy=height / 2)

    @property
    def distorts(self) -> bool:
        """Whether straight lines come out bent."""
        return self.model == "fisheye" or any(self.distortion)

    def resized(self, width: int, height: int) -> "Lens":
        """The same lens for pictures of another size."""
        x, y = width / self.width, height / self.height
        return replace(self, width=width, height=height, fx=self.fx * x, fy=self.fy * y, cx=self.cx * x, cy=self.cy * y)

    def directions(self, places: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3"]:
        """Unit directions, in the camera's axes, through places (u, v) of the picture."""
        lens = torch.zeros(places.shape[:-1], dtype=torch.int64, device=places.device)
        return Lenses([self]).directions(lens, places)

    def project(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 2"]:
        """Places (u, v) of points given in the camera's axes; NaN for points behind a lens that is no fisheye."""
        x, y, z = points.unbind(-1)
        k = [*self.distortion, *[0.0] * (5 - len(self.distortion))]
        if self.model == "fisheye":
            flat = torch.hypot(x, y)
            angle = torch.atan2(flat, -z)
            bent = _fisheye(angle, points.new_tensor(k[:4]))
            factor = torch.where(flat > 0, bent / flat.clamp(min=torch.finfo(points.dtype).tiny), 1 / -z)
            a, b = x * factor, -y * factor
        else:
            depth = torch.where(z < 0, -z, torch.nan)
            a, b = _opencv(x / depth, -y / depth, points.new_tensor(k))
        return torch.stack([self.fx * a + self.cx, self.fy * b + self.cy], -1)


class Lenses:
    """Several lenses, so that rays of a batch from many pictures are found together."""

    def __init__(self, lenses: Sequence[Lens]) -> None:
        self.lenses = tuple(lenses)
        numbers = [
            [lens.fx, lens.fy, lens.cx, lens.cy, *lens.distortion, *[0.0] * (5 - len(lens.distortion))]
            for lens in self.lenses
        ]
        self._numbers = torch.tensor(numbers, dtype=torch.float64)
        self._fisheye = torch.tensor([lens.model == "fisheye" for lens in self.lenses])
        self._bent = torch.tensor([lens.distorts for lens in self.lenses])
        self._any_bent = any(lens.distorts for lens in self.lenses)

    def directions(self, index: Int[Tensor, "*batch"], places: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3"]:
        """Unit directions, in the cameras' axes, through places (u, v) of the pictures of lenses given by number."""
        if self._numbers.device != places.device:
            self._numbers, self._fisheye, self._bent = (
                t.to(places.device) for t in (self._numbers, self._fisheye, self._bent)
            )
        numbers = self._numbers.to(places.dtype)[index]
        a = (places[..., 0] - numbers[..., 2]) / numbers[..., 0]
        b = (places[..., 1] - numbers[..., 3]) / numbers[..., 1]
        minus = -torch.ones_like(a)
        if self._any_bent:
            bent, round_ = self._bent[index], self._fisheye[index]
            flat = bent & ~round_
            if bool(flat.any()):
                a, b = a.clone(), b.clone()
                a[flat], b[flat] = _undo_opencv(a[flat], b[flat], numbers[flat][:, 4:])
            if bool(round_.any()):
                out = torch.hypot(a[round_], b[round_])
                angle = _undo_fisheye(out, numbers[round_][:, 4:8])
                factor = torch.where(out > 0, angle.sin() / out.clamp(min=torch.finfo(out.dtype).tiny), 1.0)
                a, b = a.clone(), b.clone()
                a[round_], b[round_], minus[round_] = a[round_] * factor, b[round_] * factor, -angle.cos()
        return torch.nn.functional.normalize(torch.stack([a, -b, minus], -1), dim=-1)


def _opencv(a: Tensor, b: Tensor, k: Float[Tensor, "*n 5"]) -> tuple[Tensor, Tensor]:
    """What an OpenCV lens makes of places on the plane at depth 1."""
    k1, k2, p1, p2, k3 = k.unbind(-1)
    r = a * a + b * b
    radial = 1 + r * (k1 + r * (k2 + r * k3))
    return (
        a * radial + 2 * p1 * a * b + p2 * (r + 2 * a * a),
        b * radial + p1 * (r + 2 * b * b) + 2 * p2 * a * b,
    )


def _undo_opencv(a: Tensor, b: Tensor, k: Float[Tensor, "n 5"]) -> tuple[Tensor, Tensor]:
    """Places on the plane that the lens brings to (a, b), by Newton's method from (a, b) itself."""
    k1, k2, p1, p2, k3 = k.unbind(-1)
    x, y = a.clone(), b.clone()
    for _ in range(NEWTON_STEPS):
        u, v = _opencv(x, y, k)
        r = x * x + y * y
        radial = 1 + r * (k1 + r * (k2 + r * k3))
        slope = 2 * (k1 + r * (2 * k2 + 3 * r * k3))
        ux = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x
        uy = slope * x * y + 2 * p1 * x + 2 * p2 * y
        vy = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x
        # Both mixed derivatives are the same.
        determinant = ux * vy - uy * uy
        determinant = torch.where(determinant.abs() > 1e-6, determinant, torch.ones_like(determinant))
        du, dv = a - u, b - v
        x, y = x + (vy * du - uy * dv) / determinant, y + (ux * dv - uy * du) / determinant
    return x, y


def _fisheye(angle: Tensor, k: Float[Tensor, "*n 4"]) -> Tensor:
    """Distance from the picture's axis, at focal length 1, of a direction at this angle from it."""
    k1, k2, k3, k4 = k.unbind(-1)
    s = angle * angle
    return angle * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4))))


def _undo_fisheye(out: Tensor, k: Float[Tensor, "n 4"]) -> Tensor:
    """Angle that comes out at this distance, between 0 and π, by Newton's method."""
    k1, k2, k3, k4 = k.unbind(-1)
    angle = out.clamp(max=math.pi)
    for _ in range(NEWTON_STEPS):
        s = angle * angle
        slope = 1 + s * (3 * k1 + s * (5 * k2 + s * (7 * k3 + s * 9 * k4)))
        slope = torch.where(slope.abs() > 1e-6, slope, torch.ones_like(slope))
        angle = (angle - (_fisheye(angle, k) - out) / slope).clamp(0, math.pi)
    return angle
