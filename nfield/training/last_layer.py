"""The last linear layer of a network in closed form, the features of all layers before it kept as they are."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.training.row_jacobians import LeastSquaresTask, loss_of, row_jacobians

CUT_OFF = 1e-13
"""Singular values below this share of the largest are left out: their weights would be all rounding."""


def last_layer_names(field: torch.nn.Module) -> list[str]:
    """Names of the weights of the backbone's output layer. Raises UserError where there is none."""
    layer = getattr(getattr(field, "backbone", None), "output", None)
    if not isinstance(layer, torch.nn.Linear):
        raise UserError("This field's backbone has no last linear layer to solve for: choose an mlp or siren.")
    return [name for name, p in field.named_parameters() if p is layer.weight or p is layer.bias]


def solve_last_layer(field: torch.nn.Module, task: LeastSquaresTask, batch: Any, *, largest: float = torch.inf) -> bool:
    """Give the last layer weights of least loss, their norm at most `largest`; True where that lowered the loss.

    Exact for residuals that are linear in the field (regression, linear equations); elsewhere it is one Gauss-Newton
    step from zero. By singular values and not by normal equations, which would square the condition: sines of random
    frequencies are nearly dependent, and the digits of the fit lie there. The bound counts because weights of size c
    let values of order one come out with a rounding of c · 1e-16, which no later stage can learn.
    """
    names = last_layer_names(field)
    parameters = [field.get_parameter(name) for name in names]
    before = [p.detach().clone() for p in parameters]
    old = _total(field, task, batch)
    _assign(parameters, [torch.zeros_like(p) for p in before])
    parts = list(row_jacobians(field, task, batch, names))
    jacobian, residual = torch.cat([j for j, _ in parts]), torch.cat([r for _, r in parts])
    found = least_norm_solution(jacobian, -residual, largest)
    _assign(parameters, found.split([p.numel() for p in parameters]))
    if _total(field, task, batch) < old:
        return True
    _assign(parameters, before)
    return False


def least_norm_solution(
    matrix: Float[torch.Tensor, "m p"], right: Float[torch.Tensor, " m"], largest: float = torch.inf
) -> Float[torch.Tensor, " p"]:
    """The vector of least norm with the least |matrix · x − right|, from as many of the largest singular values as keep
    its norm within `largest`."""
    # The triangular factor of a tall matrix has the same singular values, and is small.
    orthogonal, triangle = torch.linalg.qr(matrix)
    left, values, transposed = torch.linalg.svd(triangle, full_matrices=False)
    parts = (left.T @ (orthogonal.T @ right)) / values.clamp(min=torch.finfo(values.dtype).tiny)
    kept = (values > CUT_OFF * values[0]) & (parts.square().cumsum(0) <= largest**2)
    return transposed.T @ torch.where(kept, parts, torch.zeros_like(parts))


def _total(field: torch.nn.Module, task: LeastSquaresTask, batch: Any) -> float:
    return sum(float(term) for term in loss_of(field, task, batch).values())


@torch.no_grad()
def _assign(parameters: Sequence[torch.nn.Parameter], values: Sequence[torch.Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value.view_as(parameter))
