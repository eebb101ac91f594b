"""Tangent kernel: which error patterns a network unlearns fast under gradient descent, and which slowly.

Notation: θ, the P trained numbers; h, the N outputs on a probe set (points × channels, channels last); J = ∂h/∂θ, N ×
P; K = J Jᵀ. Under gradient flow on ½‖h − f‖² the residual r = h − f obeys dr/dt = −K r: along an eigenvector with
eigenvalue λ it falls like `e^{−λt}` for as long as K stays what it is (Jacot et al., arXiv 1806.07572). The mean of
the squares over the N numbers, which is what this package trains with, has the gradient 2/N times that: `e^{−2λt/N}`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.func import functional_call, jacrev, vmap

from nfield.core.checks import UserError, positive

NUMBERS_AT_ONCE = 1 << 25
"""Derivatives held at a time: 256 MiB in float64."""

Parameters = dict[str, torch.Tensor]
TangentFunction = Callable[[Parameters, torch.Tensor], Any]
"""Weights and points (n, d) to values that hold n·c numbers, c for each point in turn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TangentSpectrum:
    """Eigenvalues of a tangent kernel, greatest first, and its orthonormal eigenvectors as columns."""

    eigenvalues: Float[np.ndarray, " n"]
    eigenvectors: Float[np.ndarray, "n n"]

    def along(self, residual: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Components of a residual along the eigenvectors."""
        return self.eigenvectors.T @ residual

    def predicted_decay(self, times: Float[np.ndarray, " times"] | Sequence[float]) -> Float[np.ndarray, "times n"]:
        """Share of each component that is left: `e^{−2λt/N}`, the flow of the mean squared error.

        For gradient descent t is the learning rate times the number of steps.
        """
        return np.exp(-2 / len(self.eigenvalues) * np.outer(np.asarray(times, dtype=np.float64), self.eigenvalues))

    def greatest_rate(self) -> float:
        """Learning rate at which gradient descent on the mean squared error just stops converging: `N/λ_max`."""
        return len(self.eigenvalues) / positive(float(self.eigenvalues[0]), "the greatest eigenvalue")


def tangent_kernel(
    model: torch.nn.Module | TangentFunction,
    points: Float[torch.Tensor, "n d"],
    parameters: Parameters | None = None,
    *,
    numbers_at_once: int = NUMBERS_AT_ONCE,
) -> Float[np.ndarray, "m m"]:
    """`K = J Jᵀ` of a network's outputs at some points, m = points × channels; float64.

    `model` is a module, whose parameters that require gradients count, or a function of `parameters` (by name) and
    points. Of a module, `parameters` may name a part: its kernel is that part's share, and the shares add up.
    Each point's values must depend on that point alone. Derivatives are taken in the parameters' own precision,
    `numbers_at_once` of them at a time: where all m × P do not fit, blocks of points meet each other in turn.
    """
    function, chosen = _as_function(model, parameters)
    if len(points) == 0 or not chosen:
        raise UserError("A tangent kernel needs at least one point and one trained parameter.")

    def one(weights: Parameters, point: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(function(weights, point[None])).reshape(-1)

    per_point = vmap(jacrev(one), in_dims=(None, 0))

    def rows(block: torch.Tensor) -> torch.Tensor:
        found = per_point(chosen, block)
        return torch.cat([part.detach().flatten(2) for part in found.values()], 2).flatten(0, 1)

    count = sum(value.numel() for value in chosen.values())
    with torch.no_grad():
        channels = one(chosen, points[0]).numel()
    # Two blocks are held at a time.
    block = max(1, int(numbers_at_once) // max(1, 2 * count * channels))
    parts = points.split(block)
    kernel = np.zeros((len(points) * channels,) * 2)
    for i, part in enumerate(parts):
        left, top = rows(part), i * block * channels
        for j in range(i, len(parts)):
            right, start = left if i == j else rows(parts[j]), j * block * channels
            piece = (left @ right.T).double().cpu().numpy()
            kernel[top : top + len(left), start : start + len(right)] = piece
            kernel[start : start + len(right), top : top + len(left)] = piece.T
    return kernel


def tangent_spectrum(kernel: Float[np.ndarray, "n n"]) -> TangentSpectrum:
    """Eigenvalues and eigenvectors of a tangent kernel; those that rounding put below zero are set to zero."""
    values, vectors = np.linalg.eigh(kernel)
    return TangentSpectrum(eigenvalues=np.maximum(values[::-1], 0), eigenvectors=vectors[:, ::-1])


def _as_function(
    model: torch.nn.Module | TangentFunction, parameters: Parameters | None
) -> tuple[TangentFunction, Parameters]:
    if not isinstance(model, torch.nn.Module):
        if parameters is None:
            raise UserError("A function has no parameters of its own: hand them in as a dict by name.")
        return model, {name: value.detach() for name, value in parameters.items()}
    own = dict(model.named_parameters())
    unknown = sorted(set(parameters or ()) - set(own))
    if unknown:
        raise UserError(f"The module has no parameter '{unknown[0]}'. It has: {', '.join(own)}.")
    if parameters is None:
        parameters = {name: value for name, value in own.items() if value.requires_grad}
    rest = {name: value.detach() for name, value in own.items() if name not in parameters}

    def function(weights: Parameters, points: torch.Tensor) -> Any:
        return functional_call(model, {**rest, **weights}, (points,))

    return function, {name: value.detach() for name, value in parameters.items()}
