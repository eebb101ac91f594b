"""Periodic activations and filters beside the plain network: SIREN, FINER, WIRE, BACON.

SIREN: `sin(ω₀(Wx + b))`; FINER: `sin(ω₀(|z| + 1)z)`, `z = Wx + b`; WIRE: complex wavelets `exp(jω₀z − |s₀z|²)`; BACON:
products of sines of fixed frequencies. `FAMILY` is the table: a further member is one row.
"""

from collections.abc import Callable, Sequence

from nfield.backbones import BackboneConfig, BACONConfig, FINERConfig, SIRENConfig, WIREConfig
from nfield.lab.cures.cures import experiment
from nfield.lab.cures.targets import CureSizes, Target
from nfield.lab.cures.training import Settings

LEAST = 2.0


def _siren(sizes: CureSizes, highest: float) -> list[BackboneConfig]:
    del highest
    return [SIRENConfig(width=sizes.width, depth=sizes.depth, first_omega=omega) for omega in (30.0, 60.0)]


def _finer(sizes: CureSizes, highest: float) -> list[BackboneConfig]:
    del highest
    return [FINERConfig(width=sizes.width, depth=sizes.depth, first_bias=bias) for bias in (1.0, 3.0)]


def _wire(sizes: CureSizes, highest: float) -> list[BackboneConfig]:
    # A complex layer has twice the numbers of a real one of the same width.
    del highest
    width = max(4, round(sizes.width * 0.7))
    return [WIREConfig(width=width, depth=sizes.depth, omega=omega) for omega in (10.0, 20.0)]


def _bacon(sizes: CureSizes, highest: float) -> list[BackboneConfig]:
    # It has one linear layer less than the others for as many filters.
    return [BACONConfig(width=sizes.width, depth=sizes.depth + 1, band_limit=limit) for limit in (highest / 2, highest)]


FAMILY: dict[str, Callable[[CureSizes, float], Sequence[BackboneConfig]]] = {
    "SIREN": _siren,
    "FINER": _finer,
    "WIRE": _wire,
    "BACON": _bacon,
}
"""Name of each member, and the configurations among which it may choose, for a size and the highest frequency that the
samples can hold, in cycles per unit of x."""


def contenders(sizes: CureSizes, target: Target) -> Settings:
    """All members of the family."""
    # Samples of n along each side, which is 2 units long, hold n/2 cycles per side.
    highest = target.side / 4
    return {name: settings(sizes, highest) for name, settings in FAMILY.items()}


EXPERIMENT = experiment(
    "periodic activations and filters",
    f"periodic networks ({', '.join(FAMILY)})",
    contenders,
    LEAST,
    "Sitzmann et al.: Implicit neural representations with periodic activation functions (2020), arXiv 2006.09661; "
    "Liu et al.: FINER (2023), arXiv 2312.02434; Saragadam et al.: WIRE (2023), arXiv 2301.05187; Lindell et al.: "
    "BACON (2021), arXiv 2112.04645",
)
