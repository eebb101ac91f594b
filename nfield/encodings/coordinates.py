"""Products of coordinates, which low precision would move."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float

MOST_COORDINATES = 4
"""Features that are as few as this are taken for coordinates."""


def exact_where_coordinates(features: Float[torch.Tensor, "*batch n"]) -> AbstractContextManager[Any]:
    """A context without autocast, for a first layer whose features are four or fewer; elsewhere, and where they are
    in low precision already, it changes nothing.

    bfloat16 has eight binary digits: it moves a coordinate near 1 by up to half a pixel of a picture 512 wide, and a
    phase of 100 by a quarter. So short a product has nothing to gain from it; longer ones are of features.
    """
    if features.shape[-1] > MOST_COORDINATES or features.dtype in (torch.bfloat16, torch.float16):
        return nullcontext()
    return torch.autocast(features.device.type, enabled=False)
