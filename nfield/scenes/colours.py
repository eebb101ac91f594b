"""Colours of scene files: three numbers in [0, 1], as pictures show them; no gamma is applied anywhere."""

import re
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from nfield.core.checks import UserError

COLOUR = "a colour"
Colour = Annotated[tuple[float, float, float], COLOUR]
"""Red, green, blue in [0, 1]. By the mark the reader of scene files knows colours from directions."""


def of_hex(text: str) -> Colour:
    """The colour that is written as '#rrggbb'."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise UserError(f"A colour is written as three numbers in [0, 1] or as '#rrggbb', but is '{text}'.")
    red, green, blue = (int(text[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def blend(first: Colour, second: Colour, share: Float[Tensor, " n"]) -> Float[Tensor, "n 3"]:
    """From the first colour, where the share is 0, to the second one, where it is 1."""
    start, end = share.new_tensor(first), share.new_tensor(second)
    return start + share[:, None] * (end - start)
