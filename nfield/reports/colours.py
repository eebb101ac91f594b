"""Colour maps that stay readable for colour-blind eyes and in print."""

import functools
import math

import numpy as np

BEST_ERROR = 0.01
"""Relative error at the learned end of the heat map's scale; 1 is the other end."""


@functools.cache
def lookup_table(name: str) -> np.ndarray:
    """256 colours of one of matplotlib's maps, shape (256, 3), 8 bits."""
    from matplotlib import colormaps  # on first use: it takes a third of a second

    return np.asarray(colormaps[name](np.arange(256), bytes=True))[:, :3]


def shade(error: float) -> float:
    """Place of a relative error on the scale: 0 from 1 up, 1 from `BEST_ERROR` down, by logarithm between."""
    if error <= 0:
        return 1.0
    return min(1.0, max(0.0, math.log(error) / math.log(BEST_ERROR)))


def at(place: float) -> str:
    """Colour at a place in [0, 1] of the heat map's scale, as '#rrggbb'."""
    red, green, blue = lookup_table("viridis")[round(255 * place)]
    return f"#{red:02x}{green:02x}{blue:02x}"


def ink_on(place: float) -> str:
    """Black or white, whichever is easier to read on that colour."""
    return "#000000" if place > 0.5 else "#ffffff"
