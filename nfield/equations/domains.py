"""Domains in space: boxes (an interval is a box of one dimension), disks and balls, and unions of them.

A domain maps numbers in the unit cube to points, so that the same code draws at random and by Sobol sequences. Points
on the boundary come with the outward unit normal.
"""

import abc
import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float

from nfield.core.checks import UserError

Numbers = Sequence[float | int]
Draw = Callable[["AbstractDomain", torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
Hidden = Callable[[int, torch.Tensor], torch.Tensor]
MOST_REJECTIONS = 200


class AbstractDomain(abc.ABC):
    """A bounded open set in space."""

    low: tuple[float, ...]
    """Lower corner of the smallest box around it."""
    high: tuple[float, ...]
    """Upper corner of that box."""

    @property
    def dimension(self) -> int:
        """Number of coordinates of space."""
        return len(self.low)

    @property
    @abc.abstractmethod
    def measure(self) -> float:
        """Length, area or volume; of a union the sum of its parts', which may overlap."""

    @property
    @abc.abstractmethod
    def boundary_measure(self) -> float:
        """Number of end points, length or area of the boundary; of a union the sum of its parts'."""

    @abc.abstractmethod
    def contains(self, points: Float[torch.Tensor, "n d"]) -> Bool[torch.Tensor, " n"]:
        """Whether points lie inside or on the boundary, to rounding."""

    @abc.abstractmethod
    def interior(self, unit: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points spread evenly over the domain where `unit` is spread evenly over the unit cube."""

    @abc.abstractmethod
    def boundary(self, unit: Float[torch.Tensor, "n d"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Points spread evenly over the boundary, and the outward normals there, both of shape (n, d)."""

    @abc.abstractmethod
    def vanishing(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """A smooth function that is zero on the boundary to first order and positive inside, 1 at its largest."""

    def signed(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """A function that vanishes on the boundary, positive inside and negative everywhere outside."""
        return self.vanishing(points)


class Box(AbstractDomain):
    """The product of intervals from `low` to `high`; two plain numbers make an interval."""

    def __init__(self, low: Numbers | float | int, high: Numbers | float | int) -> None:
        self.low, self.high = _numbers(low), _numbers(high)
        if len(self.low) != len(self.high) or not 1 <= len(self.low) <= 3:
            raise UserError(
                f"A box needs as many lower as upper ends, 1 to 3 of each, but low is {low} and high is {high}."
            )
        if not all(math.isfinite(a) and math.isfinite(b) and a < b for a, b in zip(self.low, self.high, strict=True)):
            raise UserError(
                f"A box from {low} to {high} has no size. Give finite ends, the upper above the lower on every axis."
            )

    @property
    def sides(self) -> tuple[float, ...]:
        """Lengths along the axes."""
        return tuple(b - a for a, b in zip(self.low, self.high, strict=True))

    @property
    def measure(self) -> float:
        """The product of the sides."""
        return math.prod(self.sides)

    @property
    def boundary_measure(self) -> float:
        """Sum over the faces: 2 for the ends of an interval."""
        return sum(2 * self.measure / side for side in self.sides)

    def contains(self, points: Float[torch.Tensor, "n d"]) -> Bool[torch.Tensor, " n"]:
        """Whether all coordinates lie between the ends."""
        low, sides = self._tensors(points)
        scaled = (points - low) / sides
        return ((scaled >= -1e-9) & (scaled <= 1 + 1e-9)).all(-1)

    def interior(self, unit: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """The unit cube, stretched."""
        low, sides = self._tensors(unit)
        return low + sides * unit

    def boundary(self, unit: Float[torch.Tensor, "n d"]) -> tuple[torch.Tensor, torch.Tensor]:
        """The first number chooses a face in proportion to its area, and the rest of it is used on the face."""
        low, sides = self._tensors(unit)
        face, inner = _chosen(unit, [self.measure / side for side in self.sides for _ in range(2)])
        axis, upper = face // 2, (face % 2).to(unit.dtype)
        # The axis of the face is fixed; the others take the numbers in turn.
        place = torch.arange(self.dimension)[None]
        within = torch.where(place < axis[:, None], place, (place - 1).clamp(min=0))
        free = inner.gather(1, within)
        on_axis = place == axis[:, None]
        points = low + sides * torch.where(on_axis, upper[:, None], free)
        normals = torch.where(on_axis, 2 * upper[:, None] - 1, torch.zeros_like(free))
        return points, normals

    def vanishing(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """The product of 4 s (1 − s) over the axes, s in [0, 1] along each."""
        low, sides = self._tensors(points)
        s = (points - low) / sides
        return (4 * s * (1 - s)).prod(-1, keepdim=True)

    def signed(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """The R-conjunction a + b − √(a² + b²) of the axes' own functions, whose product has wrong signs outside."""
        low, sides = self._tensors(points)
        s = (points - low) / sides
        value, *others = (4 * s * (1 - s)).split(1, -1)
        for other in others:
            value = value + other - (value.square() + other.square()).clamp(min=1e-30).sqrt()
        return value

    def _tensors(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return like.new_tensor(self.low), like.new_tensor(self.sides)


class Disk(AbstractDomain):
    """All points closer than `radius` to `centre`: a disk in the plane, a ball in space."""

    def __init__(self, centre: Numbers, radius: float | int) -> None:
        self.centre, self.radius = _numbers(centre), float(radius)
        if len(self.centre) not in (2, 3) or not all(map(math.isfinite, self.centre)):
            raise UserError(f"A disk needs a centre of 2 or 3 finite numbers, but it is {centre}.")
        if not math.isfinite(self.radius) or self.radius <= 0:
            raise UserError(f"A disk of radius {radius} has no size. Give a positive radius.")
        self.low = tuple(c - self.radius for c in self.centre)
        self.high = tuple(c + self.radius for c in self.centre)

    @property
    def measure(self) -> float:
        """πr², or 4πr³/3."""
        return math.pi * self.radius**2 * (1 if self.dimension == 2 else 4 / 3 * self.radius)

    @property
    def boundary_measure(self) -> float:
        """2πr, or 4πr²."""
        return 2 * math.pi * self.radius * (1 if self.dimension == 2 else 2 * self.radius)

    def contains(self, points: Float[torch.Tensor, "n d"]) -> Bool[torch.Tensor, " n"]:
        """Whether the distance from the centre is at most the radius."""
        return (points - points.new_tensor(self.centre)).norm(dim=-1) <= self.radius * (1 + 1e-9)

    def interior(self, unit: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """The last number gives the radius, r = R u^(1/d), the others the direction."""
        radii = self.radius * unit[:, -1:].pow(1 / self.dimension)
        return unit.new_tensor(self.centre) + radii * self._directions(unit)

    def boundary(self, unit: Float[torch.Tensor, "n d"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Directions evenly over the circle or the sphere; the last number is not used."""
        normals = self._directions(unit)
        return unit.new_tensor(self.centre) + self.radius * normals, normals

    def vanishing(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """1 − |x − c|²/R²."""
        return 1 - ((points - points.new_tensor(self.centre)) / self.radius).square().sum(-1, keepdim=True)

    def _directions(self, unit: torch.Tensor) -> torch.Tensor:
        angle = 2 * math.pi * unit[:, :1]
        if self.dimension == 2:
            return torch.cat([angle.cos(), angle.sin()], 1)
        height = 2 * unit[:, 1:2] - 1
        flat = (1 - height.square()).clamp(min=0).sqrt()
        return torch.cat([flat * angle.cos(), flat * angle.sin(), height], 1)


class Union(AbstractDomain):
    """All points in any of the parts. Points are drawn from each part and kept where no earlier part has them."""

    def __init__(self, *parts: AbstractDomain) -> None:
        if len(parts) < 2 or len({part.dimension for part in parts}) != 1:
            raise UserError(f"A union needs two or more domains of one dimension, but has {len(parts)} parts.")
        self.parts = parts
        columns = list(zip(*((part.low, part.high) for part in parts), strict=True))
        self.low = tuple(map(min, zip(*columns[0], strict=True)))
        self.high = tuple(map(max, zip(*columns[1], strict=True)))

    @property
    def measure(self) -> float:
        """The sum of the parts'; overlaps count twice."""
        return sum(part.measure for part in self.parts)

    @property
    def boundary_measure(self) -> float:
        """The sum of the parts', hidden pieces included."""
        return sum(part.boundary_measure for part in self.parts)

    def contains(self, points: Float[torch.Tensor, "n d"]) -> Bool[torch.Tensor, " n"]:
        """Whether any part contains them."""
        return torch.stack([part.contains(points) for part in self.parts]).any(0)

    def interior(self, unit: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points of the parts, each part by its measure; those that an earlier part has too are moved elsewhere."""

        def draw(part: AbstractDomain, numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            points = part.interior(numbers)
            return points, points

        def hidden(index: int, points: torch.Tensor) -> torch.Tensor:
            earlier = [part.contains(points) for part in self.parts[:index]]
            return torch.stack(earlier).any(0) if earlier else torch.zeros(len(points), dtype=torch.bool)

        return self._drawn(unit, [part.measure for part in self.parts], draw, hidden)[0]

    def boundary(self, unit: Float[torch.Tensor, "n d"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Points of the parts' boundaries that lie in no other part."""

        def hidden(index: int, points: torch.Tensor) -> torch.Tensor:
            others = [part.vanishing(points)[:, 0] > 1e-9 for i, part in enumerate(self.parts) if i != index]
            inside = [part.contains(points) for i, part in enumerate(self.parts) if i != index]
            return (torch.stack(others) & torch.stack(inside)).any(0)

        shares = [part.boundary_measure for part in self.parts]
        return self._drawn(unit, shares, lambda part, numbers: part.boundary(numbers), hidden)

    def vanishing(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """The R-function a + b + √(a² + b²) of the parts' own (Rvachev; Shapiro 1991), which is smooth inside."""
        value = self.parts[0].signed(points)
        for part in self.parts[1:]:
            other = part.signed(points)
            value = value + other + (value.square() + other.square()).clamp(min=1e-30).sqrt()
        return value / (2 + 2**0.5) ** (len(self.parts) - 1)

    def _drawn(
        self, unit: torch.Tensor, shares: list[float], draw: Draw, hidden: Hidden
    ) -> tuple[torch.Tensor, torch.Tensor]:
        found = [torch.zeros_like(unit), torch.zeros_like(unit)]
        todo, numbers = torch.arange(len(unit)), unit
        for _ in range(MOST_REJECTIONS):
            chosen, inner = _chosen(numbers, shares)
            again = torch.ones(len(todo), dtype=torch.bool)
            for index, part in enumerate(self.parts):
                mine = chosen == index
                if not bool(mine.any()):
                    continue
                points, normals = draw(part, inner[mine])
                keep = ~hidden(index, points)
                where = todo[mine][keep]
                found[0][where], found[1][where] = points[keep], normals[keep]
                again[mine.nonzero()[:, 0][keep]] = False
            todo, numbers = todo[again], numbers[again]
            if not len(todo):
                return found[0], found[1]
            # Another point of the cube from the last digits of this one, so that the same numbers give the same points.
            factors = unit.new_tensor([7919.7548776662466927, 6271.5698402909980532, 5417.4257207131])[: unit.shape[1]]
            numbers = (numbers * factors + factors) % 1
        raise UserError("Hardly any boundary of the union is left to draw points from: do its parts cover each other?")


def _numbers(value: Numbers | float | int) -> tuple[float, ...]:
    return (float(value),) if isinstance(value, (int, float)) else tuple(float(v) for v in value)


def _chosen(unit: Float[torch.Tensor, "n d"], shares: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """A part for each row by its first number, in proportion to the shares; the rows, that number spread anew."""
    ends = torch.tensor(shares, dtype=unit.dtype).cumsum(0) / sum(shares)
    part = torch.searchsorted(ends, unit[:, 0].contiguous(), right=True).clamp(max=len(shares) - 1)
    start = torch.cat([ends.new_zeros(1), ends[:-1]])[part]
    return part, torch.cat([((unit[:, 0] - start) / (ends[part] - start))[:, None], unit[:, 1:]], 1)
