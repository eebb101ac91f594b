"""Objects of a scene: a shape at its place, and where rays meet it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from nfield.core.checks import at_least
from nfield.scenes.combined import Transformed
from nfield.scenes.lighting import Fade, Material
from nfield.scenes.patterns import Pattern, Solid
from nfield.scenes.shape import Bounds, Ground, Shape, outward_normals
from nfield.scenes.shapes import Box, Capsule, Sphere, Torus
from nfield.scenes.tracing import clip, march


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A shape that is scaled, turned and shifted, with its pattern and material."""

    shape: Shape
    pattern: Pattern = field(default_factory=Solid)
    material: Material = field(default_factory=Material)
    scale: float = 1.0
    rotation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Axis of the turn, as long as its angle in degrees."""
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fade: Fade | None = None

    def __post_init__(self) -> None:
        at_least(self.moved.scale, 0, "The scale")

    @cached_property
    def moved(self) -> Transformed:
        """The shape where it stands, as one shape."""
        return Transformed(shape=self.shape, scale=self.scale, rotation=self.rotation, shift=self.shift)

    @property
    def endless(self) -> bool:
        """Whether it has no end."""
        return isinstance(self.shape, Ground)

    @cached_property
    def bounds(self) -> Bounds:
        """The box around it, infinite where it has no end; tight for spheres, boxes and capsules."""
        if self.endless:
            return np.full(3, -np.inf), np.full(3, np.inf)
        if isinstance(self.shape, Sphere):
            half = np.full(3, self.scale * self.shape.radius)
        elif isinstance(self.shape, Capsule):
            axis = np.abs(self.moved.matrix[:, 2])
            half = self.scale * (self.shape.half_length * axis + self.shape.radius)
        else:
            return self.moved.bounds
        return np.array(self.shift) - half, np.array(self.shift) + half

    def reach(self, point: Float64[np.ndarray, "3"]) -> float:
        """Radius of a ball around the point that holds the object: the least one, but for gyroids."""
        place = self.moved.matrix.T @ (point - np.array(self.shift)) / self.scale
        if isinstance(self.shape, Box):
            found = np.linalg.norm(np.abs(place) + np.array(self.shape.half))
        elif isinstance(self.shape, Capsule):
            found = np.hypot(np.hypot(*place[:2]), abs(place[2]) + self.shape.half_length) + self.shape.radius
        elif isinstance(self.shape, Torus):
            found = np.hypot(np.hypot(*place[:2]) + self.shape.large, place[2]) + self.shape.small
        else:
            found = np.linalg.norm(place) + np.max(self.shape.bounds[1])
        return self.scale * float(found)

    def colours(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """The pattern at points of the surface, unlit."""
        places = self.moved.inner(points)
        colours = self.pattern(places)
        return colours if self.fade is None else self.fade(places, colours)

    def normals(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Unit normals at points of the surface, outward."""
        return outward_normals(self.moved, points)

    def meet(
        self,
        origins: Float[Tensor, "n 3"],
        directions: Float[Tensor, "n 3"],
        limits: Float[Tensor, " n"],
        tolerance: float,
    ) -> Float[Tensor, " n"]:
        """Distances along rays to the surface, infinite where it is not met before `limits`.

        A ray that passes the surface closer than the tolerance counts as meeting it.
        """
        inner = self.moved.inner(origins)
        turned = directions @ torch.from_numpy(self.moved.matrix).to(directions)
        if isinstance(self.shape, Ground):
            found = self.scale * self.shape.meet(inner, turned)
            return torch.where(found < limits, found, torch.inf)
        near, far = clip(self.shape.bounds, inner, turned, tolerance / self.scale)
        far = torch.minimum(far, limits / self.scale)
        rows = (near < far).nonzero()[:, 0]
        found = torch.full_like(limits, torch.inf)
        if len(rows):
            reached = march(self.shape, inner[rows], turned[rows], near[rows], far[rows], tolerance / self.scale)
            found[rows] = self.scale * reached
        return found
