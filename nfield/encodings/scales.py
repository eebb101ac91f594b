"""From the frequencies in a job's data to settings of encodings: `SCALES` has a row for each encoding that needs any.

Frequencies are in cycles per unit of the field's coordinates.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

OCTAVE = 2.0
MOST_ROWS = 1 << 19
"""Of a level's table in a hash grid."""
Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What grids of features have to show."""

    finest: int
    """Cells along the longest axis that the data can fill."""
    coarsest: int = 16
    ratio: float = OCTAVE
    """Of the resolutions of levels that follow each other."""
    features: int = 2
    rows: Callable[[int, int], int] = lambda levels, finest: 1 << 14
    """Rows of a level's table, from the number of levels and the finest one; rounded up to a power of two."""
    least_levels: int = 1
    most_levels: int = 16


@dataclass(frozen=True, kw_only=True)
class DataScales:
    """What a job says of its data. Only `dimension` and `highest` are needed: all else follows, or is said instead."""

    dimension: int
    """Coordinates of a point."""
    highest: float
    """Highest frequency that is to be learned."""
    features: tuple[float, ...] = ()
    """Standard deviations of Gaussian features of several scales, from low to high."""
    gaussian: float | None = None
    """Standard deviation of Gaussian features of one scale. Default: the highest of `features`."""
    angular: tuple[float, ...] = ()
    """Angular frequencies of the parts of a multiscale first layer. Default: 2π times `features`."""
    omega: float | None = None
    """Angular frequency of a first layer of sines. Default: that of the highest features, 30 at the most."""
    local: float | None = None
    """Local frequency that sines of variable period reach. Default: the highest of `features`."""
    limit: float | None = None
    """Band limit of networks that have one. Default: `highest`."""
    octaves: int | None = None
    """Octaves of features along each axis. Default: up to twice `highest`."""
    grid: Grid | None = None
    """Default: two nodes for each half wave of `highest` over a side of two units."""
    own: Mapping[str, Callable[[], Settings]] = field(default_factory=dict)
    """Settings that only this job can know, by the part's name; they win over the table's row."""

    def __post_init__(self) -> None:
        def given(name: str, value: Any) -> None:
            if getattr(self, name) in (None, ()):
                object.__setattr__(self, name, value)

        given("features", spread(self.highest, 3))
        given("gaussian", self.features[-1])
        given("angular", tuple(round(2 * math.pi * scale, 3) for scale in self.features))
        given("omega", round(min(30.0, 2 * math.pi * self.features[-1]), 3))
        given("local", self.features[-1])
        given("limit", self.highest)
        given("octaves", 2 + math.ceil(math.log2(max(1.0, 2 * self.highest))))
        given("grid", Grid(finest=max(2, round(8 * self.highest)), coarsest=min(16, max(2, round(8 * self.highest)))))


def spread(highest: float, count: int) -> tuple[float, ...]:
    """So many scales from half a cycle to the highest frequency, in equal ratios; one where that is below a cycle."""
    if highest <= 1:
        return (max(0.5, round(highest, 3)),)
    return tuple(round(0.5 * (2 * highest) ** (i / (count - 1)), 3) for i in range(count))


def hash_levels(data: DataScales, given: Settings) -> Settings:
    """Levels from the coarsest to the finest grid, and tables for the nodes that the data meet."""
    grid: Any = data.grid
    coarsest = int(given.get("coarsest", min(grid.coarsest, grid.finest)))
    finest = max(coarsest, int(given.get("finest", grid.finest)))
    levels = 1 + round(math.log(finest / coarsest) / math.log(grid.ratio))
    levels = max(grid.least_levels, min(grid.most_levels, levels))
    rows = grid.rows(levels, finest)
    return {
        "coarsest": coarsest,
        "finest": finest,
        "levels": levels,
        "features": grid.features,
        "table_size": min(MOST_ROWS, 1 << math.ceil(math.log2(max(1, rows)))),
    }


SCALES: dict[str, Callable[[DataScales, Settings], Settings]] = {
    "gaussian": lambda data, given: {"scale": data.gaussian},
    "multiscale_gaussian": lambda data, given: {"scales": data.features},
    "positional": lambda data, given: {"frequencies": data.octaves},
    "nerf": lambda data, given: {"octaves": min(10, data.octaves or 10)},
    "hash": hash_levels,
}
"""Settings that follow from the data, beside what the user has given; the other encodings need none."""


def settings_of(
    scales: Mapping[str, Callable[[DataScales, Settings], Settings]], name: str, data: DataScales, given: Settings
) -> Settings:
    """What the data decide of the part `name`: the row of a table of scales, then what only this job can know."""
    row = scales[name](data, given) if name in scales else {}
    return {**row, **(data.own[name]() if name in data.own else {})}
