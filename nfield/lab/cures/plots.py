"""Pictures of a comparison of cures: errors at the end, times to a threshold, and the upper bands over training."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nfield.lab.cures.targets import Target
from nfield.lab.cures.training import PLAIN, THRESHOLD, Trained, median_times
from nfield.reports.colours import BASELINE, COLOURS, REFERENCE
from nfield.reports.plots import curve_with_spread, level, panels, shown_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(shown: Sequence[tuple[Target, Mapping[str, Trained]]]) -> "Figure":
    """One row for each target: errors at the end, time to threshold, and the upper bands over training."""
    figure, axes = panels(len(shown), 3)
    for row, (target, trained) in enumerate(shown):
        final, times, course = axes[3 * row : 3 * row + 3]
        labels = [f"{target.bands.bands[b][0]:g}–{target.bands.bands[b][1]:g}" for b in target.used]
        places = list(range(len(labels)))
        colours = network_colours(list(trained))
        for name, one in trained.items():
            curve_with_spread(final, places, one.errors[-1][:, target.used], name, colours[name])
            curve_with_spread(course, shown_steps(one.steps), target.pooled(one.errors).T, name, colours[name])
        reached = float(np.median(target.pooled(trained[PLAIN].errors[-1])))
        course.axhline(reached, color=BASELINE, linestyle=":")
        title = "Signal" if target.name == "signal" else "Photograph"
        final.set(yscale="log", ylabel="relative error", title=f"{title}: error after {target.steps} steps")
        course.set(xscale="log", yscale="log", xlabel="step", title="Error of the upper bands")
        medians = {name: median_times(one, target) for name, one in trained.items()}
        draw_times(times, medians, colours, target.steps, THRESHOLD)
        for axis in (final, times):
            axis.set_xticks(places, labels, rotation=30)
            axis.set_xlabel("cycles per side")
        final.legend()
    return figure


def network_colours(names: Sequence[str]) -> dict[str, str]:
    """The plain network's own colour, and the others' in order."""
    others = iter(COLOURS)
    return {name: BASELINE if name == PLAIN else next(others) for name in names}


def draw_times(
    axes: "Axes",
    times: Mapping[str, Sequence[float]],
    colours: Mapping[str, str],
    steps: int,
    threshold: float,
) -> None:
    """Steps of each network to the threshold of each band, out of so many; infinite ones stand on a line above all."""
    never = 2.0 * steps
    for name, row in times.items():
        shown = [max(time, 1.0) if math.isfinite(time) else never for time in row]
        axes.plot(range(len(row)), shown, "o-", color=colours[name], label=name)
    level(axes, never)
    axes.annotate("never", (0, never), textcoords="offset points", xytext=(0, 4), color=REFERENCE)
    axes.set(yscale="log", ylim=(0.8, 2.5 * never), ylabel="step", title=f"Steps to an error of {threshold:g}")
