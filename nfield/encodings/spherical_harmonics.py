"""Real spherical harmonics of directions in space.

Notation: Y_lm, degree l and order m = -l..l, orthonormal on the unit sphere; features ordered l² + l + m. Signs follow
the polynomials below, all with positive leading factor (no Condon-Shortley phase).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.core.checks import within
from nfield.encodings.base import AbstractEncoding, check_in_dim


@dataclass(frozen=True, kw_only=True)
class SphericalHarmonicsConfig:
    """Orthonormal real spherical harmonics up to a degree: (degree + 1)² smooth features of a direction."""

    degree: int = 4
    """Highest degree, 0 to 4; degree 3 gives 16 features, degree 4 gives 25."""

    def __post_init__(self) -> None:
        within(self.degree, 0, 4, "degree")

    def build(self, in_dim: int, generator: torch.Generator) -> "SphericalHarmonics":
        """The module for directions in three dimensions; draws nothing from the generator."""
        return SphericalHarmonics(in_dim, self.degree)


class SphericalHarmonics(AbstractEncoding):
    """Harmonics of x / |x|; points at the origin, which have no direction, are taken as they are."""

    def __init__(self, in_dim: int, degree: int) -> None:
        super().__init__()
        self.in_dim, self.degree = check_in_dim(in_dim, 3, 3), degree
        self.out_dim = (degree + 1) ** 2

    def forward(self, x: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch features"]:
        """Features of shape (..., (degree + 1)²) at directions of shape (..., 3) and any length."""
        self.check_dimension(x.shape[-1])
        squared = (x * x).sum(-1, keepdim=True)
        u = x / torch.where(squared > 0, squared, 1.0).sqrt()
        return torch.stack(_harmonics(u, self.degree), -1)


def _harmonics(u: Float[torch.Tensor, "*batch 3"], degree: int) -> list[Float[torch.Tensor, "*batch"]]:
    """The polynomials in the components of a unit vector (Sloan, Stupid Spherical Harmonics Tricks, 2008)."""
    x, y, z = u.unbind(-1)
    xx, yy, zz = x * x, y * y, z * z
    pi = math.pi
    values = [torch.full_like(x, math.sqrt(1 / (4 * pi)))]
    if degree >= 1:
        k = math.sqrt(3 / (4 * pi))
        values += [k * y, k * z, k * x]
    if degree >= 2:
        k = math.sqrt(15 / (4 * pi))
        values += [
            k * x * y,
            k * y * z,
            math.sqrt(5 / (16 * pi)) * (3 * zz - 1),
            k * x * z,
            k / 2 * (xx - yy),
        ]
    if degree >= 3:
        a, b, c = math.sqrt(35 / (32 * pi)), math.sqrt(105 / (4 * pi)), math.sqrt(21 / (32 * pi))
        values += [
            a * y * (3 * xx - yy),
            b * x * y * z,
            c * y * (5 * zz - 1),
            math.sqrt(7 / (16 * pi)) * z * (5 * zz - 3),
            c * x * (5 * zz - 1),
            b / 2 * z * (xx - yy),
            a * x * (xx - 3 * yy),
        ]
    if degree >= 4:
        a, b = math.sqrt(315 / (16 * pi)), math.sqrt(315 / (32 * pi))
        c, d = math.sqrt(45 / (16 * pi)), math.sqrt(45 / (32 * pi))
        values += [
            a * x * y * (xx - yy),
            b * y * z * (3 * xx - yy),
            c * x * y * (7 * zz - 1),
            d * y * z * (7 * zz - 3),
            math.sqrt(9 / (256 * pi)) * (35 * zz * zz - 30 * zz + 3),
            d * x * z * (7 * zz - 3),
            c / 2 * (xx - yy) * (7 * zz - 1),
            b * x * z * (xx - 3 * yy),
            a / 4 * (xx * (xx - 3 * yy) - yy * (3 * xx - yy)),
        ]
    return values
