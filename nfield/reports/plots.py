"""Plots by matplotlib in the colours of the pages, for the laboratory, the benches and pictures in run folders."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float

from nfield.reports.colours import BAND_MAP, REFERENCE, TRUTH, error_ticks, shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Line = Literal["-", "--", "-.", ":"]


def panels(rows: int, columns: int, *, width: float = 4.2, height: float = 3.4) -> "tuple[Figure, list[Axes]]":
    """A figure with panels of that size in inches, row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # on first use: it takes a third of a second
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def shown_steps(steps: Sequence[float], least: float = 0.5) -> list[float]:
    """Steps for a logarithmic axis: the start has no logarithm and is drawn at `least`."""
    return [max(step, least) for step in steps]


def curve_with_spread(
    axes: "Axes", x: Sequence[float], rows: Float[np.ndarray, "members n"], label: str, colour: str
) -> None:
    """The median over members as a line, between their least and greatest as a band."""
    axes.plot(x, np.median(rows, 0), color=colour, label=label)
    if len(rows) > 1:
        axes.fill_between(x, rows.min(0), rows.max(0), color=colour, alpha=0.2, linewidth=0)


def target_line(axes: "Axes", x: Sequence[float] | np.ndarray, y: np.ndarray, label: str = "target") -> None:
    """What is to be learned, broad, so that lines on top of it leave it visible."""
    axes.plot(x, y, color=TRUTH, linewidth=4, alpha=0.7, label=label)


def level(axes: "Axes", value: float, label: str | None = None, line: Line = ":") -> None:
    """A value to compare with, such as a threshold."""
    axes.axhline(value, color=REFERENCE, linestyle=line, label=label)


def error_map(
    axes: "Axes", steps: Sequence[float], errors: Float[np.ndarray, "steps bands"], labels: Sequence[str]
) -> None:
    """Relative errors over training on the scale of the pages: a row for each frequency, the lowest at the bottom.

    Dark is not learned, light is learned; what has no error is hatched.
    """
    found = shades(np.asarray(errors)).T
    image = axes.imshow(found, origin="lower", aspect="auto", cmap=BAND_MAP, vmin=0, vmax=1, interpolation="nearest")
    if np.isnan(found).any():
        axes.patch.set(hatch="///", edgecolor=TRUTH, facecolor="white")
    axes.set_yticks(range(len(labels)), labels)
    ticks = np.unique(np.linspace(0, len(steps) - 1, 6).round().astype(int))
    axes.set_xticks(ticks, [f"{steps[int(tick)]:g}" for tick in ticks])
    axes.set_xlabel("step")
    places, texts = zip(*error_ticks(), strict=True)
    axes.figure.colorbar(image, ax=axes, label="relative error").set_ticks(places, labels=texts)
