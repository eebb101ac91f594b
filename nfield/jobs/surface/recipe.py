"""From points to the parts of a network: how fine it may be, and what it starts from.

Lengths are in extents, the cloud's longest edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from nfield.core.seeding import generator
from nfield.encodings.scales import DataScales, Grid
from nfield.fields.base import Field
from nfield.fields.network_distance import NetworkDistance
from nfield.fields.splines import SplineDistance
from nfield.jobs.recipe import Preset, Recipe, Solved, recipe_of
from nfield.jobs.surface.options import SurfaceOptions
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


GAUSSIAN, FEATURES = 1.8, (0.6, 1.8)
"""Standard deviations of Gaussian features: what is above learns noise before it learns the shape."""
ANGULAR, OMEGA, LIMIT = (2.0, 8.0), 15.0, 4.0
"""The same for first layers that scale coordinates by themselves, and the band limit of networks that have one."""


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


def data_scales(scales: CloudScales) -> DataScales:
    """What the tables of scales may know of a cloud: grids have cells no finer than points lie, nor than noise allows.

    Other parts learn what is in the points by training, from low frequencies that were measured on scans.
    """
    cell = max(scales.spacing, LENGTHS_PER_CELL * scales.length)
    nyquist = 1 / (2 * cell)
    return DataScales(
        dimension=3,
        highest=nyquist,
        features=FEATURES,
        gaussian=GAUSSIAN,
        angular=ANGULAR,
        omega=OMEGA,
        limit=min(LIMIT, nyquist),
        octaves=3,
        grid=Grid(
            finest=max(COARSEST, round(REACH / cell)),
            coarsest=COARSEST,
            ratio=LEVEL_RATIO,
            # Tables are for the nodes that a surface meets.
            rows=lambda levels, finest: max(1 << LEAST_TABLE, NODES_PER_SQUARE * finest**2),
        ),
    )


def splines_recipe() -> Recipe:
    """What stands in config.json for splines."""
    return Recipe(encoding=Solved(name="splines"), backbone=Solved(name="linear"), learning_rate=None)


def network_recipe(preset: Preset, scales: CloudScales, options: SurfaceOptions | None = None) -> Recipe:
    """Encoding, backbone, rate and start of a network; the user's settings win."""
    given: dict[str, Any] = {}
    if options is not None:
        given = {
            "encoding_settings": options.encoding_settings,
            "backbone_settings": options.backbone_settings,
            "learning_rate": options.learning_rate,
        }
    return recipe_of(preset, data_scales(scales), own=start_settings(preset.encoding, scales), **given)


def start_settings(encoding: str, scales: CloudScales) -> dict[str, Any]:
    """What a network's coordinates reach over, and the sphere that it starts from, as entries of config.json.

    Networks on raw coordinates learn the low frequencies first and find inside and outside by themselves: to a plain
    MLP the sphere is only one thing more to unlearn. With features of all frequencies nothing comes first: a hash grid
    without a start was measured to close the box around the cloud instead of the surface in it.
    """
    if encoding in LOW_FIRST:
        return {"reach": 1.0, "start_radius": None}
    return {"reach": REACH, "start_radius": scales.radius}


def build_network(recipe: Recipe, seed: int) -> NetworkDistance:
    """The network of a recipe, with weights drawn from the seed."""
    draw = generator(seed, "weights")
    encoding = recipe.encoding.build(3, draw)
    backbone = recipe.backbone.build(encoding.out_dim, 1, draw)
    # Runs of before these keys were written had neither.
    own = recipe.own
    return NetworkDistance(Field(encoding, backbone), reach=own.get("reach", 1.0), radius=own.get("start_radius"))


def rebuild(
    config: Mapping[str, Any], name: str, state: dict[str, torch.Tensor], data: Mapping[str, Any]
) -> torch.nn.Module:
    """The splines or the network of a run folder with its weights."""
    recipe = Recipe.of(config["recipe" if name == "field" else "baseline_recipe"])
    if isinstance(recipe.encoding, Solved):
        return SplineDistance.from_state(state)
    network = build_network(recipe, config["seed"])
    network.load_state_dict(state)
    return network
