"""The photograph that experiments share, at any number of pixels."""

import numpy as np
import torch
from jaxtyping import Float

from nfield.jobs.image.pixels import pixel_coordinates


def camera_man(side: int) -> Float[np.ndarray, "side side"]:
    """scikit-image's camera man within [0, 1], averaged down to side × side; what is left at two edges is cut off."""
    from skimage import data, transform  # on first use: a second

    whole = data.camera() / 255
    factor = len(whole) // side
    averaged: np.ndarray = transform.downscale_local_mean(whole[: side * factor, : side * factor], (factor, factor))
    return averaged


def pixel_centres(side: int) -> Float[torch.Tensor, "n 2"]:
    """Centres of the pixels of a square picture on [-1, 1]², row by row."""
    middles = pixel_coordinates(torch.arange(side), side, side)
    return torch.cartesian_prod(middles, middles)
