"""Distances as colours: from pale yellow, no error, to dark red."""

import functools

import numpy as np
from jaxtyping import Float, UInt8

MAP = "YlOrRd"
"""Of matplotlib. Its lightness falls evenly, so that it reads in grey and by colour-blind eyes; its low end is bright,
so that shading shows the shape where there is no error."""

UNKNOWN = (176, 180, 186)
"""Colour where there is no distance."""


@functools.cache
def error_map() -> UInt8[np.ndarray, "256 3"]:
    """The map's 256 colours."""
    from matplotlib import colormaps  # on first use: it takes a third of a second

    return np.asarray(colormaps[MAP](np.arange(256), bytes=True))[:, :3]


def error_colours(distances: Float[np.ndarray, " n"], top: float) -> UInt8[np.ndarray, "n 3"]:
    """Colours of distances on a linear scale from 0 to `top` and beyond; grey where a distance is not finite."""
    known = np.isfinite(distances)
    share = np.clip(np.where(known, distances, 0) / (top if top > 0 else 1.0), 0, 1)
    colours = error_map()[np.round(255 * share).astype(np.int64)]
    return np.where(known[:, None], colours, np.array(UNKNOWN, dtype=np.uint8))
