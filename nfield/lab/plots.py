"""The look of the laboratory's plots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a4fa3", "#4d4d4d")
"""Safe for colour-blind eyes; the second one is the plain network's wherever it is set beside another."""
PLAIN = COLOURS[1]


def panels(rows: int, columns: int, *, width: float = 4.2, height: float = 3.4) -> "tuple[Figure, list[Axes]]":
    """A figure with panels, row by row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # on first use: it takes a third of a second
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).ravel())


def curve_with_spread(
    axes: "Axes", x: Sequence[float], rows: Float[np.ndarray, "members n"], label: str, colour: str
) -> None:
    """The median over members as a line, between their least and greatest as a band."""
    axes.plot(x, np.median(rows, 0), color=colour, label=label)
    if len(rows) > 1:
        axes.fill_between(x, rows.min(0), rows.max(0), color=colour, alpha=0.2, linewidth=0)


def error_map(
    axes: "Axes", steps: Sequence[float], errors: Float[np.ndarray, "steps bands"], labels: Sequence[str]
) -> None:
    """Relative errors over training, a row for each frequency, the lowest at the bottom; dark is learned."""
    image = axes.imshow(
        np.asarray(errors).T, origin="lower", aspect="auto", cmap="viridis", vmin=0, vmax=1, interpolation="nearest"
    )
    axes.set_yticks(range(len(labels)), labels)
    ticks = np.unique(np.linspace(0, len(steps) - 1, 6).round().astype(int))
    axes.set_xticks(ticks, [f"{steps[int(tick)]:g}" for tick in ticks])
    axes.set_xlabel("step")
    axes.figure.colorbar(image, ax=axes, label="relative error")
