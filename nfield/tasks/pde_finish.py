"""What can follow the training of a solution: L-BFGS on fixed points, and least squares for the last layer."""

import copy
import time
from typing import Any, Protocol, runtime_checkable

import torch

from nfield.core.checks import UserError
from nfield.core.moving import move

POLISH_FACTOR = 4
"""Points of the fixed batch, over those of a batch of training: L-BFGS needs one function, and few are overfitted."""
ITERATIONS_AT_ONCE = 25
LINEAR_TOLERANCE = 1e-6
CUT_OFF = 1e-13
"""Singular values below this share of the largest are left out of the least-squares solution."""


@runtime_checkable
class ResidualTask(Protocol):
    """What finishers need of a task."""

    points: int
    boundary_points: int
    sampler: str

    def batch(self, generator: torch.Generator) -> dict[str, Any]:
        """Draw points."""
        ...

    def losses(self, field: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Loss terms."""
        ...

    def residuals(self, field: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """Residuals by term."""
        ...


def fixed_batch(task: ResidualTask, generator: torch.Generator, factor: int) -> dict[str, Any]:
    """A batch of `factor` times as many points, evenly spread."""
    before = task.points, task.boundary_points, task.sampler
    task.points, task.boundary_points = factor * task.points, factor * task.boundary_points
    if task.sampler == "adaptive":
        task.sampler = "stratified"
    try:
        return task.batch(generator)
    finally:
        task.points, task.boundary_points, task.sampler = before


def polish(
    task: ResidualTask, field: Any, generator: torch.Generator, *, iterations: int, seconds: float | None
) -> dict[str, Any]:
    """L-BFGS from where training ended, on one fixed batch, for so many iterations or seconds; keeps the best weights.

    Returns the iterations, the seconds and the loss before and after. Quasi-Newton steps after Adam are usual for
    residuals, whose conditioning grows with the square of the operator's (Raissi et al. 2019; Rathore et al.,
    arXiv 2402.01868).
    """
    began = time.perf_counter()
    place = next(field.parameters())
    batch = move(fixed_batch(task, generator, POLISH_FACTOR), place.device, place.dtype)
    parameters = [p for p in field.parameters() if p.requires_grad]
    optimizer = torch.optim.LBFGS(
        parameters,
        max_iter=min(ITERATIONS_AT_ONCE, iterations),
        history_size=50,
        line_search_fn="strong_wolfe",
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )
    losses: list[float] = []

    def closure() -> torch.Tensor:
        for parameter in parameters:
            parameter.grad = None
        total = torch.stack(list(task.losses(field, batch).values())).sum()
        total.backward(inputs=parameters)
        return total.detach()

    done = 0
    with torch.enable_grad():
        best = float(closure())
        kept = [p.detach().clone() for p in parameters]
        losses.append(best)
        while done < iterations and (seconds is None or time.perf_counter() - began < seconds):
            optimizer.step(closure)
            done += min(ITERATIONS_AT_ONCE, iterations)
            value = float(closure())
            losses.append(value)
            if not value < best:
                break
            best, kept = value, [p.detach().clone() for p in parameters]
    with torch.no_grad():
        for parameter, value in zip(parameters, kept, strict=True):
            parameter.copy_(value)
            parameter.grad = None
    return {
        "iterations": done,
        "seconds": time.perf_counter() - began,
        "loss_before": losses[0],
        "loss_after": best,
    }


def last_layer(field: Any) -> torch.nn.Linear:
    """The last linear layer of a field. Raises UserError where its backbone has none."""
    layer = getattr(field.backbone, "output", None)
    if not isinstance(layer, torch.nn.Linear):
        raise UserError(
            f"The backbone {type(field.backbone).__name__} has no last linear layer to solve for. "
            "Leave out --least-squares, or choose --backbone mlp, fourier, spacetime, siren or mscale1."
        )
    return layer


def check_linear(task: ResidualTask, field: Any, generator: torch.Generator) -> None:
    """Raise UserError where the residuals are not linear in the last layer's weights: r(2w) − 2r(w) + r(0) ≠ 0."""
    field = copy.deepcopy(field).double()
    layer = last_layer(field)
    parameters = (layer.weight, layer.bias)
    before = [p.detach().clone() for p in parameters]
    batch = move(task.batch(generator), layer.weight.device, layer.weight.dtype)
    found = []
    for factor in (0.0, 1.0, 2.0):
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(factor * value)
        found.append(torch.cat([r.detach()[:, 0] for r in task.residuals(field, batch).values()]).double())
    bent = float((found[2] - 2 * found[1] + found[0]).norm()) / max(float(found[1].norm() + found[0].norm()), 1e-300)
    if bent > LINEAR_TOLERANCE:
        raise UserError(
            "--least-squares needs an equation that is linear in u, but this residual is not. Leave it out."
        )


def fit_last_layer(task: ResidualTask, field: Any, generator: torch.Generator) -> dict[str, Any]:
    """Solve for the last layer's weights that make all residuals least in the mean square; the rest stays as it is.

    For equations and conditions that are linear in u: the network's last features are then a basis, as in extreme
    learning machines and random-feature methods (Dong & Li, arXiv 2012.02895; Chen et al., 2207.13380). That they are
    linear is what `check_linear` sees to.
    """
    began = time.perf_counter()
    layer = last_layer(field)
    place = layer.weight
    batch = move(fixed_batch(task, generator, POLISH_FACTOR), place.device, place.dtype)
    sizes = {name: len(r) for name, r in task.residuals(field, batch).items()}
    parameters = (layer.weight, layer.bias)
    start = torch.cat([p.detach().reshape(-1) for p in parameters])

    def set_to(vector: torch.Tensor) -> None:
        with torch.no_grad():
            for parameter, part in zip(parameters, vector.split([p.numel() for p in parameters]), strict=True):
                parameter.copy_(part.reshape(parameter.shape))

    def residual(vector: torch.Tensor) -> torch.Tensor:
        set_to(vector)
        with torch.enable_grad():
            found = task.residuals(field, batch)
        weights = field.weights.sqrt()
        parts = [w * r.detach()[:, 0] / sizes[n] ** 0.5 for (n, r), w in zip(found.items(), weights, strict=True)]
        return torch.cat(parts).double()

    here = residual(start)
    rest = residual(torch.zeros_like(start))
    columns = []
    for index in range(len(start)):
        unit = torch.zeros_like(start)
        unit[index] = 1.0
        columns.append(residual(unit) - rest)
    matrix = torch.stack(columns, 1)
    found = torch.linalg.lstsq(matrix.cpu(), -rest.cpu()[:, None], rcond=CUT_OFF, driver="gelsd").solution[:, 0]
    set_to(found.to(start))
    after = float(residual(found.to(start)).square().sum())
    before = float(here.square().sum())
    if not after < before:
        set_to(start)
    return {"seconds": time.perf_counter() - began, "loss_before": before, "loss_after": min(after, before)}
