"""Samples that experiments share: one period of the line, and a photograph at any number of pixels."""

import numpy as np
import torch
from jaxtyping import Float

from nfield.jobs.image.pixels import pixel_coordinates


def periodic_points(
    count: int, device: torch.device, dtype: torch.dtype = torch.float32
) -> Float[torch.Tensor, "count 1"]:
    """Even points on [-1, 1) without the end, which is the first one of the next period and would count twice."""
    return (torch.arange(count, dtype=dtype, device=device) / count * 2 - 1)[:, None]


def camera_man(side: int) -> Float[np.ndarray, "side side"]:
    """scikit-image's camera man within [0, 1], averaged down to side × side; what does not fit is cut off."""
    from skimage import data, transform  # on first use: a second

    whole = data.camera() / 255
    factor = len(whole) // side
    averaged: np.ndarray = transform.downscale_local_mean(whole[: side * factor, : side * factor], (factor, factor))
    return averaged


def pixel_centres(side: int) -> Float[torch.Tensor, "n 2"]:
    """Centres of the pixels of a square picture on [-1, 1]², row by row."""
    middles = pixel_coordinates(torch.arange(side), side, side)
    return torch.cartesian_prod(middles, middles)
