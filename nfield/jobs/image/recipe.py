"""From an image to encoding, backbone and rates, with every scale taken from the data."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.config import from_dict, to_dict
from nfield.core.seeding import generator
from nfield.encodings.adaptive_grid import AdaptiveGrid
from nfield.encodings.scales import DataScales, Grid
from nfield.fields.base import Field, count_parameters
from nfield.fields.corrected import CorrectedField, CorrectionConfig
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.image.pixels import Pixels
from nfield.jobs.recipe import Preset, Recipe, recipe_of
from nfield.kernels.interpolation import PADDING
from nfield.spectral.advice import ScaleAdvice
from nfield.spectral.detail import tile_detail
from nfield.spectral.shifts import dominant_shifts

MOST_PARAMETERS = 4_000_000
"""Default bound: with gradients, moments and copies this stays far below 1 GB."""
MOST_NODES = 8_000_000
"""Nodes of the finest level at the most: it is laid out densely for each step."""
HELD_OUT_SCALE = 0.04
"""Scale of Gaussian features over Nyquist, with held-out pixels: see `gaussian_scale`."""
CORRECTED_SCALE = 0.03
"""The same where a correction follows, which brings the finer waves."""
OMEGA = 30.0
"""SIREN's published first layer, which was the best for photographs too."""
GRIDS = ("adaptive_grid", "hash")
"""Encodings that learn: the network behind them is small."""
PHASE_SHIFTS = 6
"""Wave vectors of PhaseDNN for pictures: few, each with a wide band, were measured to be better than many."""
PHASE_RADIUS = 12.0
"""Least distance of two of them, in waves per longest side."""
PHASE_SCALE = 20.0
"""Widens the bands of its networks to about that distance."""
PHASE_WINDOW = 1024
"""Pixels along a side, from the middle of the picture, that are looked at for them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """What recipes may use."""

    pixels: Pixels
    advice: ScaleAdvice
    parameters: int
    """Number of parameters to stay within."""
    offset: list[float] = dataclasses.field(default_factory=lambda: [0.5])
    """Mean colour, where every field starts from."""


def default_parameters(pixels: Pixels) -> int:
    """As many parameters as the training pixels have values, within bounds: more would only copy them."""
    return max(1_000, min(pixels.values, MOST_PARAMETERS))


def lattice(pixels: Pixels) -> CorrectionConfig:
    """Nodes on the training pixels, or in the middle of blocks of them where these are more than `MOST_NODES`."""
    nodes, stride = (pixels.rows, pixels.columns), 1
    while math.prod(nodes) > MOST_NODES:
        nodes, stride = (-(-nodes[0] // 2), -(-nodes[1] // 2)), stride * 2
    ends = []
    for size, coordinates in zip(nodes, (pixels.row_coordinates, pixels.column_coordinates), strict=True):
        start, following = coordinates(torch.tensor([0, pixels.step])).tolist()
        begin = start + (following - start) * (stride - 1) / 2
        ends.append((begin, begin + (following - start) * stride * max(size - 1, 1)))
    first, last = zip(*ends, strict=True)
    return CorrectionConfig(resolution=nodes, first=first, last=last)


def adaptive_grid(known: Known) -> dict[str, Any]:
    """Down to the training pixels, with two features a node where the parameters suffice for all nodes.

    With held-out pixels the features learn slowly, and decay: what the coarse levels can carry is then left to them,
    which costs the training pixels precision that nobody needs and gains the pixels between them up to 0.15 dB.
    """
    pixels, nodes_at = known.pixels, lattice(known.pixels)
    finest = nodes_at.resolution
    width = network_width(known)
    nodes = math.prod(finest) * 4 / 3
    return {
        "resolution": finest,
        "levels": max(1, math.ceil(math.log2(max(finest) / 8))),
        "features": 2 if 2 * nodes + 2 * width * width <= known.parameters else 1,
        "first": nodes_at.first,
        "last": nodes_at.last,
        "rate": 2.0 if pixels.step == 1 else 0.2,
    }


def phase(known: Known) -> dict[str, Any]:
    """Around the waves that hold most of the picture's energy."""
    pixels = known.pixels
    grid = pixels.image.pixels[:: pixels.step, :: pixels.step]
    rows, columns = (slice(max(0, n // 2 - PHASE_WINDOW // 2), n // 2 + PHASE_WINDOW // 2 + 1) for n in grid.shape[:2])
    grid = grid[rows, columns]
    spacing = 2 * pixels.step / max(pixels.image.height, pixels.image.width)
    shifts = dominant_shifts(
        grid,
        PHASE_SHIFTS,
        spacing,
        radius=PHASE_RADIUS * 2 * math.pi / (max(grid.shape[:2]) * spacing),
        channels_last=grid.ndim == 3,
    )
    rounded = tuple(tuple(round(number, 3) for number in shift) for shift in shifts.tolist())
    return {"shifts": rounded, "width": 48, "scale": PHASE_SCALE}


def gaussian_scale(known: Known, *, corrected: bool = False) -> float:
    """The scale that fits the data's spectrum; with held-out pixels one that stays smooth between the samples.

    What lies between samples is told by their distance rather than by the spectrum: of the scales that were tried on
    four photographs the best were 0.03 to 0.06 of Nyquist, and 0.4 to 1.2 of what their spectra advise.
    """
    if known.pixels.step == 1:
        return known.advice.gaussian_scale
    return (CORRECTED_SCALE if corrected else HELD_OUT_SCALE) * known.advice.nyquist


def data_scales(known: Known, preset: Preset) -> DataScales:
    """What the tables of scales may know of the image.

    Normal weights hold many small values too: a third network of MscaleDNN, for the low frequencies, was measured to
    bring less than wider networks for the others. Sines of variable period reach up to twice the scale of Gaussian
    features: of the reaches that were tried the best.
    """
    advice = known.advice
    longest = max(known.pixels.rows, known.pixels.columns)
    own: dict[str, Any] = {"adaptive_grid": lambda: adaptive_grid(known), "phase": lambda: phase(known)}
    if preset.encoding in GRIDS:
        own["mlp"] = lambda: {"width": network_width(known), "depth": 2}
    return DataScales(
        dimension=2,
        highest=advice.nyquist,
        features=advice.fourier_scales,
        gaussian=gaussian_scale(known, corrected="corrected" in preset.own),
        angular=tuple(round(2 * math.pi * scale, 3) for scale in advice.fourier_scales[-2:]),
        omega=OMEGA,
        local=2 * advice.gaussian_scale,
        limit=advice.nyquist,
        octaves=advice.positional_octaves,
        grid=Grid(
            finest=max(2, min(longest, advice.grid_resolution)),
            ratio=math.sqrt(2),
            rows=lambda levels, finest: max(16, known.parameters // (2 * levels)),
            least_levels=3,
            most_levels=12,
        ),
        own=own,
    )


def network_width(known: Known) -> int:
    """Width of the small network behind a grid: it takes a tenth of the parameters at the most, 64 is enough."""
    return next((w for w in (64, 32, 16) if 10 * w * w <= known.parameters), 8)


def make_recipe(preset: Preset, known: Known, options: ImageOptions | None = None) -> Recipe:
    """The recipe of a preset for what is known of the image, with what the user has set in its place."""
    settings: dict[str, Any] = {}
    batch = preset.own["batch_pixels"] * (1 if known.pixels.count <= 1 << 21 else 4)
    if options is not None:
        settings = {
            "encoding_settings": options.encoding_settings,
            "backbone_settings": options.backbone_settings,
            "learning_rate": options.learning_rate,
        }
        batch = options.batch_pixels or batch
    own: dict[str, Any] = {"batch_pixels": batch}
    if "corrected" in preset.own:
        own["correction"] = to_dict(lattice(known.pixels))
    return recipe_of(preset, data_scales(known, preset), own=own, **settings)


def correction_of(recipe: Recipe) -> CorrectionConfig | None:
    """The grid on the training pixels that takes over, at the end, what the network misses there."""
    entries = recipe.own.get("correction")
    return None if entries is None else from_dict(CorrectionConfig, entries, "correction")


def build_field(recipe: Recipe, channels: int, seed: int, offset: list[float] | float = 0.5) -> Field:
    """The recipe's field with weights drawn from the seed."""
    draw = generator(seed, "weights")
    encoding = recipe.encoding.build(2, draw)
    backbone = recipe.backbone.build(encoding.out_dim, channels, draw)
    correction = correction_of(recipe)
    if correction is None:
        return Field(encoding, backbone, offset=offset)
    return CorrectedField(encoding, backbone, correction, offset=offset)


def rebuild(config: Mapping[str, Any], name: str, state: dict[str, torch.Tensor], data: Mapping[str, Any]) -> Field:
    """The field of a run folder with its weights."""
    entries = config["recipe" if name == "field" else "baseline_recipe"]
    field = build_field(Recipe.of(entries), config["image"]["channels"], config["seed"])
    dtype = next((v.dtype for v in state.values() if v.is_floating_point()), torch.float32)
    field.to(dtype).load_state_dict(state)
    return field


def within_parameters(recipe: Recipe, channels: int, parameters: int) -> Recipe:
    """The recipe with its network narrowed until the field has no more than `parameters` trained numbers.

    A grid that allocates its own tiles counts with its coarsest level, the least that it keeps. A correction is left
    out where it would take more than half.
    """
    correction = correction_of(recipe)
    corrections = 0 if correction is None else channels * math.prod(correction.resolution)
    if 2 * corrections > parameters:
        own = {name: value for name, value in recipe.own.items() if name != "correction"}
        recipe, corrections = dataclasses.replace(recipe, own=own), 0
    draw = generator(0, "weights")
    encoding = recipe.encoding.build(2, draw)
    fixed = encoding.values[0].numel() if isinstance(encoding, AdaptiveGrid) else count_parameters(encoding)
    fixed += corrections

    def count(width: int) -> int:
        narrow = dataclasses.replace(recipe.backbone, width=width)
        return fixed + count_parameters(narrow.build(encoding.out_dim, channels, draw))

    width = recipe.backbone.width
    if count(width) <= parameters:
        return recipe
    low = 1
    if count(low) > parameters:
        raise UserError(
            f"--parameters {parameters} is too few for this encoding and backbone, which need {count(low)} at least."
        )
    while width - low > 1:
        middle = (low + width) // 2
        low, width = (middle, width) if count(middle) <= parameters else (low, middle)
    return dataclasses.replace(recipe, backbone=dataclasses.replace(recipe.backbone, width=low))


def allocate(field: Field, pixels: Pixels, parameters: int) -> None:
    """Give an adaptive grid its tiles by the detail of the training pixels; other encodings need nothing."""
    grid = field.encoding
    if not isinstance(grid, AdaptiveGrid):
        return
    rest = field.count_parameters() - sum(v.numel() for v in grid.values)
    budget = max(parameters - rest, math.prod(grid.nodes[0]) * grid.config.features)
    height, width = grid.nodes[-1]
    values, known = mean_blocks(pixels, height, width)
    detail = tile_detail(values, len(grid.nodes), grid.config.tile, offset=PADDING[grid.order], known=known)
    grid.allocate(detail, budget)


def mean_blocks(pixels: Pixels, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Training pixels averaged to (height, width), a power of two smaller; with the share of known pixels."""
    factor = 1
    while -(-pixels.rows // factor) > height or -(-pixels.columns // factor) > width:
        factor *= 2
    rows = []
    columns = np.arange(pixels.columns) * pixels.step
    for start in range(0, pixels.rows, factor * 16):
        index = np.arange(start, min(start + factor * 16, pixels.rows)) * pixels.step
        block = torch.as_tensor(pixels.image.values(index, columns)).movedim(-1, 0)[None]
        if factor > 1:
            block = torch.nn.functional.avg_pool2d(block, factor, ceil_mode=True)
        rows.append(block[0].movedim(0, -1))
    known = None
    if pixels.mask is not None:
        mask = torch.from_numpy(pixels.mask[:: pixels.step, :: pixels.step].astype(np.float32))
        known = torch.nn.functional.avg_pool2d(mask[None, None], factor, ceil_mode=True)[0, 0]
    return torch.cat(rows), known
