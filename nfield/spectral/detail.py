"""Where an image has detail: energy of its Laplacian pyramid, tile by tile.

Pyramid: level L - 1 is the image, each coarser level the mean over 2 x 2 pixels. Detail of a level: the level less
the bilinear enlargement of the next coarser one. Unknown pixels (weight 0) are filled from coarser levels, so that
they carry no detail ("push-pull": Gortler et al. 1996).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float


def _halve(
    values: Float[torch.Tensor, "c h w"], weight: Float[torch.Tensor, "1 h w"]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of each 2 x 2 block over its known pixels, and the share of known pixels."""
    odd = (0, values.shape[2] % 2, 0, values.shape[1] % 2)
    total = F.avg_pool2d(F.pad(values * weight, odd)[None], 2)[0]
    known = F.avg_pool2d(F.pad(weight, odd)[None], 2)[0]
    return total / known.clamp(min=1e-6), known


def _enlarge(values: Float[torch.Tensor, "c h w"], height: int, width: int) -> torch.Tensor:
    """Bilinear enlargement by two, cut to (height, width)."""
    return F.interpolate(values[None], scale_factor=2.0, mode="bilinear", align_corners=False)[0, :, :height, :width]


def _tile_sums(energy: Float[torch.Tensor, "h w"], tile: int, offset: int, tiles: tuple[int, int]) -> torch.Tensor:
    """Sums over `tile` x `tile` blocks of nodes, of which the first `offset` rows and columns are padding."""
    height, width = (n * tile for n in tiles)
    padded = F.pad(energy, (offset, width - energy.shape[1] - offset, offset, height - energy.shape[0] - offset))
    return F.avg_pool2d(padded[None], tile)[0] * tile**2


def tile_detail(
    values: Float[torch.Tensor, "h w c"],
    levels: int,
    tile: int,
    *,
    offset: int = 0,
    known: Float[torch.Tensor, "h w"] | None = None,
) -> list[Float[torch.Tensor, "..."]]:
    """Energy of the image's detail at each tile of each level, from coarse to fine, in units of finest pixels.

    The coarsest level holds what no other can, so its tiles count as infinitely valuable. A tile beside one with much
    detail gets a part of that one's energy, for edges do not end at tile borders. Level sizes halve, rounding up.
    """
    level = values.movedim(-1, 0).float()
    weight = torch.ones_like(level[:1]) if known is None else known[None].float()
    pyramid, weights = [level], [weight]
    for _ in range(levels - 1):
        level, weight = _halve(level, weight)
        pyramid.append(level)
        weights.append(weight)
    result = []
    filled = pyramid[-1]
    for depth in range(levels - 1, -1, -1):
        height, width = pyramid[depth].shape[1:]
        tiles = (-(-(height + 2 * offset) // tile), -(-(width + 2 * offset) // tile))
        if depth == levels - 1:
            result.append(torch.full(tiles, torch.inf))
            continue
        coarse = _enlarge(filled, height, width)
        difference = torch.where(weights[depth] > 0, pyramid[depth] - coarse, 0)
        filled = coarse + difference
        energy = _tile_sums(difference.square().sum(0), tile, offset, tiles) * 4**depth
        result.append(energy + 0.15 * F.max_pool2d(energy[None], 3, 1, 1)[0])
    return result
