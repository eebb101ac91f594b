"""Levenberg-Marquardt: least squares by second-order steps, for networks small enough to solve with exactly.

Notation: θ, all trained numbers of a module as one vector of length p; r(θ), residuals of length m; J = ∂r/∂θ.
    minimise ½ |r|²,    (JᵀJ + λ diag JᵀJ) δ = −Jᵀr,    θ ← θ + δ where that lowers |r|²,
λ falls after steps that keep what their quadratic model promised and rises after those that do not (Marquardt 1963;
the factors after Nielsen, Damping Parameter in Marquardt's Method, 1999). JᵀJ is summed over blocks of rows, so that
memory grows with p² and not with m·p.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch.func import functional_call, jacrev, vmap

from nfield.core.checks import RunError, UserError

Network = Callable[[torch.Tensor], torch.Tensor]
"""Values (c,) at one point (d,)."""

MOST_PARAMETERS = 6000
"""JᵀJ of more takes minutes to factorise on two cores."""
NUMBERS_PER_BLOCK = 1 << 22
"""Entries of J that are held at once."""
FIRST_DAMPING = 1e-3
LEAST_DAMPING, MOST_DAMPING = 1e-16, 1e12
FLOOR = 1e-14
"""Added to the scaled diagonal, as a share of its largest entry: dead neurons have no slope at all."""
STALLED = 8
"""Steps in a row that lower the sum of squares by less than the tolerance, after which the search ends."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Residuals of one kind: `residual(network, *row)` gives k numbers for each row of `data`."""

    residual: Callable[..., torch.Tensor]
    data: tuple[torch.Tensor, ...]
    """Tensors with one row for each residual, the first axis common to all."""
    weight: float = 1.0
    """Factor on their mean square."""

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.data[0])


@dataclass(frozen=True, kw_only=True)
class Minimised:
    """How a search went."""

    losses: list[float]
    """Weighted sum of the kinds' mean squares: at the start and after every step that was taken."""
    steps: int
    """Steps tried."""
    reason: str
    """Why it ended: 'steps', 'seconds', 'stalled' or 'damping'."""


class _Problem:
    """A module's weights as a vector, and residuals and normal equations at any such vector."""

    def __init__(self, module: torch.nn.Module, groups: Sequence[Rows]) -> None:
        self.module, self.groups = module, groups
        self.names = [name for name, p in module.named_parameters() if p.requires_grad]
        own = dict(module.named_parameters())
        self.shapes = [own[name].shape for name in self.names]
        self.sizes = [own[name].numel() for name in self.names]
        if sum(self.sizes) > MOST_PARAMETERS:
            raise UserError(
                f"Levenberg-Marquardt solves with all {sum(self.sizes)} trained numbers at once, and takes "
                f"{MOST_PARAMETERS} at the most. Make the network narrower, or train it by Adam and L-BFGS."
            )
        self.start = torch.cat([own[name].detach().reshape(-1) for name in self.names])

    def weights(self, vector: torch.Tensor) -> dict[str, torch.Tensor]:
        """The vector as named weights."""
        parts = vector.split(self.sizes)
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)}

    def _row(self, group: Rows, vector: torch.Tensor, *row: torch.Tensor) -> torch.Tensor:
        weights = self.weights(vector)

        def network(point: torch.Tensor) -> torch.Tensor:
            values: torch.Tensor = functional_call(self.module, weights, (point,))
            return values

        return group.residual(network, *row).reshape(-1)

    def loss(self, vector: torch.Tensor) -> float:
        """Weighted sum of mean squares."""
        total = 0.0
        with torch.no_grad():
            for group in self.groups:
                call = vmap(lambda *row, group=group: self._row(group, vector, *row))
                squares = sum(float(call(*part).square().sum()) for part in self._blocks(group))
                total += group.weight * squares / group.count
        return total

    def normal_equations(
        self, vector: torch.Tensor
    ) -> tuple[Float[torch.Tensor, "p p"], Float[torch.Tensor, " p"], float]:
        """JᵀJ, Jᵀr and the loss, of the residuals with their weights."""
        size = len(vector)
        square, slope, total = vector.new_zeros(size, size), vector.new_zeros(size), 0.0
        for group in self.groups:

            def both(vector: torch.Tensor, *row: torch.Tensor, group: Rows = group) -> Any:
                value = self._row(group, vector, *row)
                return value, value

            call = vmap(jacrev(both, has_aux=True), in_dims=(None, *[0] * len(group.data)))
            share = group.weight / group.count
            for part in self._blocks(group):
                jacobian, value = call(vector, *part)
                rows, value = jacobian.detach().reshape(-1, size), value.detach().reshape(-1)
                square.addmm_(rows.T, rows, alpha=share)
                slope.addmv_(rows.T, value, alpha=share)
                total += share * float(value.square().sum())
        return square, slope, total

    def _blocks(self, group: Rows) -> list[tuple[torch.Tensor, ...]]:
        at_once = max(1, NUMBERS_PER_BLOCK // max(1, len(self.start)))
        return list(zip(*(tensor.split(at_once) for tensor in group.data), strict=True))


def levenberg_marquardt(
    module: torch.nn.Module,
    groups: Sequence[Rows],
    *,
    steps: int = 200,
    seconds: float = math.inf,
    tolerance: float = 1e-3,
    on_step: Callable[[int, float], None] | None = None,
) -> Minimised:
    """Train `module` in place on the weighted sum of the groups' mean squares.

    `tolerance` is the relative fall of that sum below which a step counts as none. `on_step` is called with the number
    of the step and the loss. Raises UserError for networks too large to solve with, RunError where the loss is not
    finite at the start.
    """
    problem = _Problem(module, groups)
    vector, began = problem.start.clone(), time.perf_counter()
    square, slope, loss = problem.normal_equations(vector)
    if not math.isfinite(loss):
        raise RunError("Levenberg-Marquardt cannot begin: the residuals are not finite.")
    losses, damping, growth, stalled, step, reason = [loss], FIRST_DAMPING, 2.0, 0, 0, "steps"
    for step in range(1, steps + 1):
        if time.perf_counter() - began > seconds:
            reason = "seconds"
            break
        size = square.diagonal().max()
        factor, failed = torch.linalg.cholesky_ex(square + damping * size * torch.eye(len(square)).to(square))
        change = torch.cholesky_solve(-slope[:, None], factor)[:, 0]
        found = problem.loss(vector + change) if not int(failed) else math.inf
        promised = float(-2 * slope.dot(change) - change.dot(square @ change))
        gain = (loss - found) / promised if promised > 0 and math.isfinite(found) else -1.0
        if gain > 0:
            stalled = stalled + 1 if loss - found < tolerance * loss else 0
            vector = vector + change
            damping = max(LEAST_DAMPING, damping * max(1 / 3, 1 - (2 * gain - 1) ** 3))
            growth = 2.0
            square, slope, loss = problem.normal_equations(vector)
            losses.append(loss)
        else:
            damping, growth = damping * growth, 2 * growth
        if on_step is not None:
            on_step(step, loss)
        if stalled >= STALLED or loss == 0:
            reason = "stalled"
            break
        if damping > MOST_DAMPING:
            reason = "damping"
            break
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in problem.weights(vector).items():
            own[name].copy_(value)
    return Minimised(losses=losses, steps=step, reason=reason)
