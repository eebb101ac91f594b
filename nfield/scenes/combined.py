"""Shapes made of others: moved, turned and scaled, or put together."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from nfield.core.checks import UserError, positive
from nfield.scenes.shape import Bounds, Shape


@dataclass(frozen=True, kw_only=True)
class Transformed(Shape):
    """A shape that is first scaled, then turned about the origin, then shifted."""

    shape: Shape
    scale: float = 1.0
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Axis of the turn, as long as its angle in degrees."""
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        positive(self.scale, "The scale")
        if not np.isfinite([*self.rotation, *self.shift]).all():
            raise UserError(f"Rotation {self.rotation} and shift {self.shift} must be finite numbers.")

    @cached_property
    def matrix(self) -> Float64[np.ndarray, "3 3"]:
        """The turn as a matrix that multiplies columns."""
        from scipy.spatial.transform import Rotation

        return Rotation.from_rotvec(self.rotation, degrees=True).as_matrix()

    def inner(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Where the points lie in the frame of the shape inside."""
        return (points - points.new_tensor(self.shift)) @ torch.from_numpy(self.matrix).to(points) / self.scale

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        return self.scale * self.shape(self.inner(points))

    @property
    def exact(self) -> bool:
        """As the shape inside."""
        return self.shape.exact

    @property
    def bounds(self) -> Bounds:
        """A box around the turned box: not the tightest one for round shapes that are turned."""
        corners = np.array(list(product(*zip(*self.shape.bounds, strict=True))))
        moved = self.scale * corners @ self.matrix.T + np.array(self.shift)
        return moved.min(0), moved.max(0)

    @property
    def area(self) -> float | None:
        """With the square of the scale."""
        return None if self.shape.area is None else self.shape.area * self.scale**2

    @property
    def volume(self) -> float | None:
        """With the cube of the scale."""
        return None if self.shape.volume is None else self.shape.volume * self.scale**3

    def curvatures(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]] | None:
        """With the inverse of the scale, and of its square."""
        found = self.shape.curvatures(self.inner(points))
        return None if found is None else (found[0] / self.scale, found[1] / self.scale**2)


@dataclass(frozen=True, kw_only=True)
class Union(Shape):
    """Several shapes as one: the smallest of their values."""

    shapes: tuple[Shape, ...]

    def __post_init__(self) -> None:
        if not self.shapes:
            raise UserError("A union needs at least one shape. Give some.")

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances; inside of shapes that overlap, bounds on them."""
        return torch.stack([shape(points) for shape in self.shapes]).amin(0)

    @cached_property
    def apart(self) -> bool:
        """Whether the boxes of all shapes are apart, so that the shapes are."""
        boxes = [shape.bounds for shape in self.shapes]
        return all(((a[0] > b[1]) | (b[0] > a[1])).any() for a, b in combinations(boxes, 2))

    @property
    def exact(self) -> bool:
        """Only of exact shapes that are apart."""
        return self.apart and all(shape.exact for shape in self.shapes)

    @property
    def bounds(self) -> Bounds:
        """The box around all boxes."""
        boxes = [shape.bounds for shape in self.shapes]
        return np.min([low for low, _ in boxes], 0), np.max([high for _, high in boxes], 0)

    @property
    def area(self) -> float | None:
        """The sum, where all are known and the shapes are apart."""
        return self._sum([shape.area for shape in self.shapes])

    @property
    def volume(self) -> float | None:
        """The sum, where all are known and the shapes are apart."""
        return self._sum([shape.volume for shape in self.shapes])

    def _sum(self, parts: list[float | None]) -> float | None:
        known = [part for part in parts if part is not None]
        return sum(known) if self.apart and len(known) == len(parts) else None
