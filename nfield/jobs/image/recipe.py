"""Recipes: from an image and a name to encoding, backbone and rates, with every scale taken from the data.

A recipe is a function of what is known of the image; `PRESETS` is the table that the command line offers.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from nfield.backbones import BACKBONES
from nfield.backbones.bacon import BACONConfig
from nfield.backbones.finer import FINERConfig, bias_reaching
from nfield.backbones.fourier import FourierConfig
from nfield.backbones.mlp import MLPConfig
from nfield.backbones.mscale1 import Mscale1Config
from nfield.backbones.mscale2 import Mscale2Config
from nfield.backbones.phase import PhaseConfig
from nfield.core.checks import UserError, choice
from nfield.core.seeding import generator
from nfield.encodings import ENCODINGS
from nfield.encodings.adaptive_grid import AdaptiveGrid, AdaptiveGridConfig
from nfield.encodings.gaussian import GaussianConfig
from nfield.encodings.hash_grid import HashGridConfig
from nfield.encodings.multiscale_gaussian import MultiscaleGaussianConfig
from nfield.encodings.positional import PositionalConfig
from nfield.fields.base import Field, count_parameters
from nfield.fields.corrected import CorrectedField, CorrectionConfig
from nfield.jobs.image.pixels import Pixels
from nfield.spectral.advice import ScaleAdvice
from nfield.spectral.shifts import dominant_shifts

MOST_PARAMETERS = 4_000_000
"""Default bound: with gradients, moments and copies this stays far below 1 GB."""
MOST_NODES = 8_000_000
"""Nodes of the finest level at the most: it is laid out densely for each step."""
HELD_OUT_SCALE = 0.04
"""Scale of Gaussian features over Nyquist, with held-out pixels: see `gaussian_scale`."""
CORRECTED_SCALE = 0.03
"""The same where a correction follows, which brings the finer waves."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything about a field that the data decides."""

    encoding: Any
    backbone: Any
    learning_rate: float
    batch_pixels: int = 1 << 14
    weight_decay: float = 0.0
    correction: CorrectionConfig | None = None
    """Grid on the training pixels that takes over, at the end, what the network misses there."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Known:
    """What recipes may use."""

    pixels: Pixels
    advice: ScaleAdvice
    parameters: int
    """Number of parameters to stay within."""


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


def adaptive_grid(known: Known) -> AdaptiveGridConfig:
    """Down to the training pixels, with two features a node where the parameters suffice for all nodes.

    With held-out pixels the features learn slowly, and decay: what the coarse levels can carry is then left to them,
    which costs the training pixels precision that nobody needs and gains the pixels between them up to 0.15 dB.
    """
    pixels, nodes_at = known.pixels, lattice(known.pixels)
    finest = nodes_at.resolution
    width = network_width(known)
    nodes = math.prod(finest) * 4 / 3
    return AdaptiveGridConfig(
        resolution=finest,
        levels=max(1, math.ceil(math.log2(max(finest) / 8))),
        features=2 if 2 * nodes + 2 * width * width <= known.parameters else 1,
        first=nodes_at.first,
        last=nodes_at.last,
        rate=2.0 if pixels.step == 1 else 0.2,
    )


def hash_grid(known: Known) -> HashGridConfig:
    """Down to the data's band limit, with tables that share the parameters."""
    longest = max(known.pixels.rows, known.pixels.columns)
    finest = max(2, min(longest, known.advice.grid_resolution))
    levels = max(1, min(12, 1 + round(2 * math.log2(max(2, finest / 16)))))
    share = max(16, known.parameters // (2 * levels))
    return HashGridConfig(
        levels=levels,
        coarsest=min(16, finest),
        finest=finest,
        table_size=1 << min(19, max(4, math.ceil(math.log2(share)))),
    )


def gaussian_scale(known: Known) -> float:
    """The scale that fits the data's spectrum; with held-out pixels one that stays smooth between the samples.

    What lies between samples is told by their distance rather than by the spectrum: of the scales that were tried on
    four photographs the best were 0.03 to 0.06 of Nyquist, and 0.4 to 1.2 of what their spectra advise.
    """
    return known.advice.gaussian_scale if known.pixels.step == 1 else HELD_OUT_SCALE * known.advice.nyquist


ENCODING_FROM_DATA: dict[str, Callable[[Known], Any]] = {
    "adaptive_grid": adaptive_grid,
    "hash": hash_grid,
    "gaussian": lambda known: GaussianConfig(scale=gaussian_scale(known)),
    "multiscale_gaussian": lambda known: MultiscaleGaussianConfig(scales=known.advice.fourier_scales),
    "positional": lambda known: PositionalConfig(frequencies=known.advice.positional_octaves),
}
"""Encodings whose settings follow from the data; the others have good settings of their own."""


def angular(known: Known) -> tuple[float, ...]:
    """The two highest of the data's scales as angular frequencies, for first layers of sines, which have no 2π.

    Normal weights hold many small values too: a third network, for the low frequencies, was measured to bring less
    than wider networks for the others.
    """
    return tuple(round(2 * math.pi * scale, 3) for scale in known.advice.fourier_scales[-2:])


PHASE_SHIFTS = 6
"""Wave vectors of PhaseDNN for pictures: few, each with a wide band, were measured to be better than many."""
PHASE_RADIUS = 12.0
"""Least distance of two of them, in waves per longest side."""
PHASE_SCALE = 20.0
"""Widens the bands of its networks to about that distance."""
PHASE_WINDOW = 1024
"""Pixels along a side, from the middle of the picture, that are looked at for them."""


def phase(known: Known) -> PhaseConfig:
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
    return PhaseConfig(shifts=rounded, width=48, scale=PHASE_SCALE)


def finer(known: Known) -> FINERConfig:
    """Local frequencies up to twice the scale of Gaussian features: of the reaches that were tried the best."""
    usual = FINERConfig()
    bias = bias_reaching(2 * known.advice.gaussian_scale, 2, usual.first_omega)
    return dataclasses.replace(usual, first_bias=round(bias, 3))


BACKBONE_FROM_DATA: dict[str, Callable[[Known], Any]] = {
    "finer": finer,
    "bacon": lambda known: BACONConfig(band_limit=max(known.advice.nyquist, 0.25)),
    "fourier": lambda known: FourierConfig(scales=known.advice.fourier_scales, activation="phi"),
    "mscale1": lambda known: Mscale1Config(scales=angular(known), first_activation="sine"),
    "mscale2": lambda known: Mscale2Config(scales=angular(known), first_activation="sine", width=160),
    "phase": phase,
}
"""Backbones whose settings follow from the data; the others have good settings of their own."""

GRIDS = ("adaptive_grid", "hash")
"""Encodings that learn: the network behind them is small."""


PLAIN_NETWORK = MLPConfig(width=128, depth=4)
"""The plain MLP that learns a picture best in a minute of two cores."""
PUBLISHED_NETWORK = MLPConfig(width=256, depth=4)
"""The plain MLP that Tancik et al. (2006.10739) set behind their encodings; Gaussian features gain by the width."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """Names of the parts of a recipe, its rate and batch; all scales come from the data."""

    encoding: str
    backbone: str
    learning_rate: float
    batch_pixels: int = 1 << 12
    """Small where the network is large: on a CPU more steps are worth more than larger ones."""
    network: MLPConfig = PLAIN_NETWORK
    """The plain MLP, where the backbone is one and the encoding does not learn."""
    corrected: bool = False
    """What the network misses at the training pixels goes to a grid at the end."""


PRESETS: dict[str, Preset] = {
    "default": Preset(encoding="adaptive_grid", backbone="mlp", learning_rate=5e-3, batch_pixels=1 << 14),
    "fourier": Preset(encoding="identity", backbone="fourier", learning_rate=1e-2),
    "mscale": Preset(encoding="identity", backbone="mscale2", learning_rate=5e-3),
    "mscale1": Preset(encoding="identity", backbone="mscale1", learning_rate=5e-3),
    "phase": Preset(encoding="identity", backbone="phase", learning_rate=1e-2, batch_pixels=1 << 11),
    "siren": Preset(encoding="identity", backbone="siren", learning_rate=5e-4),
    "multistage": Preset(encoding="identity", backbone="multistage", learning_rate=1e-3),
    "finer": Preset(encoding="identity", backbone="finer", learning_rate=1e-3),
    "wire": Preset(encoding="identity", backbone="wire", learning_rate=5e-3),
    "bacon": Preset(encoding="identity", backbone="bacon", learning_rate=2e-2),
    "hash": Preset(encoding="hash", backbone="mlp", learning_rate=5e-3, batch_pixels=1 << 14),
    "multiscale": Preset(encoding="multiscale_gaussian", backbone="mlp", learning_rate=3e-3),
    "gaussian": Preset(encoding="gaussian", backbone="mlp", learning_rate=3e-3, network=PUBLISHED_NETWORK),
    "positional": Preset(encoding="positional", backbone="mlp", learning_rate=3e-3, network=PUBLISHED_NETWORK),
    "basic": Preset(encoding="basic", backbone="mlp", learning_rate=3e-3, network=PUBLISHED_NETWORK),
    "none": Preset(encoding="identity", backbone="mlp", learning_rate=3e-3, network=PUBLISHED_NETWORK),
}

BETWEEN_SAMPLES = Preset(encoding="gaussian", backbone="mlp", learning_rate=3e-3, corrected=True)
"""What the default becomes with held-out pixels: a network that is smooth between its samples, its rest interpolated.

On four photographs this came out 0.2 to 0.6 dB above the adaptive grid, and 0.0 to 1.2 dB above the network alone.
"""

BASELINE = Preset(encoding="identity", backbone="mlp", learning_rate=3e-3)
"""The plain MLP on raw coordinates that every field is set beside; its rate is tuned before use."""
BASELINE_RATES = (1e-3, 3e-3, 1e-2)
"""Rates that are tried for it."""


def network_width(known: Known) -> int:
    """Width of the small network behind a grid: it takes a tenth of the parameters at the most, 64 is enough."""
    return next((w for w in (64, 32, 16) if 10 * w * w <= known.parameters), 8)


def _named_preset(encoding: str, backbone: str) -> Preset:
    """The preset with these parts, or one with the rate of those that share its backbone."""
    for preset in PRESETS.values():
        if (preset.encoding, preset.backbone) == (encoding, backbone):
            return preset
    similar = PRESETS["gaussian"] if backbone == "mlp" else BASELINE
    similar = next((p for p in PRESETS.values() if p.backbone == backbone != "mlp"), similar)
    return dataclasses.replace(similar, encoding=encoding, backbone=backbone)


def parts(preset: str, encoding: str | None, backbone: str | None, held_out: bool = False) -> Preset:
    """The preset with the parts that the user named in place of its own.

    A backbone that scales the coordinates by itself gets no encoding, and an encoding gets a plain network, unless
    both are named. With held-out pixels the default is another.
    """
    chosen = PRESETS[choice(preset, PRESETS, "preset")]
    if encoding is not None:
        choice(encoding, ENCODINGS, "encoding")
    if backbone is not None:
        choice(backbone, BACKBONES, "backbone")
    if encoding is None and backbone is None:
        return BETWEEN_SAMPLES if held_out and preset == "default" else chosen
    if encoding is None and backbone is not None:
        encoding = chosen.encoding if backbone == "mlp" else "identity"
    return _named_preset(encoding or chosen.encoding, backbone or "mlp")


def make_recipe(
    preset: Preset,
    known: Known,
    encoding_settings: Mapping[str, Any] | None = None,
    backbone_settings: Mapping[str, Any] | None = None,
) -> Recipe:
    """The recipe of a preset for what is known of the image; settings replace what follows from the data."""
    encoding = ENCODING_FROM_DATA.get(preset.encoding, lambda _: ENCODINGS[preset.encoding]())(known)
    backbone = BACKBONE_FROM_DATA.get(preset.backbone, lambda _: BACKBONES[preset.backbone]())(known)
    if preset.backbone == "mlp":
        backbone = MLPConfig(width=network_width(known), depth=2) if preset.encoding in GRIDS else preset.network
    if preset.corrected:
        encoding = dataclasses.replace(encoding, scale=CORRECTED_SCALE * known.advice.nyquist)
    return Recipe(
        encoding=_with_settings(encoding, encoding_settings, f"encoding {preset.encoding}"),
        backbone=_with_settings(backbone, backbone_settings, f"backbone {preset.backbone}"),
        learning_rate=preset.learning_rate,
        batch_pixels=preset.batch_pixels * (1 if known.pixels.count <= 1 << 21 else 4),
        weight_decay=1.0 if preset.encoding in GRIDS and known.pixels.step > 1 else 0.0,
        correction=lattice(known.pixels) if preset.corrected else None,
    )


def _with_settings(config: Any, settings: Mapping[str, Any] | None, what: str) -> Any:
    names = [f.name for f in dataclasses.fields(config)]
    for name in settings or {}:
        choice(name, names, f"setting of {what}")
    return dataclasses.replace(config, **(settings or {}))


def build_field(recipe: Recipe, channels: int, seed: int, offset: list[float] | float = 0.5) -> Field:
    """The recipe's field with weights drawn from the seed."""
    draw = generator(seed, "weights")
    encoding = recipe.encoding.build(2, draw)
    backbone = recipe.backbone.build(encoding.out_dim, channels, draw)
    if recipe.correction is None:
        return Field(encoding, backbone, offset=offset)
    return CorrectedField(encoding, backbone, recipe.correction, offset=offset)


def within_parameters(recipe: Recipe, channels: int, parameters: int) -> Recipe:
    """The recipe with its network narrowed until the field has no more than `parameters` trained numbers.

    A grid that allocates its own tiles counts with its coarsest level, the least that it keeps. A correction is left
    out where it would take more than half.
    """
    corrections = 0 if recipe.correction is None else channels * math.prod(recipe.correction.resolution)
    if 2 * corrections > parameters:
        recipe, corrections = dataclasses.replace(recipe, correction=None), 0
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
