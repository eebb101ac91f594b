"""Steps along rays: even near the camera, and growing with the distance far from it.

Notation: t, distance along a ray of unit direction; u, the same counted in steps, so that sample k lies at u = k:
    t = h u                      up to t₁ = h / g,
    t = t₁ exp(g u - 1)          beyond, where steps grow to g t, g being the cone angle; 0 for even steps everywhere.
Both pieces meet with the same slope.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.core.checks import at_least, positive


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """Distances along rays, in steps."""

    step: float
    """Length h of a step near the camera."""
    growth: float = 0.0
    """Cone angle g: length of far steps as a share of their distance."""

    def __post_init__(self) -> None:
        positive(self.step, "The step along rays")
        at_least(self.growth, 0, "The growth of steps along rays")

    @property
    def bend(self) -> float:
        """Distance t₁ from which steps grow."""
        return self.step / self.growth if self.growth else math.inf

    def distance(self, u: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """t of u."""
        if not self.growth:
            return self.step * u
        far = self.bend * torch.exp(self.growth * u - 1)
        return torch.where(u * self.growth < 1, self.step * u, far)

    def steps(self, t: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
        """u of t."""
        if not self.growth:
            return t / self.step
        far = (torch.log((t / self.bend).clamp(min=1)) + 1) / self.growth
        return torch.where(t < self.bend, t / self.step, far)


def importance_samples(
    edges: Float[Tensor, "rays bins_and_1"],
    weights: Float[Tensor, "rays bins"],
    draws: Float[Tensor, "rays samples"],
) -> Float[Tensor, "rays samples"]:
    """Distances distributed along each ray as the weights of its bins are, by inverting their sums.

    `draws` are numbers in [0, 1), sorted where the distances shall be. Rays without any weight get even samples.
    Mildenhall et al., NeRF (arXiv 2003.08934), section 5.2.
    """
    even = weights.sum(-1, keepdim=True) <= 0
    share = torch.where(even, torch.ones_like(weights), weights)
    total = torch.nn.functional.pad(share.cumsum(-1), (1, 0))
    total = total / total[:, -1:]
    upper = torch.searchsorted(total, draws.contiguous(), right=True).clamp(1, weights.shape[1])
    low, high = total.gather(1, upper - 1), total.gather(1, upper)
    start, end = edges.gather(1, upper - 1), edges.gather(1, upper)
    inside = (draws - low) / (high - low).clamp(min=torch.finfo(draws.dtype).tiny)
    return start + inside.clamp(0, 1) * (end - start)


def stratified_draws(rays: int, samples: int, generator: torch.Generator) -> Float[Tensor, "rays samples"]:
    """Sorted numbers in [0, 1), one in each of `samples` equal parts."""
    jitter = torch.rand(rays, samples, generator=generator)
    return (torch.arange(samples) + jitter) / samples
