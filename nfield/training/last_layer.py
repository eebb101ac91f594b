"""The last linear layer of a network in closed form, the features of all layers before it kept as they are."""

from typing import Any

import torch

from nfield.core.checks import UserError
from nfield.training.row_jacobians import LeastSquaresTask, loss_of, row_jacobians

CUT_OFF = 1e-12
"""Singular values below this share of the largest are left out: their weights would be all rounding."""


def last_layer_names(field: torch.nn.Module) -> list[str]:
    """Names of the weights of the backbone's output layer. Raises UserError where there is none."""
    layer = getattr(getattr(field, "backbone", None), "output", None)
    if not isinstance(layer, torch.nn.Linear):
        raise UserError("This field's backbone has no last linear layer to solve for: choose an mlp or siren.")
    return [name for name, p in field.named_parameters() if p is layer.weight or p is layer.bias]


def solve_last_layer(field: torch.nn.Module, task: LeastSquaresTask, batch: Any, *, cut_off: float = CUT_OFF) -> bool:
    """Give the last layer the weights of least loss, and of least norm among those; True where that lowered the loss.

    Exact for residuals that are linear in the field (regression, linear equations); elsewhere it is one Gauss-Newton
    step from zero. By singular values and not by normal equations, which would square the condition: sines of random
    frequencies are nearly dependent, and the digits of the fit lie there.
    """
    names = last_layer_names(field)
    parameters = [field.get_parameter(name) for name in names]
    before = [p.detach().clone() for p in parameters]
    old = sum(float(term) for term in loss_of(field, task, batch).values())
    with torch.no_grad():
        for parameter in parameters:
            parameter.zero_()
    parts = list(row_jacobians(field, task, batch, names))
    jacobian, residual = torch.cat([j for j, _ in parts]), torch.cat([r for _, r in parts])
    driver = "gelsd" if jacobian.device.type == "cpu" else "gels"
    found = torch.linalg.lstsq(jacobian, -residual[:, None], rcond=cut_off, driver=driver).solution[:, 0]
    _assign(parameters, found.split([p.numel() for p in parameters]))
    if sum(float(term) for term in loss_of(field, task, batch).values()) < old:
        return True
    _assign(parameters, before)
    return False


@torch.no_grad()
def _assign(parameters: list[torch.nn.Parameter], values: Any) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value.view_as(parameter))
