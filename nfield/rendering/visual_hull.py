"""The visual hull: where images have alpha, most cells are empty before anything has been learned.

A cell is carved away where some image is transparent all over the cell's projection, enlarged by a pixel. Cells that
an image does not show are not touched by it. Laurentini, The visual hull concept (1994).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

COARSEST = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Silhouette:
    """Which pixels of an image are not transparent, and how its camera maps space to them."""

    covered: Bool[Tensor, "height width"]
    project: Callable[[Float[Tensor, "n 3"]], Float[Tensor, "n 2"]]
    """Places (u, v) of points of the cube; NaN behind the camera."""
    pixels_per_angle: float
    """The larger focal length."""
    position: Float[Tensor, "3"]
    """Where the camera stands, in the cube's units."""


def visual_hull(silhouettes: Iterable[Silhouette], resolution: int) -> Bool[Tensor, " cells"]:
    """Which of resolution³ cells of [-1, 1]³ may be occupied, from coarse to fine; flat, the last axis fastest."""
    views = list(silhouettes)
    size = resolution
    while size > COARSEST and size % 2 == 0:
        size //= 2
    cells = torch.cartesian_prod(*[torch.arange(size)] * 3)
    while True:
        for view in views:
            cells = cells[_kept(view, (cells + 0.5) * (2 / size) - 1, 1 / size)]
        if size == resolution:
            break
        children = torch.cartesian_prod(*[torch.arange(2)] * 3)
        cells, size = (2 * cells[:, None] + children).reshape(-1, 3), 2 * size
    hull = torch.zeros(size**3, dtype=torch.bool)
    hull[(cells[:, 0] * size + cells[:, 1]) * size + cells[:, 2]] = True
    return hull


def _kept(view: Silhouette, centres: Float[Tensor, "n 3"], half: float) -> Bool[Tensor, " n"]:
    """Whether cells around these centres are left by one picture."""
    height, width = view.covered.shape
    radius = half * 3**0.5
    distance = (centres - view.position).norm(dim=-1)
    # Close to the camera a cell fills the picture: those stay, unless another camera carves them.
    close = distance < 4 * radius
    nearest = float(distance[~close].min()) if not bool(close.all()) else 1.0
    reach = int(view.pixels_per_angle * radius / (nearest - radius)) + 2 if not bool(close.all()) else 1
    wide = _dilated(view.covered, reach)
    places = view.project(centres)
    inside = (places[:, 0] > 0) & (places[:, 0] < width) & (places[:, 1] > 0) & (places[:, 1] < height) & ~close
    column, row = places[inside].long().unbind(-1)
    kept = torch.ones(len(centres), dtype=torch.bool)
    kept[inside] = wide[row, column]
    return kept


def _dilated(covered: Bool[Tensor, "height width"], reach: int) -> Bool[Tensor, "height width"]:
    """Whether any pixel within `reach` rows and columns is covered."""
    found = covered[None].float()
    for axis in (0, 1):
        side = covered.shape[axis]
        window = min(reach, side - 1)
        moved = found if axis == 1 else found.transpose(1, 2)
        moved = torch.nn.functional.max_pool1d(moved[0][:, None], 2 * window + 1, stride=1, padding=window)[:, 0][None]
        found = moved if axis == 1 else moved.transpose(1, 2)
    return found[0] > 0
