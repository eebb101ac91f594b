"""Recipes for solutions: from frequencies in the problem's data to encoding, backbone and rate."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from nfield.backbones import BACKBONES
from nfield.backbones.fourier import FourierConfig
from nfield.backbones.mlp import MLPConfig
from nfield.backbones.mscale1 import Mscale1Config
from nfield.backbones.mscale2 import Mscale2Config
from nfield.backbones.phase import PhaseConfig, lattice
from nfield.backbones.siren import SIRENConfig
from nfield.backbones.spacetime import SpacetimeConfig
from nfield.core.checks import UserError, choice
from nfield.core.seeding import generator
from nfield.encodings import ENCODINGS
from nfield.encodings.gaussian import GaussianConfig
from nfield.encodings.multiscale_gaussian import MultiscaleGaussianConfig
from nfield.encodings.positional import PositionalConfig
from nfield.encodings.tones import TonesConfig
from nfield.equations.ansatz import Ansatz
from nfield.fields.base import Field
from nfield.fields.solution import SolutionField
from nfield.jobs.equation.scales import Tones

PLAIN = MLPConfig(width=64, depth=3, activation="tanh")
"""The plain network of the papers: tanh, as second derivatives are needed."""
SMALL_PLAIN = MLPConfig(width=32, depth=3, activation="tanh")
"""Beside fields that Levenberg-Marquardt can polish: of about their size, so that the same is done to it."""
PHASE_SLOW, PHASE_OPEN = (24, 2), (20, 4)
"""Width and depth for the amplitudes where there are waves along all axes, so that they are slow, and where along some
axis the network has to find the solution's shape by itself. Small, which leaves time for steps of second order."""
BASELINE_RATES = (1e-3, 3e-3, 1e-2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolveRecipe:
    """Everything about a network that the problem decides."""

    encoding: Any
    backbone: Any
    learning_rate: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolvePreset:
    """Names of the parts of a recipe, and its rate."""

    encoding: str
    backbone: str
    learning_rate: float


SOLVE_PRESETS: dict[str, SolvePreset] = {
    "default": SolvePreset(encoding="identity", backbone="phase", learning_rate=1e-2),
    "tones": SolvePreset(encoding="tones", backbone="mlp", learning_rate=3e-3),
    "fourier": SolvePreset(encoding="identity", backbone="fourier", learning_rate=3e-3),
    "spacetime": SolvePreset(encoding="identity", backbone="spacetime", learning_rate=3e-3),
    "mscale": SolvePreset(encoding="identity", backbone="mscale2", learning_rate=3e-3),
    "siren": SolvePreset(encoding="identity", backbone="siren", learning_rate=1e-3),
    "none": SolvePreset(encoding="identity", backbone="mlp", learning_rate=3e-3),
}
"""Every preset by name."""


def solve_parts(preset: str, encoding: str | None = None, backbone: str | None = None) -> SolvePreset:
    """The preset, with other parts where they are named. Raises UserError for unknown names, and for multistage."""
    parts = SOLVE_PRESETS[choice(preset, SOLVE_PRESETS, "preset")]
    if encoding is not None:
        parts = dataclasses.replace(parts, encoding=choice(encoding, ENCODINGS, "encoding"))
    if backbone is not None:
        if choice(backbone, BACKBONES, "backbone") == "multistage":
            raise UserError(
                "Equations are solved in stages with --stages 3; the backbone multistage is for other jobs."
            )
        parts = dataclasses.replace(parts, backbone=backbone)
    return parts


def lifted_tones(tones: Tones, periodic: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Frequencies and their axes as the network's input has them: a periodic axis is two there, without tones."""
    frequencies: list[float] = []
    axes: list[int] = []
    place = 0
    for axis, found in enumerate(tones.per_axis):
        if axis not in periodic:
            frequencies += found
            axes += [place] * len(found)
        place += 2 if axis in periodic else 1
    return tuple(frequencies), tuple(axes)


def phase_network(frequencies: tuple[float, ...], axes: tuple[int, ...], dimension: int) -> PhaseConfig:
    """One network for the slow amplitudes of all products of waves along the axes."""
    per_axis = [
        [2 * math.pi * b for b, place in zip(frequencies, axes, strict=True) if place == axis]
        for axis in range(dimension)
    ]
    width, depth = PHASE_SLOW if all(per_axis) else PHASE_OPEN
    return PhaseConfig(shifts=lattice(per_axis), shared=True, width=width, depth=depth, activation="tanh")


def octaves(highest: float, count: int = 3) -> tuple[float, ...]:
    """Scales from half a cycle to the highest frequency, in equal ratios."""
    if highest <= 1:
        return (max(0.5, round(highest, 3)),)
    return tuple(round(0.5 * (2 * highest) ** (i / (count - 1)), 3) for i in range(count))


def solve_recipe(
    parts: SolvePreset,
    tones: Tones,
    ansatz: Ansatz,
    encoding_settings: Mapping[str, Any] | None = None,
    backbone_settings: Mapping[str, Any] | None = None,
) -> SolveRecipe:
    """The recipe for a problem's tones, with what the user has set in its place."""
    frequencies, axes = lifted_tones(tones, ansatz.periodic)
    highest = max(tones.highest)
    dimension = len(tones.per_axis)
    space = max(tones.highest[: dimension - 1] or tones.highest)
    scales = octaves(highest)
    backbones: dict[str, Callable[[], Any]] = {
        "mlp": lambda: PLAIN,
        "phase": lambda: phase_network(frequencies, axes, ansatz.lifted),
        "fourier": lambda: FourierConfig(scales=scales, activation="tanh", width=64, frequencies=64),
        "spacetime": lambda: SpacetimeConfig(
            space_scales=octaves(space, 2), time_scales=octaves(tones.highest[-1], 2), width=64
        ),
        "mscale1": lambda: Mscale1Config(scales=tuple(2 * math.pi * s for s in scales), width=64, depth=3),
        "mscale2": lambda: Mscale2Config(scales=tuple(2 * math.pi * s for s in octaves(highest, 6)), width=32),
        "siren": lambda: SIRENConfig(width=64, depth=3, first_omega=max(6.0, 2 * math.pi * highest)),
    }
    encodings: dict[str, Callable[[], Any]] = {
        "tones": lambda: TonesConfig(frequencies=frequencies, axes=axes),
        "gaussian": lambda: GaussianConfig(scale=highest, frequencies=64),
        "multiscale_gaussian": lambda: MultiscaleGaussianConfig(scales=scales, frequencies=64),
        "positional": lambda: PositionalConfig(frequencies=2 + math.ceil(math.log2(max(1.0, 2 * highest)))),
    }
    if (parts.encoding, parts.backbone) == SOLVE_DEFAULT and _products(frequencies, axes) > MOST_PRODUCTS:
        parts = SOLVE_PRESETS["tones"]
    encoding = encodings.get(parts.encoding, ENCODINGS[parts.encoding])()
    backbone = backbones.get(parts.backbone, BACKBONES[parts.backbone])()
    if encoding_settings:
        encoding = dataclasses.replace(encoding, **encoding_settings)
    if backbone_settings:
        known = {field.name for field in dataclasses.fields(backbone)}
        if not set(backbone_settings) <= known:
            raise UserError(
                f"This problem has too many frequencies for the backbone phase, and took {parts.backbone} behind "
                f"{parts.encoding} instead. Name --backbone to set its parts."
            )
        backbone = dataclasses.replace(backbone, **backbone_settings)
    return SolveRecipe(encoding=encoding, backbone=backbone, learning_rate=parts.learning_rate)


SOLVE_DEFAULT = ("identity", "phase")
MOST_PRODUCTS = 256
"""Beyond so many products of waves an MLP behind the waves themselves is cheaper."""


def _products(frequencies: tuple[float, ...], axes: tuple[int, ...]) -> int:
    return math.prod(1 + 2 * axes.count(axis) for axis in set(axes)) if frequencies else 1


def build_solution(recipe: SolveRecipe, ansatz: Ansatz, terms: int, seed: int) -> SolutionField:
    """The field with weights drawn from the seed."""
    draw: torch.Generator = generator(seed, "weights")
    encoding = recipe.encoding.build(ansatz.lifted, draw)
    return SolutionField(Field(encoding, recipe.backbone.build(encoding.out_dim, 1, draw)), ansatz, terms)
