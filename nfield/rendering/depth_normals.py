"""Normals of what a picture shows, from its depths: smoother than those from densities, whose level sets are rough.

Notation: p(r, c), the place that pixel (r, c) shows. Along each axis of the picture the difference of places is taken
over the span of SPAN pixels to the side on which depth bends less, so that no difference reaches across a silhouette.
"""

import torch
from jaxtyping import Float
from torch import Tensor

SPAN = 2
"""Pixels over which differences are taken."""


def normals_of_places(
    places: Float[Tensor, "height width 3"], directions: Float[Tensor, "height width 3"]
) -> Float[Tensor, "height width 3"]:
    """Unit normals turned against the rays; zero where `places` are not finite, or have no finite neighbours.

    `places` are relative to the camera or close to it in size, so that their differences keep enough digits.
    """
    down, across = _difference(places), _difference(places.transpose(0, 1)).transpose(0, 1)
    normal = torch.linalg.cross(down, across)
    normal = torch.nn.functional.normalize(normal, dim=-1)
    normal = torch.where((normal * directions).sum(-1, keepdim=True) > 0, -normal, normal)
    return torch.where(normal.isfinite().all(-1, keepdim=True), normal, torch.zeros_like(normal))


def _difference(places: Float[Tensor, "n m 3"]) -> Float[Tensor, "n m 3"]:
    """Differences along the first axis, over a span to the side where they are shorter; NaN where there is none."""
    span = min(SPAN, len(places) - 1)
    if span < 1:
        return torch.full_like(places, torch.nan)
    step = places[span:] - places[:-span]
    gap = torch.full_like(places[:span], torch.nan)
    after, before = torch.cat([step, gap]), torch.cat([gap, step])
    # Not finite counts as infinitely long.
    longer = _length(before) < _length(after)
    return torch.where(longer[..., None], before, after)


def _length(step: Float[Tensor, "n m 3"]) -> Float[Tensor, "n m"]:
    return step.norm(dim=-1).nan_to_num(nan=torch.inf)
