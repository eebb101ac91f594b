"""From the frequencies in a job's data to settings of backbones: `SCALES` has a row for each backbone that needs any.

Widths and depths are no matter of frequencies: presets have them.
"""

import math
from collections.abc import Callable

from nfield.encodings.scales import DataScales, Settings

LEAST_LIMIT = 0.25
"""Band limit in cycles per unit below which a network has no frequency left to choose from."""
LARGEST_OMEGA = 10.0
"""Angular frequency along each axis that networks with waves along all of them at once are given at the most."""


def _each_axis(data: DataScales) -> float:
    return round(min(LARGEST_OMEGA, (data.omega or 0.0) / data.dimension), 3)


def bias_reaching(frequency: float, in_dim: int, omega: float) -> float:
    """The k with which a first layer's local frequencies along each axis reach `frequency`, in cycles per unit of x.

    FINER (arXiv 2312.02434): ω(2k + 1)/d = 2πf, with weights up to 1/d; k is no smaller than SIREN's 1/√d.
    """
    return max(math.pi * in_dim * frequency / omega - 0.5, in_dim**-0.5)


def _finer(data: DataScales, given: Settings) -> Settings:
    omega = float(given.get("first_omega", data.omega))
    return {"first_omega": omega, "first_bias": round(bias_reaching(data.local or 0.0, data.dimension, omega), 3)}


SCALES: dict[str, Callable[[DataScales, Settings], Settings]] = {
    "siren": lambda data, given: {"first_omega": data.omega},
    "finer": _finer,
    "wire": lambda data, given: {"omega": _each_axis(data), "spread": _each_axis(data)},
    "bacon": lambda data, given: {"band_limit": max(data.limit or 0.0, LEAST_LIMIT)},
    "fourier": lambda data, given: {"scales": data.features},
    "mscale1": lambda data, given: {"scales": data.angular},
    "mscale2": lambda data, given: {"scales": data.angular},
    "spacetime": lambda data, given: {"space_scales": data.features, "time_scales": data.features},
    "multistage": lambda data, given: {"kappa": _each_axis(data)},
}
"""Settings that follow from the data, beside what the user has given; the other backbones need none."""
