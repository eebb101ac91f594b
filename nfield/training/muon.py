"""Muon: momentum whose matrices are made orthogonal before each step.

K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); the step's size after
J. Liu et al., "Muon is scalable for LLM training" (2025), which lets Adam's learning rates be used.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration: steepest at zero while it holds singular values in about [0.7, 1.2]."""
ITERATIONS = 5


def orthogonalise(matrix: Float[torch.Tensor, "rows columns"]) -> Float[torch.Tensor, "rows columns"]:
    """Roughly the nearest (semi-)orthogonal matrix, U V^T of the singular value decomposition U S V^T.

    Singular values that are not far below the largest come out between about 0.7 and 1.2, by five
    Newton-Schulz iterations.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-30)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for matrices alone, with Nesterov momentum and decoupled weight decay."""

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step; returns the closure's value if there is one."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                average = state["momentum"]
                average.lerp_(parameter.grad, 1 - group["momentum"])
                direction = orthogonalise(parameter.grad.lerp(average, group["momentum"]))
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                # 0.2 sqrt(max side) gives the step the root mean square that Adam's usually have.
                parameter.add_(direction, alpha=-group["lr"] * 0.2 * max(parameter.shape) ** 0.5)
        return value
