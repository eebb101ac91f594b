"""Checks of a problem before anything is trained: shapes, finite values, and conditions that do not contradict."""

import torch

from nfield.core.checks import UserError
from nfield.equations.ansatz import Ansatz
from nfield.equations.conditions import Dirichlet, Initial, Neumann, Periodic, values_at
from nfield.equations.derivatives import Derivatives
from nfield.equations.problem import Expression, Problem, condition_name
from nfield.equations.sampling import unit_points
from nfield.equations.user_file import error_text, line_of

POINTS = 64
TOLERANCE = 1e-4
"""Largest difference of two values of one place, as a share of the larger values around."""


def check_problem(problem: Problem, source: str, generator: torch.Generator) -> None:
    """Raise one UserError, which begins with `source`, where any part of the problem cannot be used."""
    try:
        _check_values(problem, generator)
        _check_agreement(problem, generator)
        for name, expression in (("residual", problem.residual), ("energy", problem.energy)):
            if expression is not None:
                _check_expression(problem, name, expression, generator)
    except Exception as error:
        raise UserError(f"'{source}'{line_of(error, source)}: {error_text(error)}") from error


def expression_values(expression: Expression, name: str, u: torch.Tensor, at: Derivatives) -> torch.Tensor:
    """A residual's or energy's values (n, 1). Raises UserError where it gives another shape."""
    found = expression(u, at)
    count = len(at.points)
    if not isinstance(found, torch.Tensor) or tuple(found.shape) not in ((count,), (count, 1)):
        shape = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
        raise UserError(
            f"The {name} returned {shape} for {count} points: it must return one number a point, a tensor of shape "
            f"({count}, 1), as u and at.x are."
        )
    return found.reshape(-1, 1)


def _check_values(problem: Problem, generator: torch.Generator) -> None:
    for condition in problem.conditions:
        if isinstance(condition, Periodic):
            continue
        name = condition_name(condition, problem).replace("_", " ")
        places = _places(problem, condition, generator)
        if len(places) == 0:
            raise UserError(
                f"The {name} condition holds nowhere: its `where` is false at {POINTS} points of the boundary."
            )
        values_at(condition.value, places, f"The {name} value")
    if problem.exact is not None:
        values_at(problem.exact, problem.interior(unit_points("sobol", POINTS, problem.dimension, generator)), "exact")


def _places(problem: Problem, condition: Dirichlet | Neumann | Initial, generator: torch.Generator) -> torch.Tensor:
    unit = unit_points("sobol", POINTS, problem.dimension, generator)
    if isinstance(condition, Initial):
        return problem.start(unit)
    points, _ = problem.boundary(unit)
    return points if condition.where is None else points[condition.where(points).reshape(-1)]


def _check_agreement(problem: Problem, generator: torch.Generator) -> None:
    """Values prescribed at one place must be the same: at the first moment on the boundary, and at both ends."""
    points, _ = problem.boundary(unit_points("sobol", POINTS, problem.dimension, generator))
    boundary = problem.of(Dirichlet)
    for index, first in enumerate(boundary):
        for second in boundary[index + 1 :]:
            _compare(points[_mask(first, points) & _mask(second, points)], first, second, "two boundary values")
    starts = [c for c in problem.of(Initial) if c.order == 0]
    if problem.time is None or not starts:
        return
    at_start = torch.cat([points[:, :-1], torch.full_like(points[:, -1:], float(problem.time[0]))], 1)
    for condition in boundary:
        places = at_start[_mask(condition, at_start)]
        _compare(places, condition, starts[0], "boundary value and initial value")
    for axis in problem.periodic_axes:
        low, high = at_start.clone(), at_start.clone()
        low[:, axis], high[:, axis] = problem.low[axis], problem.high[axis]
        ends = [values_at(starts[0].value, place, "The initial value") for place in (low, high)]
        if bool(((ends[0] - ends[1]).abs() > TOLERANCE * (1 + ends[0].abs())).any()):
            raise UserError(
                f"The initial value differs at the two ends of {problem.names[axis]} (such as {float(ends[0][0]):.6g} "
                f"and {float(ends[1][0]):.6g}), but is to be periodic. Change the value, or leave Periodic out."
            )


def _mask(condition: Dirichlet, points: torch.Tensor) -> torch.Tensor:
    everywhere = torch.ones(len(points), dtype=torch.bool)
    return everywhere if condition.where is None else condition.where(points).reshape(-1).bool()


def _compare(points: torch.Tensor, first: Dirichlet, second: Dirichlet | Initial, what: str) -> None:
    if len(points) == 0:
        return
    one, other = (values_at(c.value, points, f"One of {what}") for c in (first, second))
    wrong = (one - other).abs() > TOLERANCE * (1 + one.abs().max())
    if bool(wrong.any()):
        index = int(wrong[:, 0].nonzero()[0, 0])
        place = ", ".join(f"{v:.6g}" for v in points[index].tolist())
        raise UserError(
            f"{what[0].upper()}{what[1:]} contradict each other at ({place}): {float(one[index]):.6g} and "
            f"{float(other[index]):.6g}. Make them the same there."
        )


def _check_expression(problem: Problem, name: str, expression: Expression, generator: torch.Generator) -> None:
    at = Derivatives(problem.interior(unit_points("sobol", POINTS, problem.dimension, generator)), problem.names)
    bump = Ansatz(problem)(at.points, lambda points: points.sum(1, keepdim=True).sin())
    values = expression_values(expression, name, bump, at)
    if not bool(torch.isfinite(values).all()):
        where = at.points[~torch.isfinite(values[:, 0])][0].tolist()
        place = ", ".join(f"{v:.6g}" for v in where)
        raise UserError(f"The {name} is not finite at ({place}) for a smooth function. Give finite values inside.")
