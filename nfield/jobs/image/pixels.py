"""The training pixels of an image and the coordinates they stand for.

Coordinates: the longer side spans [-1, 1], pixel centres lie half a pixel inside, the shorter side is centred with
the same scale. Axis 0 runs down the rows, axis 1 along the columns.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from nfield.core.image import Image


def pixel_coordinates(index: Int[torch.Tensor, " n"], size: int, longest: int) -> Float[torch.Tensor, " n"]:
    """Coordinates of pixel centres along an axis with `size` pixels, when the longer side has `longest`."""
    return (2 * index.to(torch.float64) + 1 - size).div(longest).to(torch.float32)


def lattice_coordinates(
    start: int, count: int, size: int, image: Image, zoom: float = 1.0
) -> Float[torch.Tensor, " n"]:
    """Coordinates of output pixels that cover pixels [start, start + count) of an axis with `size` pixels.

    `zoom` is the number of output pixels per image pixel; an output pixel stands at the centre of its own area.
    """
    places = start + (torch.arange(max(1, round(count * zoom)), dtype=torch.float64) + 0.5) / zoom
    return (2 * places - size).div(max(image.height, image.width)).to(torch.float32)


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """Which pixels of an image are trained on: every `step`-th row and column, where the mask is white."""

    image: Image
    step: int = 1
    mask: np.ndarray | None = None
    """Booleans of shape (H, W), true where the image is to be fitted; None is everywhere."""

    @property
    def rows(self) -> int:
        """Rows that are trained on."""
        return -(-self.image.height // self.step)

    @property
    def columns(self) -> int:
        """Columns that are trained on."""
        return -(-self.image.width // self.step)

    @property
    def count(self) -> int:
        """Number of training pixels."""
        if self.mask is None:
            return self.rows * self.columns
        return int(np.count_nonzero(self.mask[:: self.step, :: self.step]))

    @property
    def values(self) -> int:
        """Number of values in the training pixels."""
        return self.count * self.image.channels

    def row_coordinates(self, index: Int[torch.Tensor, " n"]) -> Float[torch.Tensor, " n"]:
        """Coordinates of image rows, given by their index in the whole image."""
        longest = max(self.image.height, self.image.width)
        return pixel_coordinates(index, self.image.height, longest)

    def column_coordinates(self, index: Int[torch.Tensor, " n"]) -> Float[torch.Tensor, " n"]:
        """Coordinates of image columns, given by their index in the whole image."""
        longest = max(self.image.height, self.image.width)
        return pixel_coordinates(index, self.image.width, longest)


def stratified(size: int, count: int, generator: torch.Generator) -> Int[torch.Tensor, " count"]:
    """One random index out of each of `count` equal parts of range(size); all of it where count >= size."""
    if count >= size:
        return torch.arange(size)
    edges = torch.linspace(0, size, count + 1, dtype=torch.float64)
    place = edges[:-1] + torch.rand(count, generator=generator, dtype=torch.float64) * edges.diff()
    return place.long().clamp(max=size - 1)
