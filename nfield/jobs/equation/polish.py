"""An equation for optimisers that search for steps: residuals with fixed weights, at more points.

After Adam such optimisers are usual for residuals, whose conditioning grows with the square of the operator's (Raissi
et al. 2019; Rathore et al., arXiv 2402.01868). They fit the points that they see very closely. L-BFGS needs the same
points in all steps and gets twice as many as there are numbers to learn, where these are few. Levenberg-Marquardt
compares losses within a step only. It gets new points for each, once as many, which makes steps quicker: the front of
Burgers' equation slips between fixed ones (an error of 9e-2 in two minutes, where new ones gave 4e-3 or less).
"""

import copy
from typing import Any, Protocol, runtime_checkable

import torch

from nfield.core.checks import UserError
from nfield.core.moving import move
from nfield.core.seeding import generator as seeded
from nfield.core.types import Evaluation

FIXED_FACTOR, FRESH_FACTOR = 8, 4
"""Points, over those of a batch of training, at the least."""
FIXED_PER_PARAMETER, MOST_POINTS = 2, 8192
"""Fixed points for each number to learn, up to so many in all; larger networks get the factor alone, and quick steps.
New points are as many as the numbers."""
LINEAR_TOLERANCE = 1e-6


@runtime_checkable
class ResidualTask(Protocol):
    """What is needed of a task."""

    quality_name: str
    points: int
    boundary_points: int
    sampler: str
    seed: int

    def batch(self, generator: torch.Generator) -> dict[str, Any]:
        """Draw points."""
        ...

    def chosen(self, field: Any, batch: dict[str, Any]) -> dict[str, Any]:
        """Keep those of a batch's candidates that adaptive sampling wants."""
        ...

    def residuals(self, field: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Residuals by term."""
        ...

    def evaluate(self, field: Any) -> Evaluation:
        """Measure the field."""
        ...

    def finish(self, field: Any) -> bool:
        """Complete the field."""
        ...


class PolishTask:
    """A task with more points and the weights that training has left; it measures and finishes as the task does.

    With `fixed` the points are the same at every step and every start, and are not chosen by residuals.
    """

    def __init__(self, task: ResidualTask, field: Any, *, fixed: bool) -> None:
        self._task, self._field = task, field
        self.quality_name = task.quality_name
        self._sampler = "stratified" if fixed and task.sampler == "adaptive" else task.sampler
        self._factor, per_parameter = (FIXED_FACTOR, FIXED_PER_PARAMETER) if fixed else (FRESH_FACTOR, 1)
        enough = per_parameter * field.count_parameters()
        self._points = max(self._factor * task.points, enough if enough <= MOST_POINTS else 0)
        self._fixed = self._drawn(seeded(task.seed, "polish")) if fixed else None

    def batch(self, generator: torch.Generator) -> dict[str, Any]:
        """New points, or the fixed ones."""
        return self._drawn(generator) if self._fixed is None else self._fixed

    def _drawn(self, generator: torch.Generator) -> dict[str, Any]:
        task = self._task
        before = task.points, task.boundary_points, task.sampler
        task.points, task.boundary_points = self._points, self._factor * task.boundary_points
        task.sampler = self._sampler
        try:
            batch = task.batch(generator)
            # Only the balance of terms needs them.
            batch.pop("signs", None)
            if "noise" in batch:
                place = self._field.weights
                batch = task.chosen(self._field, move(batch, place.device, place.dtype))
        finally:
            task.points, task.boundary_points, task.sampler = before
        return batch

    def losses(self, field: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Weighted mean squares, the weights as training has left them."""
        return {name: r.square().mean() for name, r in self.residuals(field, batch).items()}

    def residuals(self, field: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Residuals by term, whose mean squares are the loss."""
        weights = field.weights.detach().sqrt()
        return {n: w * r for (n, r), w in zip(self._task.residuals(field, batch).items(), weights, strict=True)}

    def evaluate(self, field: Any) -> Evaluation:
        """What the task itself measures."""
        return self._task.evaluate(field)

    def finish(self, field: Any) -> bool:
        """What the task itself does at the end."""
        return self._task.finish(field)


def check_linear(task: ResidualTask, field: Any, last_layer: list[str], generator: torch.Generator) -> None:
    """Raise UserError where the residuals are not linear in these weights w: r(2w) - 2r(w) + r(0) is not zero."""
    field = copy.deepcopy(field).double()
    parameters = [field.get_parameter(name) for name in last_layer]
    before = [p.detach().clone() for p in parameters]
    batch = move(task.batch(generator), before[0].device, before[0].dtype)
    found = []
    for factor in (0.0, 2.0, 1.0):
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(factor * value)
        found.append(torch.cat([r.detach()[:, 0] for r in task.residuals(field, batch).values()]))
    bent = float((found[1] - 2 * found[2] + found[0]).norm()) / max(float(found[2].norm() + found[0].norm()), 1e-300)
    if bent > LINEAR_TOLERANCE:
        raise UserError(
            "--least-squares needs an equation that is linear in u, but this residual is not. Leave it out."
        )
