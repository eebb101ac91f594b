"""The one table of colours: of errors, and of the lines in every plot and on every page.

Wherever the relative error of a band is drawn, learned is light and not learned is dark. All colours stay readable for
colour-blind eyes and in print.
"""

import math

import numpy as np
from jaxtyping import Float

from nfield.rendering.error_colours import colour_table
from nfield.reports.numbers import percent_text

BAND_MAP = "viridis"
"""Of relative errors of bands, from not learned to learned."""
PICTURE_MAP = "magma"
"""Of errors of pixels, from none to large ones."""

BEST_ERROR = 0.01
"""Relative error at the learned end of the scale; 1 is the other end."""

LINES = {
    "truth": ("#8a94a0", "#98a3af"),
    "field": ("#0072b2", "#56b4e9"),
    "baseline": ("#d55e00", "#ff8c42"),
    "run-0": ("#0072b2", "#56b4e9"),
    "run-1": ("#d55e00", "#ff8c42"),
    "run-2": ("#009e73", "#2fc79c"),
    "run-3": ("#cc79a7", "#e39cc4"),
    "run-4": ("#b8860b", "#e0b13c"),
    "run-5": ("#56b4e9", "#9fd3f2"),
    "run-6": ("#7a4fa3", "#b795dc"),
    "run-7": ("#4d4d4d", "#c0c0c0"),
}
"""Colour of each kind of line on light and on dark ground."""

TRUTH, FIELD, BASELINE = (LINES[name][0] for name in ("truth", "field", "baseline"))
COLOURS = tuple(light for name, (light, _) in LINES.items() if name.startswith("run-") and light != BASELINE)
"""Of lines beside each other on light ground; the baseline's is none of them."""
REFERENCE = "#888888"
"""Of lines that are no data: thresholds, and slopes to compare with."""


def shades(errors: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Places of relative errors on the scale: 0 from 1 up, 1 from `BEST_ERROR` down, by logarithm between.

    What is not a number stays so.
    """
    return np.asarray(np.clip(np.log(np.maximum(errors, 1e-300)) / math.log(BEST_ERROR), 0, 1))


def shade(error: float) -> float:
    """Place of one relative error on the scale."""
    return float(shades(np.array(error)))


def error_ticks() -> list[tuple[float, str]]:
    """Places of round errors on the scale, with their texts."""
    ends = {1.0: "≥ ", BEST_ERROR: "≤ "}
    return [(shade(tick), ends.get(tick, "") + percent_text(tick)) for tick in (1.0, 0.3, 0.1, 0.03, BEST_ERROR)]


def at(place: float, name: str = BAND_MAP) -> str:
    """Colour at a place in [0, 1] of one of matplotlib's maps, as '#rrggbb'."""
    red, green, blue = colour_table(name)[round(255 * place)]
    return f"#{red:02x}{green:02x}{blue:02x}"


def ink_on(place: float) -> str:
    """Black or white, whichever is easier to read on that colour of the bands' map."""
    return "#000000" if place > 0.5 else "#ffffff"


def stage_colour(count: int) -> str:
    """Colour of what stages have reached after so many of them; before the first one it is the truth itself."""
    return TRUTH if count == 0 else COLOURS[(count - 1) % len(COLOURS)]


def style_sheet() -> str:
    """The lines' colours for pages, by the reader's ground."""
    light, dark = ("".join(f" --{name}: {pair[ground]};" for name, pair in LINES.items()) for ground in (0, 1))
    rules = "".join(
        f".line.{name} {{ stroke: var(--{name}); }} .dot.{name} {{ fill: var(--{name}); }}\n" for name in LINES
    )
    return f":root {{{light} }}\n@media (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n{rules}"
