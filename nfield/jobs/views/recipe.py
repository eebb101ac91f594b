"""From what was found out about views to the parts of a radiance field, and these to the module."""

import math
from typing import Any

import torch

from nfield.backbones import BACKBONES
from nfield.backbones.finer import bias_reaching
from nfield.backbones.mlp import MLPConfig
from nfield.core.checks import UserError
from nfield.core.config import from_dict, name_of, named_from_dict, to_dict
from nfield.core.seeding import generator
from nfield.encodings import ENCODINGS
from nfield.encodings.spherical_harmonics import SphericalHarmonicsConfig
from nfield.fields.camera_corrections import CameraCorrections
from nfield.fields.radiance import RadianceField
from nfield.jobs.views.frame import RESOLUTION, Understood
from nfield.jobs.views.options import VIEWS_PRESETS, ViewsOptions, ViewsPreset
from nfield.rendering.occupancy import OccupancyGrid

FEATURES = 15
"""Numbers that the backbone hands to the head for the colour, beside the density."""
HEAD = MLPConfig(width=64, depth=1)
DIRECTIONS = SphericalHarmonicsConfig(degree=3)
BASELINE = VIEWS_PRESETS["none"]
"""The plain MLP on raw coordinates that every field is set beside; its rate is tuned before use."""
BASELINE_RATES = (3e-4, 1e-3, 3e-3)
"""Rates that are tried for it."""


def from_pictures(encoding: str, footprint: float) -> dict[str, Any]:
    """Settings of an encoding that follow from the size of a pixel in normalised units.

    Pixels of size p show frequencies up to 1 / (2 p) cycles per unit.
    """
    if encoding == "hash":
        finest = round(min(max(3 / footprint, 32), 2048))
        levels = max(1, round(math.log2(finest / 16)) + 1)
        table = 1 << min(19, max(12, math.ceil(math.log2(2 * finest**2))))
        return {"levels": levels, "coarsest": 16, "finest": finest, "features": 4, "table_size": table}
    nyquist = 1 / (2 * footprint)
    if encoding == "nerf":
        # Its octaves are 2^j half cycles per unit.
        return {"octaves": max(1, min(10, 1 + round(math.log2(2 * nyquist))))}
    if encoding == "positional":
        return {"frequencies": max(1, min(10, 2 + round(math.log2(nyquist))))}
    if encoding == "gaussian":
        return {"scale": round(nyquist / 8, 3)}
    if encoding == "multiscale_gaussian":
        return {"scales": tuple(round(nyquist * share, 3) for share in (1 / 32, 1 / 16, 1 / 8))}
    if encoding == "adaptive_grid":
        return {"resolution": round(min(max(1 / footprint, 16), 128)), "features": 4}
    return {}


def backbone_from_pictures(backbone: str, footprint: float) -> dict[str, Any]:
    """Settings of a backbone that scales coordinates by itself: angular frequencies up to an eighth of Nyquist's."""
    nyquist = 1 / (2 * footprint)
    if backbone in ("mscale1", "mscale2"):
        return {"scales": tuple(round(2 * math.pi * nyquist * share, 3) for share in (1 / 64, 1 / 16, 1 / 8))}
    if backbone == "fourier":
        return {"scales": tuple(round(nyquist * share, 3) for share in (1 / 32, 1 / 16, 1 / 8))}
    if backbone == "siren":
        return {"first_omega": round(min(30.0, math.pi * nyquist / 4), 3)}
    if backbone == "multistage":
        # SIREN's reach along each of the three axes.
        return {"kappa": round(min(10.0, math.pi * nyquist / 12), 3)}
    if backbone == "finer":
        omega = round(min(30.0, math.pi * nyquist / 4), 3)
        return {"first_omega": omega, "first_bias": round(bias_reaching(nyquist / 8, 3, omega), 3)}
    if backbone == "wire":
        omega = round(min(10.0, math.pi * nyquist / 12), 3)
        return {"omega": omega, "spread": omega}
    if backbone == "bacon":
        return {"band_limit": max(0.25, round(nyquist / 4, 3))}
    return {}


def views_recipe(
    preset: ViewsPreset, options: ViewsOptions, found: Understood, *, plain: bool = False
) -> dict[str, Any]:
    """Encoding, backbone and rate as entries of config.json; the user's settings win, but not for the `plain` MLP."""
    encoding_settings = {} if plain else options.encoding_settings
    backbone_settings = {} if plain else options.backbone_settings
    encoding = from_dict(
        ENCODINGS[preset.encoding],
        {**from_pictures(preset.encoding, found.footprint), **encoding_settings},
        "encoding",
    )
    decided = backbone_from_pictures(preset.backbone, found.footprint)
    backbone = from_dict(
        BACKBONES[preset.backbone], {**preset.backbone_settings, **decided, **backbone_settings}, "backbone"
    )
    rate = None if plain else options.learning_rate
    return {
        "encoding": to_dict(encoding, name=name_of(ENCODINGS, encoding)),
        "backbone": to_dict(backbone, name=name_of(BACKBONES, backbone)),
        "learning_rate": rate or preset.learning_rate,
        "samples_per_step": options.samples,
        "grid_resolution": RESOLUTION,
        "exposure": options.exposure,
        "pose_correction": options.pose_correction,
        "coarse_first": None if plain else options.coarse_first,
    }


def build_radiance(
    recipe: dict[str, Any], seed: int, pictures: int, occupied: torch.Tensor | None = None
) -> RadianceField:
    """The recipe's field with weights drawn from the seed, empty outside of the occupied cells.

    `pictures` counts those that are trained on. Raises UserError where features should come coarse first, but none is
    coarser than another.
    """
    draw = generator(seed, "weights")
    encoding = named_from_dict(ENCODINGS, recipe["encoding"], "encoding").build(3, draw)
    backbone = named_from_dict(BACKBONES, recipe["backbone"], "backbone").build(encoding.out_dim, 1 + FEATURES, draw)
    directions = DIRECTIONS.build(3, draw)
    head = HEAD.build(FEATURES + directions.out_dim, 3, draw)
    grid = OccupancyGrid(recipe["grid_resolution"])
    if occupied is not None:
        grid.restrict(occupied)
    exposure, poses = recipe["exposure"], recipe["pose_correction"]
    cameras = CameraCorrections(pictures, exposure=exposure, poses=poses) if exposure or poses else None
    coarse_first = recipe["coarse_first"] is not None
    if coarse_first and float(encoding.octaves().std(correction=0)) == 0:
        raise UserError(
            f"--coarse-first needs an encoding with coarse and fine features, but '{recipe['encoding']['name']}' has "
            "one kind alone. Leave it out, or choose hash, nerf, positional or a Gaussian encoding."
        )
    return RadianceField(encoding, backbone, directions, head, grid, cameras=cameras, coarse_first=coarse_first)
