"""Settings of networks for surfaces that the points decide: how fine a grid may be, and what to start from.

Lengths are in extents, the cloud's longest edge.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nfield.jobs.surface.task import PROBE_EDGE
from nfield.points.prepare import Prepared

REACH = PROBE_EDGE
"""Edge of the box in which networks are trained, points off the surface included: an encoding has to cover it."""
LENGTHS_PER_CELL = 3.0
"""Smoothing lengths in a cell of the finest grid, at the least: its cells are all that averages noise."""
LOW_FIRST = ("identity",)
"""Encodings whose networks learn the low frequencies first."""
COARSEST = 3
"""Cells along each axis of the coarsest grid: cells as wide as the gaps of a shape carry the sign across them."""
LEVEL_RATIO = 3.0
"""Of the resolutions of levels that follow each other; more levels cost time, and then there are fewer steps."""
NODES_PER_SQUARE = 4
"""Nodes that a surface meets, over the squared cells along an axis: with fewer rows they would share features."""
LEAST_TABLE, MOST_TABLE = 10, 19
"""Bounds of the base-two logarithm of a table's rows."""


@dataclass(frozen=True, kw_only=True)
class CloudScales:
    """What networks need to know of a cloud."""

    spacing: float
    """Typical distance of neighbours."""
    length: float
    """Smoothing length of the splines, which follows from the noise."""
    radius: float
    """Mean distance of the points from the middle of their box."""

    @classmethod
    def of(cls, prepared: Prepared) -> "CloudScales":
        """Those of a prepared cloud."""
        return cls(
            spacing=prepared.spacing,
            length=prepared.smoothing.length,
            radius=float(prepared.sample.points.norm(dim=1).mean()),
        )


def grid_settings(scales: CloudScales, given: Mapping[str, Any]) -> dict[str, Any]:
    """Resolution of a grid: cells no finer than points lie, nor than noise allows, and tables for a surface's nodes."""
    coarsest = int(given.get("coarsest", COARSEST))
    cell = max(scales.spacing, LENGTHS_PER_CELL * scales.length)
    finest = max(coarsest, int(given.get("finest", round(REACH / cell))))
    nodes = math.ceil(math.log2(NODES_PER_SQUARE * finest**2))
    return {
        "coarsest": coarsest,
        "finest": finest,
        "levels": 1 + round(math.log(finest / coarsest, LEVEL_RATIO)),
        "table_size": 1 << min(max(nodes, LEAST_TABLE), MOST_TABLE),
    }


def start_settings(encoding: str, scales: CloudScales) -> dict[str, Any]:
    """What a network's coordinates reach over, and the sphere that it starts from, as entries of config.json.

    Networks on raw coordinates learn the low frequencies first and find inside and outside by themselves: to a plain
    MLP the sphere is only one thing more to unlearn. With features of all frequencies nothing comes first: a hash grid
    without a start was measured to close the box around the cloud instead of the surface in it.
    """
    if encoding in LOW_FIRST:
        return {"reach": 1.0, "start_radius": None}
    return {"reach": REACH, "start_radius": scales.radius}


ENCODING_FROM_POINTS: dict[str, Callable[[CloudScales, Mapping[str, Any]], dict[str, Any]]] = {"hash": grid_settings}
"""Encodings with settings that follow from the points, as a function of those that the user gave."""
