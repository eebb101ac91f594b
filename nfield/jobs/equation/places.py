"""Where the conditions of a problem on a box are: its faces, with points laid out evenly, and what is missed there."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.equations.conditions import Condition, Dirichlet, Initial, Neumann, Periodic, values_at
from nfield.equations.derivatives import Derivatives
from nfield.equations.problem import Problem, condition_name
from nfield.spectral.residual import grid_frequency


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """One face of the box with the condition that holds there; for a periodic axis, both of its ends."""

    name: str
    condition: Condition
    axis: int
    points: Float[torch.Tensor, "n d"]
    """In the problem's units."""
    other: Float[torch.Tensor, "n d"]
    """The points opposite to them, along the axis."""
    end: int
    """−1 where the axis begins, 1 where it ends."""

    def mismatches(self, function: Callable[[torch.Tensor], torch.Tensor], problem: Problem) -> dict[str, torch.Tensor]:
        """How far a function of points in the problem's units is from the condition, (n, 1), by term.

        Slopes are measured in half sides, so that they are of the values' size.
        """
        half = (problem.high[self.axis] - problem.low[self.axis]) / 2
        letter = problem.names[self.axis]
        with torch.enable_grad():
            at = Derivatives(self.points, problem.names)
            u = function(at.points)
            if isinstance(self.condition, Periodic):
                opposite = Derivatives(self.other, problem.names)
                v = function(opposite.points)
                slopes = half * (at(u, letter) - opposite(v, letter))
                return {self.name: u - v, f"{self.name}_slope": slopes}
            target = values_at(self.condition.value, self.points, "A condition")
            if isinstance(self.condition, Dirichlet) or (
                isinstance(self.condition, Initial) and self.condition.order == 0
            ):
                return {self.name: u - target}
            sign = self.end if isinstance(self.condition, Neumann) else 1
            return {self.name: half * (sign * at(u, letter) - target)}

    def frequency(self, values: Float[torch.Tensor, "n 1"]) -> float:
        """Dominant frequency of values along the face, in cycles per unit of [−1, 1]; 0 where it is a point."""
        return 0.0 if len(values) < 2 else grid_frequency(values.numpy(), 2 / len(values), channels_last=True)


def places(problem: Problem, line: Float[torch.Tensor, " n"]) -> list[Place]:
    """All faces with a condition, with the points of `line` in [−1, 1] along every other axis."""
    found = []
    for condition in problem.conditions:
        for axis, end in _faces(problem, condition):
            points, other = (_face(problem, axis, e, line) for e in (end, -end))
            if isinstance(condition, (Dirichlet, Neumann)) and condition.where is not None:
                kept = condition.where(points).reshape(-1).bool()
                points, other = points[kept], other[kept]
            if len(points):
                name = f"{condition_name(condition, problem)}_{problem.names[axis]}_{'low' if end < 0 else 'high'}"
                found.append(Place(name=name, condition=condition, axis=axis, points=points, other=other, end=end))
    return found


def _faces(problem: Problem, condition: Condition) -> list[tuple[int, int]]:
    """Axis and end of the faces that a condition is about."""
    if isinstance(condition, Initial):
        return [(problem.dimension - 1, -1)]
    if isinstance(condition, Periodic):
        return [(problem.names.index(condition.axis), -1)]
    return list(itertools.product(range(problem.domain.dimension), (-1, 1)))


def _face(problem: Problem, axis: int, end: int, line: torch.Tensor) -> Float[torch.Tensor, "n d"]:
    columns = []
    for i, (low, high) in enumerate(zip(problem.low, problem.high, strict=True)):
        along = line if i != axis else line.new_tensor([float(end)])
        # By weights of the two ends, which are so met exactly.
        columns.append(low * (1 - along) / 2 + high * (1 + along) / 2)
    return torch.stack(torch.meshgrid(*columns, indexing="ij"), -1).reshape(-1, len(columns))
