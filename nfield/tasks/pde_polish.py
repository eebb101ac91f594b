"""An equation as one fixed function of the weights: fixed points, and residuals with fixed weights.

L-BFGS and Levenberg-Marquardt compare losses of one step with those of the next; after Adam they are usual for
residuals, whose conditioning grows with the square of the operator's (Raissi et al. 2019; Rathore et al., arXiv
2402.01868). Few points would be overfitted, so there are several times as many as in a batch, and as numbers to learn.
"""

import copy
from typing import Any, Protocol, runtime_checkable

import torch

from nfield.core.checks import UserError
from nfield.core.moving import move
from nfield.core.seeding import generator as seeded
from nfield.core.types import Evaluation

POINTS_FACTOR = 8
"""Points, over those of a batch of training, at the least."""
POINTS_PER_PARAMETER, MOST_POINTS = 2, 8192
"""So many where they can be had; larger networks get `POINTS_FACTOR` times a batch alone, and L-BFGS quick steps."""
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
    """A task with the same points at every step, the same at every start; it measures and finishes as the task does."""

    def __init__(self, task: ResidualTask, field: Any) -> None:
        self._task = task
        self.quality_name = task.quality_name
        before = task.points, task.boundary_points, task.sampler
        enough = POINTS_PER_PARAMETER * field.count_parameters()
        task.points = max(POINTS_FACTOR * task.points, enough if enough <= MOST_POINTS else 0)
        task.boundary_points = POINTS_FACTOR * task.boundary_points
        if task.sampler == "adaptive":
            task.sampler = "stratified"
        try:
            self.fixed = task.batch(seeded(task.seed, "polish"))
        finally:
            task.points, task.boundary_points, task.sampler = before
        # Only the balance of terms needs them.
        self.fixed.pop("signs", None)

    def batch(self, generator: torch.Generator) -> dict[str, Any]:
        """The points; nothing is drawn."""
        del generator
        return self.fixed

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
