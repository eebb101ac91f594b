"""Soft clouds: densities that are Gaussian in space, whose optical depth along a ray has a closed form.

With d the ray's direction and q = origin - centre, both divided by the standard deviations, and a = d·d, b = d·q,
c = q·q, the density along the ray is ρ exp(-(a t² + 2 b t + c) / 2), and its integral from 0 to t

    τ(t) = ρ exp(-(c - b²/a) / 2) √(π / 2a) [erf(√(a/2) (t + b/a)) - erf(√(a/2) b/a)].

Transmittance is exp(-Σ τ). Colours glow by themselves and are not lit: the light that arrives is ∫ T Σ ρᵢ colourᵢ dt.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.core.checks import UserError, positive
from nfield.scenes.colours import Colour
from nfield.scenes.patterns import Vector

PIECES = 32
"""Pieces of a ray within which colours mix in proportion to their optical depths; opacity is exact without them."""
REACH = 4.0
"""Standard deviations within which the pieces lie: outside is 6e-5 of the density."""
BISECTIONS = 30
THIN = 0.005
"""Opacity up to which a ray is a single piece: the order of colours along it changes them by less than its square."""


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A Gaussian cloud."""

    centre: Vector = (0.0, 0.0, 0.0)
    spread: Vector = (0.25, 0.25, 0.25)
    """Standard deviations along x, y, z."""
    density: float = 8.0
    """Share of the light lost per length, in the middle."""
    colour: Colour = (0.9, 0.9, 0.9)

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.centre)):
            raise UserError(f"The blob's centre must be finite numbers, but is {list(self.centre)}.")
        for value in self.spread:
            positive(value, "The blob's spread")
        positive(self.density, "The blob's density")

    def densities(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Densities at points, per length."""
        away = (points - points.new_tensor(self.centre)) / points.new_tensor(self.spread)
        return self.density * torch.exp(-0.5 * away.square().sum(-1))


class BlobRays:
    """Blobs along given rays; tensors are (blobs, rays), over whose first axis sums are fast."""

    def __init__(
        self, blobs: tuple[Blob, ...], origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> None:
        parts = [self._of(blob, origins, directions) for blob in blobs]
        self.nearest, self.width, self._height = (torch.stack(part) for part in zip(*parts, strict=True))
        self._start = self._error(torch.zeros_like(self.nearest))

    @staticmethod
    def _of(
        blob: Blob, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Distance to the densest place, standard deviation along the ray, and half of the whole optical depth."""
        spread = origins.new_tensor(blob.spread)
        along, away = directions / spread, (origins - origins.new_tensor(blob.centre)) / spread
        width = along.square().sum(-1).rsqrt()
        nearest = -(along * away).sum(-1) * width.square()
        # The closest approach, found as a vector: c - b²/a would lose its digits far away.
        closest = (away + nearest[:, None] * along).square().sum(-1)
        return nearest, width, blob.density * torch.exp(-0.5 * closest) * math.sqrt(math.pi / 2) * width

    def _error(self, ends: Float[Tensor, "#blobs n"]) -> Float[Tensor, "blobs n"]:
        return torch.erf(math.sqrt(0.5) * (ends - self.nearest) / self.width)

    def depth(self, ends: Float[Tensor, " n"]) -> Float[Tensor, "blobs n"]:
        """Optical depths τ of every blob from the rays' origins to the given distances."""
        return self._height * (self._error(ends[None]) - self._start)

    def rows(self, chosen: Tensor) -> "BlobRays":
        """Some of the rays only."""
        part = object.__new__(BlobRays)
        part.nearest, part.width = self.nearest[:, chosen], self.width[:, chosen]
        part._height, part._start = self._height[:, chosen], self._start[:, chosen]
        return part


def march_blobs(
    blobs: tuple[Blob, ...],
    origins: Float[Tensor, "n 3"],
    directions: Float[Tensor, "n 3"],
    ends: Float[Tensor, " n"],
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Light of the blobs that arrives, share of light from the rays' ends that does, and where that falls to a half.

    The distances are infinite on rays that keep more than half of the light. `ends` may be infinite.
    """
    rays = BlobRays(blobs, origins, directions)
    colours = origins.new_tensor([blob.colour for blob in blobs])
    depths = rays.depth(ends)
    passed = torch.exp(-depths.sum(0))
    # In thin fog nothing hides anything: one piece is the whole ray.
    light = _mean(depths, colours) * (1 - passed)[:, None]
    halved = torch.full_like(ends, torch.inf)
    thick = (passed < 1 - THIN).nonzero()[:, 0]
    if len(thick):
        part, end = rays.rows(thick), ends[thick]
        light[thick] = _arriving(part, end, colours)
        dim = (passed[thick] <= 0.5).nonzero()[:, 0]
        halved[thick[dim]] = _halving(part.rows(dim), end[dim])
    return light, passed, halved


def _mean(depths: Float[Tensor, "blobs n"], colours: Float[Tensor, "blobs 3"]) -> Float[Tensor, "n 3"]:
    """Mean colour, in proportion to optical depths."""
    return (depths.T @ colours) / depths.sum(0).clamp(min=torch.finfo(depths.dtype).tiny)[:, None]


def _arriving(rays: BlobRays, ends: Float[Tensor, " n"], colours: Float[Tensor, "blobs 3"]) -> Float[Tensor, "n 3"]:
    """∫ T Σ ρᵢ colourᵢ dt, piece by piece: the light lost in a piece is exact, its colour the mean of the piece."""
    low = (rays.nearest - REACH * rays.width).amin(0).clamp(min=0).minimum(ends)
    high = (rays.nearest + REACH * rays.width).amax(0).clamp(min=0).minimum(ends)
    depth = torch.zeros_like(rays.nearest)
    passed = torch.ones_like(ends)
    light = torch.zeros(len(ends), 3, dtype=ends.dtype, device=ends.device)
    for step in range(PIECES):
        # The first piece begins at the origin and the last one goes on to the end, so that nothing is left out.
        last = step == PIECES - 1
        reached = rays.depth(ends if last else low + (high - low) * ((step + 1) / PIECES))
        left = torch.exp(-reached.sum(0))
        light = light + (passed - left)[:, None] * _mean((reached - depth).clamp(min=0), colours)
        depth, passed = reached, left
    return light


def _halving(rays: BlobRays, ends: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Distance at which the transmittance is one half, by bisection."""
    low = torch.zeros_like(ends)
    high = (rays.nearest + 2 * REACH * rays.width).amax(0).clamp(min=0).minimum(ends)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        further = rays.depth(middle).sum(0) < math.log(2)
        low, high = torch.where(further, middle, low), torch.where(further, high, middle)
    return (low + high) / 2
