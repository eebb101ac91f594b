"""What an analytic shape is: a signed distance with a box, and where known its area, volume and curvatures."""

import abc
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

Bounds = tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]


class Shape(abc.ABC):
    """A solid given by a function that is negative inside, positive outside and nowhere steeper than 1.

    So no step as long as its absolute value crosses the surface. Where `exact`, it is the distance itself.
    """

    @abc.abstractmethod
    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances, in the unit of the points; their dtype and device are kept."""

    @property
    @abc.abstractmethod
    def bounds(self) -> Bounds:
        """Lowest and highest coordinates of a box around the shape, the tightest one where `exact`."""

    @property
    def exact(self) -> bool:
        """Whether values are distances everywhere, rather than bounds on them away from the surface."""
        return True

    @property
    def area(self) -> float | None:
        """Area of the surface; None where it has no closed form."""
        return None

    @property
    def volume(self) -> float | None:
        """Volume of the solid; None where it has no closed form."""
        return None

    def curvatures(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]] | None:
        """Mean and Gaussian curvature at points of the surface; None where they have no closed form.

        Mean curvature is half the divergence of the outward normal, so positive on a sphere.
        """
        return None

    @property
    def diagonal(self) -> float:
        """Length of the box's diagonal."""
        low, high = self.bounds
        return float(np.linalg.norm(high - low))


def gradients(shape: Shape, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 3"]]:
    """Values and gradients of a shape's function, by automatic differentiation."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        values = shape(points)
        (slopes,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), slopes


def outward_normals(shape: Shape, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
    """Unit normals at points of the surface, outward."""
    return torch.nn.functional.normalize(gradients(shape, points)[1], dim=-1)


def symmetric_bounds(*half: float) -> Bounds:
    """The box around the origin with the given half extents."""
    extent = np.array(half, dtype=np.float64)
    return -extent, extent


@dataclass(frozen=True, kw_only=True)
class Ground(Shape):
    """All points with z below 0. Unlike other shapes it has no end, so its bounds are infinite."""

    def __call__(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Signed distances."""
        return points[:, 2]

    @property
    def bounds(self) -> Bounds:
        """Everything below the plane."""
        return np.full(3, -np.inf), np.array([np.inf, np.inf, 0.0])

    def meet(self, origins: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Distances along rays to the plane, infinite where they do not come down to it.

        In closed form, because steps of the distance's length take ever longer towards the horizon.
        """
        height, slope = origins[:, 2], -directions[:, 2]
        along = height / slope.clamp(min=torch.finfo(height.dtype).tiny)
        return torch.where((slope > 0) & (height >= 0), along, torch.inf)
