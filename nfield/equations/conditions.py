"""Conditions that a solution has to meet: values, slopes and periodicity on the boundary, and how it starts in time.

Values are numbers, or functions of points (n, d), time last where there is time, that return (n,) or (n, 1).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.core.checks import UserError, choice
from nfield.equations.derivatives import SPACE

Value = float | int | Callable[[torch.Tensor], torch.Tensor]
Where = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class Dirichlet:
    """u = value on the boundary, or on the part of it for which `where` says true."""

    value: Value = 0.0
    where: Where | None = None
    """From points (n, d) to truth values (n,); everywhere on the boundary if left out."""


@dataclass(frozen=True, kw_only=True)
class Neumann:
    """The derivative of u along the outward normal is `value` on the boundary, or on a part of it."""

    value: Value = 0.0
    where: Where | None = None
    """From points (n, d) to truth values (n,); everywhere on the boundary if left out."""


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """u and all its derivatives are the same at both ends of a box along one axis."""

    axis: str = "x"

    def __post_init__(self) -> None:
        choice(self.axis, list(SPACE), "axis of a periodic condition")


@dataclass(frozen=True, kw_only=True)
class Initial:
    """u (order 0) or u_t (order 1) is `value` where time begins."""

    value: Value = 0.0
    order: int = 0

    def __post_init__(self) -> None:
        if self.order not in (0, 1):
            raise UserError(f"An initial condition is of order 0 (u) or 1 (u_t), not {self.order}.")


Condition = Dirichlet | Neumann | Periodic | Initial


def values_at(value: Value, points: Float[torch.Tensor, "n d"], what: str) -> Float[torch.Tensor, "n 1"]:
    """A condition's value at points. Raises UserError where a function gives another shape or values not finite.

    Values on a GPU are not looked at, for which the CPU would have to wait in every step: problems are checked before
    training, and losses while it lasts.
    """
    if not callable(value):
        return torch.full_like(points[:, :1], float(value))
    found = value(points)
    if not isinstance(found, torch.Tensor) or tuple(found.shape) not in ((len(points),), (len(points), 1)):
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise UserError(
            f"{what} returned {shape} for points of shape {tuple(points.shape)}: "
            f"it must return one number a point, a tensor of shape ({len(points)},) or ({len(points)}, 1)."
        )
    if not found.is_cuda and not bool(torch.isfinite(found).all()):
        where = points[~torch.isfinite(found.reshape(-1))][0].tolist()
        raise UserError(f"{what} is not finite at {tuple(round(v, 6) for v in where)}. Give finite values everywhere.")
    return found.reshape(-1, 1)
