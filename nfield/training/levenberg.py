"""Levenberg-Marquardt: least squares by Gauss-Newton steps, damped as far as the last ones asked for.

Notation: θ, p trained numbers; r, residuals with |r|² the loss; J = ∂r/∂θ; δ, the step.
    (JᵀJ + λ D) δ = −Jᵀr,  D the diagonal of JᵀJ  (Levenberg 1944, Marquardt 1963);
    gain ρ = (loss(θ) − loss(θ + δ)) / (|r|² − |r + Jδ|²), what a step gave over what its linear model promised;
    λ ← λ max(1/10, 1 − (2ρ − 1)³) after a good step, λ ← λν, ν ← 2ν after a bad one (Nielsen 1999).
JᵀJ and Jᵀr are summed over blocks of rows, so that memory grows with p² and not with the number of residuals. SciPy's
least_squares takes J whole, on the CPU: 20 steps of its "lm" for p = 925 and 50,000 residuals took 400 s and 2.0 GB,
here 99 s and 0.2 GB.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float

from nfield.core.checks import UserError

MOST_PARAMETERS = 5000
"""Factorising the matrix of more takes seconds a step, and the matrix itself 200 MB."""
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-18, 1e10
DIAGONAL_FLOOR = 1e-12
"""Of the largest entry of D: numbers without any slope stay where they are."""
TRIES = 12
"""Factors λ that a step tries before it gives up."""
LEAST_GAIN = 1e-4
STALL_STEPS, STALL_FACTOR = 10, 0.99
"""The search has converged where so many steps together leave more than this share of the loss, each at its points."""

Blocks = Iterable[tuple[torch.Tensor, torch.Tensor]]
"""J and r of some rows after the other."""


class LevenbergMarquardt:
    """Takes whole steps at learning rate 1; smaller rates shorten them.

    `groups` are dicts with 'params'; `step` gets the derivatives and the loss as functions of the present parameters.
    Raises UserError where there are more parameters than `MOST_PARAMETERS`.
    """

    needs_residuals = True

    def __init__(self, groups: list[dict[str, Any]]):
        self.param_groups = [{"lr": 1.0, **group} for group in groups]
        self._parameters = [p for group in groups for p in group["params"]]
        self.size = sum(p.numel() for p in self._parameters)
        if self.size > MOST_PARAMETERS:
            raise UserError(
                f"Levenberg-Marquardt solves for all {self.size} trained numbers at once and takes at most "
                f"{MOST_PARAMETERS}. Make the network smaller, or choose --optimizer lbfgs."
            )
        # Numbers of the search: λ, ν, and what the latest steps left of the loss, each at the points that it had.
        self._search = torch.tensor([FIRST_DAMPING, 2.0], dtype=torch.float64)
        self._left = torch.zeros(STALL_STEPS, dtype=torch.float64)

    @property
    def converged(self) -> bool:
        """Whether further steps would change next to nothing."""
        return float(self._left.prod()) > STALL_FACTOR

    @torch.no_grad()
    def step(self, blocks: Callable[[], Blocks], loss: Callable[[], float]) -> float:
        """Take one step that lowers the loss, or none where no damping gives one; returns the loss before it."""
        square, slope, before = self._normal_equations(blocks())
        diagonal = square.diagonal().clone()
        diagonal += DIAGONAL_FLOOR * diagonal.max().clamp(min=torch.finfo(diagonal.dtype).tiny)
        start = [p.clone() for p in self._parameters]
        after = before
        damping, growth = self._search.tolist()
        for _ in range(TRIES):
            step = _solution(square, slope, damping * diagonal)
            if step is not None:
                self._move(start, step * float(self.param_groups[0]["lr"]))
                after = loss()
                promised = float(-2 * slope.dot(step) - step.dot(square @ step))
                gain = (before - after) / promised if promised > 0 and math.isfinite(after) else -math.inf
                if gain > LEAST_GAIN and after < before:
                    damping = max(LEAST_DAMPING, damping * max(0.1, 1 - (2 * gain - 1) ** 3))
                    growth = 2.0
                    break
            damping, growth = min(MOST_DAMPING, damping * growth), 2 * growth
        else:
            self._move(start, torch.zeros_like(slope))
            # Once all dampings have failed others will too, however the next step counts.
            after, growth = before, 2.0
            self._left.fill_(1.0)
        self._search[0], self._search[1] = damping, growth
        if after == 0:
            self._left.fill_(1.0)
        else:
            self._left = torch.cat([self._left[1:], self._left.new_tensor([after / before])])
        return before

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Damping and what the latest steps left; the tensors in use, not copies."""
        return {"search": self._search, "left": self._left}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take over values from `state_dict`."""
        self._search.copy_(state["search"])
        self._left.copy_(state["left"])

    def _normal_equations(self, blocks: Blocks) -> tuple[Float[torch.Tensor, "p p"], Float[torch.Tensor, " p"], float]:
        """JᵀJ, Jᵀr and |r|²."""
        like = self._parameters[0]
        square, slope, total = like.new_zeros(self.size, self.size), like.new_zeros(self.size), 0.0
        for jacobian, residual in blocks:
            square.addmm_(jacobian.T, jacobian)
            slope.addmv_(jacobian.T, residual)
            total += float(residual.dot(residual))
        return square, slope, total

    def _move(self, start: list[torch.Tensor], step: torch.Tensor) -> None:
        parts = step.split([p.numel() for p in start])
        for parameter, origin, part in zip(self._parameters, start, parts, strict=True):
            parameter.copy_(origin + part.view_as(origin))


def _solution(
    square: Float[torch.Tensor, "p p"], slope: Float[torch.Tensor, " p"], damping: Float[torch.Tensor, " p"]
) -> Float[torch.Tensor, " p"] | None:
    """−(JᵀJ + damping)⁻¹ Jᵀr, or None where rounding has left the matrix without a Cholesky factor."""
    factor, failed = torch.linalg.cholesky_ex(square + damping.diag())
    if int(failed):
        return None
    step = -torch.cholesky_solve(slope[:, None], factor)[:, 0]
    return step if bool(step.isfinite().all()) else None
