"""Distances as colours: from pale yellow, no error, to dark red."""

import functools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, UInt8

DISTANCE_MAP = "YlOrRd"
"""Of matplotlib. Its lightness falls evenly, so that it reads in grey and by colour-blind eyes; its low end is bright,
so that shading shows the shape where there is no error."""

UNKNOWN = (176, 180, 186)
"""Colour where there is no distance."""


INSIDE = 0.98
"""Share of a surface's distances inside the scale."""


@functools.cache
def colour_table(name: str) -> UInt8[np.ndarray, "256 3"]:
    """256 colours of one of matplotlib's maps."""
    from matplotlib import colormaps  # on first use: it takes a third of a second

    return np.asarray(colormaps[name](np.arange(256), bytes=True))[:, :3]


def error_colours(distances: Float[np.ndarray, " n"], top: float) -> UInt8[np.ndarray, "n 3"]:
    """Colours of distances on a linear scale from 0 to `top` and beyond; grey where a distance is not finite."""
    known = np.isfinite(distances)
    share = np.clip(np.where(known, distances, 0) / (top if top > 0 else 1.0), 0, 1)
    colours = colour_table(DISTANCE_MAP)[np.round(255 * share).astype(np.int64)]
    return np.where(known[:, None], colours, np.array(UNKNOWN, dtype=np.uint8))


def scale_top(distances: Sequence[Float64[np.ndarray, " _"]]) -> float:
    """End of the common scale of several surfaces, two figures: almost all of the best one but one lies inside.

    Not of the worst: beside a surface that is far off, the errors of all others would look like none.
    """
    known = [one[np.isfinite(one)] for one in distances]
    tops = sorted(float(np.quantile(one, INSIDE)) for one in known if len(one))
    chosen = tops[min(1, len(tops) - 1)] if tops else 0.0
    return float(f"{chosen:.1e}") or 1e-12
