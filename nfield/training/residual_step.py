"""A task's residuals in the form in which optimisers for least squares take them."""

from typing import Any

import torch

from nfield.core.checks import UserError
from nfield.training.optimizers import LeastSquares
from nfield.training.row_jacobians import LeastSquaresTask, loss_of, row_jacobians, trained_names


def least_squares(field: torch.nn.Module, task: Any, batch: Any) -> LeastSquares:
    """The residuals of a batch. Raises UserError where the task has only a loss."""
    if not isinstance(task, LeastSquaresTask):
        raise UserError(
            f"Levenberg-Marquardt needs residuals, which {type(task).__name__} has not. Choose --optimizer lbfgs."
        )
    names = trained_names(field)
    return LeastSquares(
        blocks=lambda: row_jacobians(field, task, batch, names),
        terms=lambda: loss_of(field, task, batch),
    )
