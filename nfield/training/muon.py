"""Muon: momentum whose matrices are made orthogonal before each step.

K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); the step's size after
J. Liu et al., "Muon is scalable for LLM training" (2025), which lets Adam's learning rates be used.
"""

from typing import Any

import torch
from jaxtyping import Float

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration: steepest at zero while it holds singular values in about [0.7, 1.2]."""
ITERATIONS = 5


def orthogonalise(matrix: Float[torch.Tensor, "*stack rows columns"]) -> Float[torch.Tensor, "*stack rows columns"]:
    """Roughly the nearest (semi-)orthogonal matrix, U V^T of the singular value decomposition U S V^T.

    A stack of matrices is taken matrix by matrix.

    Singular values that are not far below the largest come out between about 0.7 and 1.2, by five
    Newton-Schulz iterations.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=1e-30)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon:
    """Muon for matrices and stacks of matrices alone, with Nesterov momentum and decoupled weight decay.

    `groups` are dicts with 'params'; each gets its learning rate as 'lr'.
    """

    def __init__(self, groups: list[dict[str, Any]], *, momentum: float = 0.95, weight_decay: float = 0.0):
        self.param_groups = [{"lr": 0.0, **group} for group in groups]
        self.momentum, self.weight_decay = momentum, weight_decay
        self._averages = [[torch.zeros_like(p) for p in group["params"]] for group in groups]

    @torch.no_grad()
    def step(self) -> None:
        """Take one step; parameters without a gradient stay as they are."""
        for group, averages in zip(self.param_groups, self._averages, strict=True):
            for parameter, average in zip(group["params"], averages, strict=True):
                if parameter.grad is None:
                    continue
                average.lerp_(parameter.grad, 1 - self.momentum)
                direction = orthogonalise(parameter.grad.lerp(average, self.momentum))
                parameter.mul_(1 - group["lr"] * self.weight_decay)
                # 0.2 sqrt(longer side) gives steps the root mean square that Adam's usually have.
                parameter.add_(direction, alpha=-group["lr"] * 0.2 * max(parameter.shape[-2:]) ** 0.5)

    def state_dict(self) -> dict[str, list[list[torch.Tensor]]]:
        """The averaged gradients; the tensors in use, not copies."""
        return {"averages": self._averages}

    def load_state_dict(self, state: dict[str, list[list[torch.Tensor]]]) -> None:
        """Take over values from `state_dict`."""
        for averages, saved in zip(self._averages, state["averages"], strict=True):
            for average, value in zip(averages, saved, strict=True):
                average.copy_(value)
