"""Words on a surface: drawn once into a texture, then laid around a globe or on the faces of a cube."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.core.checks import UserError, at_least, positive
from nfield.scenes.patterns import TwoColoured, globe

FONT_SIZE = 96
"""Pixels of the font in the texture: enough for pictures in which a line is as tall."""


@dataclass(frozen=True, kw_only=True)
class Text(TwoColoured):
    """Words in Pillow's own font. Several lines are parted by line breaks."""

    words: str
    """In the second colour, on a surface of the first."""
    height: float = 0.3
    """Height of all lines together, as a length on the cube's faces, or in radians of latitude on the globe."""
    on: Literal["cube", "globe"] = "cube"
    """In the middle of the faces that a cube has, upright on its sides; or around the equator."""
    copies: int = 1
    """How often the words stand around the globe's equator."""

    def __post_init__(self) -> None:
        if not self.words.strip():
            raise UserError("The text's words must not be empty. Give some letters.")
        positive(self.height, "The text's height")
        at_least(self.copies, 1, "The number of the text's copies")

    @cached_property
    def texture(self) -> Float[np.ndarray, "rows columns"]:
        """Coverage by letters in [0, 1], without any margin."""
        from PIL import Image, ImageDraw, ImageFont

        font = ImageFont.load_default(FONT_SIZE)
        pen = ImageDraw.Draw(Image.new("L", (1, 1)))
        _, _, right, bottom = pen.multiline_textbbox((0, 0), self.words, font=font, align="center")
        # Room all around, then cut to the ink: the box holds margins too, and where it begins depends on the letters.
        picture = Image.new("L", (math.ceil(right) + 2 * FONT_SIZE, math.ceil(bottom) + 2 * FONT_SIZE))
        spot = (FONT_SIZE, FONT_SIZE)
        ImageDraw.Draw(picture).multiline_text(spot, self.words, fill=255, font=font, align="center")
        picture = picture.crop(picture.getbbox())
        return np.asarray(picture, dtype=np.float64) / 255

    def share(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Coverage by letters, linear between the texture's pixels."""
        across, upward = self._unrolled(places) if self.on == "globe" else _on_faces(places)
        rows, columns = self.texture.shape
        # In units of the texture's pixels from its middle, and from there to grid_sample's [-1, 1].
        scale = rows / self.height
        where = torch.stack([2 * scale * across / columns, -2 * scale * upward / rows], -1)
        texture = torch.from_numpy(self.texture).to(places)
        share = torch.nn.functional.grid_sample(
            texture[None, None], where[None, None], padding_mode="zeros", align_corners=False
        )
        return share[0, 0, 0]

    def _unrolled(self, places: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """Radians along the equator from the middle of the nearest copy, and above the equator."""
        longitude, latitude = globe(places)
        # The first copy faces -y, where cameras mostly stand.
        turned = self.copies * (longitude + 0.25)
        return 2 * math.pi / self.copies * (turned - turned.round()), math.pi * latitude


def _on_faces(places: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Lengths to the right and upwards from the middle of the cube's face, as seen by who looks at it from outside."""
    x, y, z = places.unbind(-1)
    a, b, c = x.abs(), y.abs(), z.abs()
    level = (c >= a) & (c >= b)
    # On the top and the bottom y points upwards, on the sides z does.
    sideways = torch.where(a > b, x.sign() * y, -y.sign() * x)
    return torch.where(level, z.sign() * x, sideways), torch.where(level, y, z)
