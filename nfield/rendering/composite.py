"""Volume rendering of packed samples: what light reaches the camera.

Notation: samples of all rays lie one behind the other, each ray's from near to far; `ray` holds their
rays' numbers, rising. σ density, δ length of a sample's step, τ = σ δ its optical depth:

    α = 1 - exp(-τ),  T = exp(-Σ τ of the ray's samples before),  w = T α,  C = Σ w c + (1 - Σ w) background.

Max, Optical models for direct volume rendering (1995). Exact where density and colour are constant over steps.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Packed:
    """Samples along rays."""

    rays: int
    """Number of rays; some may have no sample."""
    ray: Int[Tensor, " n"]
    """The ray of each sample, rising."""
    distance: Float[Tensor, " n"]
    """Distance t of each sample's middle along its ray, rising within a ray."""
    length: Float[Tensor, " n"]
    """Length δ of each sample's step."""

    @property
    def count(self) -> int:
        """Number of samples."""
        return len(self.ray)

    @property
    def starts(self) -> Int[Tensor, " rays"]:
        """Place of each ray's first sample, or of the next ray's where it has none."""
        # Unlike counting, a search needs nothing from a GPU that the CPU would have to wait for.
        return torch.searchsorted(self.ray, torch.arange(self.rays, device=self.ray.device))

    def take(self, chosen: Tensor | slice) -> "Packed":
        """Only the chosen samples, given by rising index, mask or slice; their steps stay as they are."""
        rows = rows_of(chosen)
        return Packed(rays=self.rays, ray=self.ray[rows], distance=self.distance[rows], length=self.length[rows])


def rows_of(chosen: Tensor | slice) -> Tensor | slice:
    """A mask as an index, so that it is counted once and not by each tensor that it is used on; others as they are."""
    is_mask = isinstance(chosen, Tensor) and chosen.dtype == torch.bool
    return chosen.nonzero()[:, 0] if is_mask else chosen  # type: ignore[union-attr]


def optical_depth_before(depth: Float[Tensor, " n"], samples: Packed) -> Float[Tensor, " n"]:
    """Sum of the optical depths of each ray's earlier samples."""
    # Double precision, for sums over all rays lose what one ray's samples have.
    total = depth.double().cumsum(0)
    before = total - depth.double()
    first = samples.starts.clamp(max=max(samples.count - 1, 0))
    start = before.index_select(0, first.index_select(0, samples.ray))
    return (before - start).to(depth.dtype)


def weights(density: Float[Tensor, " n"], samples: Packed) -> Float[Tensor, " n"]:
    """Weight w of each sample in its ray's colour."""
    depth = density * samples.length
    return torch.exp(-optical_depth_before(depth, samples)) * -torch.expm1(-depth)


def along_rays(values: Float[Tensor, " n *c"], samples: Packed) -> Float[Tensor, " rays *c"]:
    """Sums of the samples' values over each ray."""
    return values.new_zeros(samples.rays, *values.shape[1:]).index_add(0, samples.ray, values)


def composite(
    weight: Float[Tensor, " n"], colour: Float[Tensor, "n c"], samples: Packed
) -> tuple[Float[Tensor, "rays c"], Float[Tensor, " rays"]]:
    """Colours of rays, over nothing, and their accumulated opacities."""
    summed = along_rays(torch.cat([colour, torch.ones_like(colour[:, :1])], 1) * weight[:, None], samples)
    return summed[:, :-1], summed[:, -1]


def distortion(
    weight: Float[Tensor, " n"], middle: Float[Tensor, " n"], size: Float[Tensor, " n"], samples: Packed
) -> Float[Tensor, " rays"]:
    """How far each ray's weights are spread along it: Σᵢⱼ wᵢ wⱼ |mᵢ - mⱼ| + Σᵢ wᵢ² δᵢ / 3.

    `middle` and `size` are of the samples' intervals in whatever measure of distance is wanted. Both sums are found in
    linear time. Barron et al., Mip-NeRF 360 (arXiv 2111.12077), equation 15.
    """
    before = optical_depth_before(weight, samples)
    moment = optical_depth_before(weight * middle, samples)
    return along_rays(2 * weight * (middle * before - moment) + weight.square() * size / 3, samples)
