"""From the frequencies in a problem's data to encoding, backbone and rate."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch

from nfield.backbones.phase import lattice
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings.scales import DataScales, spread
from nfield.equations.ansatz import Ansatz
from nfield.fields.base import Field
from nfield.fields.solution import SolutionField
from nfield.jobs.equation.options import PRESETS, EquationOptions
from nfield.jobs.equation.scales import Tones
from nfield.jobs.recipe import Preset, Recipe, recipe_of

PHASE_SLOW, PHASE_OPEN = (24, 2), (20, 4)
"""Width and depth for the amplitudes where there are waves along all axes, so that they are slow, and where along some
axis the network has to find the solution's shape by itself. Small, which leaves time for steps of second order."""
FREQUENCIES = 64
"""Gaussian features of each scale."""
LEAST_OMEGA = 6.0
MOST_PRODUCTS = 256
"""Beyond so many products of waves an MLP behind the waves themselves is cheaper."""


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


def phase_network(frequencies: tuple[float, ...], axes: tuple[int, ...], dimension: int) -> dict[str, Any]:
    """One network for the slow amplitudes of all products of waves along the axes."""
    per_axis = [
        [2 * math.pi * b for b, place in zip(frequencies, axes, strict=True) if place == axis]
        for axis in range(dimension)
    ]
    width, depth = PHASE_SLOW if all(per_axis) else PHASE_OPEN
    return {"shifts": lattice(per_axis), "shared": True, "width": width, "depth": depth, "activation": "tanh"}


def data_scales(tones: Tones, ansatz: Ansatz, *, lifted: bool) -> DataScales:
    """What the tables of scales may know of a problem; `lifted` says that networks see its coordinates themselves.

    Behind an encoding, PhaseDNN's wave vectors would be of features, of which nothing is known.
    """
    frequencies, axes = lifted_tones(tones, ansatz.periodic)
    highest, dimension = max(tones.highest), len(tones.per_axis)
    space = max(tones.highest[: dimension - 1] or tones.highest)
    own: dict[str, Any] = {
        "tones": lambda: {"frequencies": frequencies, "axes": axes},
        "gaussian": lambda: {"frequencies": FREQUENCIES},
        "multiscale_gaussian": lambda: {"frequencies": FREQUENCIES},
        "mscale1": lambda: {"width": 64, "depth": 3},
        "spacetime": lambda: {"space_scales": spread(space, 2), "time_scales": spread(tones.highest[-1], 2)},
    }
    if lifted:
        own["phase"] = lambda: phase_network(frequencies, axes, ansatz.lifted)
    return DataScales(
        dimension=ansatz.lifted,
        highest=highest,
        features=spread(highest, 3),
        gaussian=highest,
        angular=tuple(2 * math.pi * scale for scale in spread(highest, 6)),
        omega=max(LEAST_OMEGA, 2 * math.pi * highest),
        local=highest,
        limit=2 * highest,
        own=own,
    )


def equation_recipe(preset: Preset, tones: Tones, ansatz: Ansatz, options: EquationOptions | None = None) -> Recipe:
    """The recipe for a problem's tones, with what the user has set in its place."""
    settings: dict[str, Any] = {}
    if options is not None:
        settings = {
            "encoding_settings": options.encoding_settings,
            "backbone_settings": options.backbone_settings,
            "learning_rate": options.learning_rate,
        }
    if preset == PRESETS["default"] and _products(*lifted_tones(tones, ansatz.periodic)) > MOST_PRODUCTS:
        preset = PRESETS["tones"]
        if settings.get("backbone_settings") or settings.get("encoding_settings"):
            raise UserError(
                "This problem has too many frequencies for the backbone phase, and takes mlp behind tones instead. "
                "Name --backbone to set its parts."
            )
    return recipe_of(preset, data_scales(tones, ansatz, lifted=preset.encoding == "identity"), **settings)


def plain_recipe(network: Mapping[str, Any], rate: float) -> Recipe:
    """The plain MLP's."""
    preset = dataclasses.replace(PRESETS["none"], backbone_settings=network, learning_rate=rate)
    return recipe_of(preset, DataScales(dimension=1, highest=1.0))


def _products(frequencies: tuple[float, ...], axes: tuple[int, ...]) -> int:
    return math.prod(1 + 2 * axes.count(axis) for axis in set(axes)) if frequencies else 1


def build_solution(recipe: Recipe, ansatz: Ansatz, terms: int, seed: int) -> SolutionField:
    """The field with weights drawn from the seed."""
    draw: torch.Generator = generator(seed, "weights")
    encoding = recipe.encoding.build(ansatz.lifted, draw)
    return SolutionField(Field(encoding, recipe.backbone.build(encoding.out_dim, 1, draw)), ansatz, terms)
