"""Samples along rays without a grid: stratified coarse ones, and importance fine ones where these found density.

Mildenhall et al., NeRF (arXiv 2003.08934), section 5.2, with one field for both passes; the weights of the first are
widened by Barron et al., Mip-NeRF (arXiv 2103.13415), equation 18.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.rendering.composite import Packed, weights
from nfield.rendering.march import Rays
from nfield.rendering.spacing import Spacing, importance_samples

FLOOR = 0.01
"""Added to the share of every part, so that what coarse samples missed can still be found."""


@torch.no_grad()
def hierarchical_samples(
    density: Callable[[Float[Tensor, "n 3"]], Float[Tensor, " n"]],
    rays: Rays,
    spacing: Spacing,
    *,
    contract: Callable[[Float[Tensor, "*n 3"]], Float[Tensor, "*n 3"]],
    coarse: Float[Tensor, "rays coarse"],
    fine: Float[Tensor, "rays fine"],
) -> Packed:
    """As many samples of every ray as there are draws, in order; none of rays that miss the scene.

    `coarse` and `fine` are numbers in [0, 1): the places of the stratified samples within equal parts (in steps of
    `spacing`) of the ray, and sorted draws of the importance samples by the weights of these. A sample stands for the
    way between the middles to its neighbours.
    """
    hits = (rays.far > rays.near).nonzero()[:, 0]
    taken = rays.take(hits)
    start, end = spacing.steps(taken.near)[:, None], spacing.steps(taken.far)[:, None]
    parts = torch.linspace(0, 1, coarse.shape[1] + 1, device=start.device)
    edges = spacing.distance(start + parts * (end - start))
    at = edges[:, :-1] + coarse.to(edges)[hits] * (edges[:, 1:] - edges[:, :-1])
    packed = _packed(at, edges[:, :-1], edges[:, 1:])
    weight = weights(density(contract(taken.at(packed))).float(), packed).reshape(at.shape)
    # Parts beside one with density are sampled too: it may begin or end there.
    wide = torch.nn.functional.pad(weight, (1, 1))
    wide = (torch.maximum(wide[:, :-2], weight) + torch.maximum(weight, wide[:, 2:])) / 2
    share = wide / wide.sum(-1, keepdim=True).clamp(min=1e-6) + FLOOR
    both = torch.cat([at, importance_samples(edges, share, fine.to(edges)[hits])], 1).sort(1).values
    middles = (both[:, 1:] + both[:, :-1]) / 2
    low, high = torch.cat([taken.near[:, None], middles], 1), torch.cat([middles, taken.far[:, None]], 1)
    found = _packed(both, low, high)
    return Packed(rays=rays.count, ray=hits.index_select(0, found.ray), distance=found.distance, length=found.length)


def _packed(at: Float[Tensor, "rays n"], low: Float[Tensor, "rays n"], high: Float[Tensor, "rays n"]) -> Packed:
    ray = torch.arange(len(at), device=at.device)[:, None].expand_as(at).reshape(-1)
    return Packed(rays=len(at), ray=ray, distance=at.reshape(-1), length=(high - low).reshape(-1))
