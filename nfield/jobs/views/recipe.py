"""From what was found out about views to the parts of a radiance field, and these to the module."""

import math
from collections.abc import Mapping
from typing import Any

import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings.scales import DataScales, Grid
from nfield.encodings.spherical_harmonics import SphericalHarmonicsConfig
from nfield.fields.camera_corrections import CameraCorrections
from nfield.fields.radiance import RadianceField
from nfield.jobs.recipe import Preset, Recipe, recipe_of
from nfield.jobs.views.frame import RESOLUTION
from nfield.jobs.views.options import ViewsOptions
from nfield.rendering.occupancy import OccupancyGrid

FEATURES = 15
"""Numbers that the backbone hands to the head for the colour, beside the density."""
HEAD = MLPConfig(width=64, depth=1)
DIRECTIONS = SphericalHarmonicsConfig(degree=3)
GRID_FEATURES = 4


def data_scales(footprint: float) -> DataScales:
    """What the tables of scales may know of pictures with pixels of this size in normalised units.

    Pixels of size p show frequencies up to 1 / (2 p) cycles per unit; networks that scale coordinates by themselves
    begin an octave or three below that.
    """
    nyquist = 1 / (2 * footprint)
    finest = round(min(max(3 / footprint, 32), 2048))
    dense = round(min(max(1 / footprint, 16), 128))
    return DataScales(
        dimension=3,
        highest=nyquist,
        features=tuple(round(nyquist * share, 3) for share in (1 / 32, 1 / 16, 1 / 8)),
        angular=tuple(round(2 * math.pi * nyquist * share, 3) for share in (1 / 64, 1 / 16, 1 / 8)),
        omega=round(min(30.0, math.pi * nyquist / 4), 3),
        local=nyquist / 8,
        limit=round(nyquist / 4, 3),
        octaves=max(1, min(10, 2 + round(math.log2(nyquist)))),
        grid=Grid(
            finest=finest,
            features=GRID_FEATURES,
            # What is seen of a scene is surfaces.
            rows=lambda levels, finest: max(1 << 12, 2 * finest**2),
        ),
        own={"adaptive_grid": lambda: {"resolution": dense, "features": GRID_FEATURES}},
    )


def views_recipe(preset: Preset, options: ViewsOptions, footprint: float, *, plain: bool = False) -> Recipe:
    """Encoding, backbone and rate; the user's settings win, but not for the `plain` MLP."""
    given: dict[str, Any] = {}
    if not plain:
        given = {
            "encoding_settings": options.encoding_settings,
            "backbone_settings": options.backbone_settings,
            "learning_rate": options.learning_rate,
        }
    own = {
        "samples_per_step": options.samples,
        "grid_resolution": RESOLUTION,
        "exposure": options.exposure,
        "pose_correction": options.pose_correction,
        "coarse_first": None if plain else options.coarse_first,
    }
    return recipe_of(preset, data_scales(footprint), own=own, **given)


def build_radiance(recipe: Recipe, seed: int, pictures: int, occupied: torch.Tensor | None = None) -> RadianceField:
    """The recipe's field with weights drawn from the seed, empty outside of the occupied cells.

    `pictures` counts those that are trained on. Raises UserError where features should come coarse first, but none is
    coarser than another.
    """
    draw, own = generator(seed, "weights"), recipe.own
    encoding = recipe.encoding.build(3, draw)
    backbone = recipe.backbone.build(encoding.out_dim, 1 + FEATURES, draw)
    directions = DIRECTIONS.build(3, draw)
    head = HEAD.build(FEATURES + directions.out_dim, 3, draw)
    grid = OccupancyGrid(own["grid_resolution"])
    if occupied is not None:
        grid.restrict(occupied)
    exposure, poses = own["exposure"], own["pose_correction"]
    cameras = CameraCorrections(pictures, exposure=exposure, poses=poses) if exposure or poses else None
    coarse_first = own["coarse_first"] is not None
    if coarse_first and float(encoding.octaves().std(correction=0)) == 0:
        name = recipe.entries()["encoding"]["name"]
        raise UserError(
            f"--coarse-first needs an encoding with coarse and fine features, but '{name}' has one kind alone. "
            "Leave it out, or choose hash, nerf, positional or a Gaussian encoding."
        )
    return RadianceField(encoding, backbone, directions, head, grid, cameras=cameras, coarse_first=coarse_first)


def rebuild(
    config: Mapping[str, Any], name: str, state: dict[str, torch.Tensor], data: Mapping[str, Any]
) -> RadianceField:
    """The radiance field of a run folder with its weights."""
    entries = config["recipe" if name == "field" else "baseline_recipe"]
    module = build_radiance(Recipe.of(entries), config["seed"], config["views"]["train"])
    module.load_state_dict(state)
    return module
