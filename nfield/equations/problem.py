"""A boundary or initial value problem as a small object; what does not fit together is refused when it is made."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float

from nfield.core.checks import UserError, positive
from nfield.equations.conditions import Condition, Dirichlet, Initial, Neumann, Periodic
from nfield.equations.derivatives import SPACE, Derivatives, axis_names
from nfield.equations.domains import AbstractDomain, Box

Expression = Callable[[torch.Tensor, Derivatives], torch.Tensor]
"""From values u (n, 1) and their `Derivatives` to one number a point, (n, 1)."""
Exact = Callable[[torch.Tensor], torch.Tensor]
Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Find u on `domain` (times an interval of `time`) with `residual(u, at) = 0` and all `conditions`."""

    domain: AbstractDomain
    """Where in space."""
    residual: Expression | None = None
    """What the equation's left side minus its right side is: zero for the solution."""
    energy: Expression | None = None
    """Density whose integral over the domain the solution makes least (Deep Ritz, E & Yu 1710.00211)."""
    conditions: tuple[Condition, ...] = ()
    time: tuple[float, float] | None = None
    """First and last moment; time is the last coordinate."""
    exact: Exact | None = None
    """The solution at points (n, d), or a reference, to measure errors with; never seen in training."""
    frequencies: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Frequencies of the solution known from theory, in cycles per unit of each coordinate: {"t": (5.0,)}."""
    size: float = 1.0
    """About how large the solution is."""
    order: int = 2
    """Highest derivative in the residual."""
    energy_order: int = 1
    """Highest derivative in the energy."""
    grid: tuple[int, ...] | None = None
    """Points along each coordinate at which errors are measured."""
    equation: str = ""
    """The equation in words, for people."""

    def __post_init__(self) -> None:
        if self.residual is None and self.energy is None:
            raise UserError("A problem needs a residual or an energy. Give residual=..., energy=..., or both.")
        if self.time is not None:
            begin, end = self.time
            if not (math.isfinite(begin) and math.isfinite(end) and begin < end):
                raise UserError(f"Time from {begin} to {end} has no length. Give (first, last) with first < last.")
            if self.residual is None:
                raise UserError("A problem in time needs a residual: an energy is for problems at rest.")
        starts = [c.order for c in self.of(Initial)]
        if starts and self.time is None:
            raise UserError("There is an initial condition but no time. Give time=(first, last), or leave it out.")
        if self.time is not None and 0 not in starts:
            raise UserError("A problem in time needs an initial condition of order 0. Add Initial(value=...).")
        if len(starts) != len(set(starts)):
            raise UserError("Two initial conditions are of the same order. Give one of order 0 and at most one of 1.")
        for condition in self.of(Periodic):
            if not isinstance(self.domain, Box) or condition.axis not in SPACE[: self.domain.dimension]:
                raise UserError(
                    f"A periodic condition along {condition.axis} needs a box with that axis. Choose an axis of a Box."
                )
        for name, found in self.frequencies.items():
            if name not in self.names:
                raise UserError(f"frequencies names '{name}', but the coordinates are {', '.join(self.names)}.")
            for value in found:
                positive(value, f"A frequency along {name}")
        positive(self.size, "The size of the solution")
        if self.grid is not None and (len(self.grid) != self.dimension or min(self.grid) < 8):
            raise UserError(f"grid needs {self.dimension} numbers of at least 8, but is {self.grid}.")

    @property
    def names(self) -> str:
        """Letters of the coordinates in their order."""
        return axis_names(self.dimension, self.time is not None)

    @property
    def dimension(self) -> int:
        """Number of coordinates, time included."""
        return self.domain.dimension + (self.time is not None)

    @property
    def low(self) -> tuple[float, ...]:
        """Least value of each coordinate."""
        return self.domain.low + (() if self.time is None else (float(self.time[0]),))

    @property
    def high(self) -> tuple[float, ...]:
        """Largest value of each coordinate."""
        return self.domain.high + (() if self.time is None else (float(self.time[1]),))

    @property
    def periodic_axes(self) -> tuple[int, ...]:
        """Indices of the coordinates along which u is periodic."""
        return tuple(self.names.index(c.axis) for c in self.of(Periodic))

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The conditions of one kind."""
        return [c for c in self.conditions if isinstance(c, kind)]

    def interior(self, unit: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points of the domain at all times from points of the unit cube."""
        space = self.domain.interior(unit[:, : self.domain.dimension])
        return self._with_time(space, unit)

    def boundary(self, unit: Float[torch.Tensor, "n d"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Points on the boundary in space at all times (n, d), and normals in space (n, d - 1 or d)."""
        space, normals = self.domain.boundary(unit[:, : self.domain.dimension])
        return self._with_time(space, unit), normals

    def start(self, unit: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points of the domain at the first moment."""
        unit = torch.cat([unit[:, :-1], torch.zeros_like(unit[:, :1])], 1)
        return self.interior(unit)

    def _with_time(self, space: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
        if self.time is None:
            return space
        begin, end = self.time
        return torch.cat([space, begin + (end - begin) * unit[:, -1:]], 1)


def condition_name(condition: Condition, problem: Problem) -> str:
    """How a condition is called in losses and messages."""
    if isinstance(condition, Initial):
        return "initial" if condition.order == 0 else "initial_slope"
    base = {Dirichlet: "boundary", Neumann: "flux", Periodic: "periodic"}[type(condition)]
    same = [c for c in problem.conditions if type(c) is type(condition)]
    place = next(i for i, c in enumerate(same) if c is condition)
    return base if len(same) == 1 else f"{base}_{place + 1}"
