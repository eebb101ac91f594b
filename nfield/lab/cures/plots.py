"""Pictures of a comparison of cures: errors at the end, times to a threshold, and the upper bands over training."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nfield.lab.cures.targets import Target
from nfield.lab.cures.training import PLAIN_NAME, THRESHOLD, Trained, median_times
from nfield.lab.plots import COLOURS, PLAIN, curve_with_spread, panels

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
        for name, colour in zip(trained, colours(trained), strict=True):
            one = trained[name]
            curve_with_spread(final, places, one.errors[-1][:, target.used], name, colour)
            median = [t if math.isfinite(t) else 2.0 * target.steps for t in median_times(one, target)]
            times.plot(places, np.maximum(median, 1), "o-", color=colour, label=name)
            curve_with_spread(course, [max(s, 0.5) for s in one.steps], target.pooled(one.errors).T, name, colour)
        level = float(np.median(target.pooled(trained[PLAIN_NAME].errors[-1])))
        course.axhline(level, color=PLAIN, linestyle=":")
        times.axhline(2.0 * target.steps, color="#888888", linestyle=":")
        times.annotate("never", (0, 2.0 * target.steps), textcoords="offset points", xytext=(0, 4), color="#555555")
        title = "Signal" if target.name == "signal" else "Photograph"
        final.set(yscale="log", ylabel="relative error", title=f"{title}: error after {target.steps} steps")
        times.set(
            yscale="log", ylim=(0.8, 5.0 * target.steps), ylabel="step", title=f"Steps to an error of {THRESHOLD:g}"
        )
        course.set(xscale="log", yscale="log", xlabel="step", title="Error of the upper bands")
        for axis in (final, times):
            _band_axis(axis, places, labels)
        final.legend()
    return figure


def colours(names: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """The plain network's own colour, and the others' in order."""
    others = iter(colour for colour in COLOURS if colour != PLAIN)
    return [PLAIN if name == PLAIN_NAME else next(others) for name in names]


def _band_axis(axis: "Axes", places: list[int], labels: list[str]) -> None:
    axis.set_xticks(places, labels, rotation=30)
    axis.set_xlabel("cycles per side")
