"""A signed distance as sparse B-splines from coarse to fine, solved for and not trained."""

from typing import Any

import torch
from jaxtyping import Float

from nfield.points.lattice import Level, evaluate_levels

CHUNK = 1 << 17
"""Points evaluated at once where no gradient is wanted."""


class SplineDistance(torch.nn.Module):
    """Values of shape (..., 1) at points of shape (..., 3): those of the finest level that reaches a point."""

    in_dim, out_dim = 3, 1
    derivative_order = 2
    """Quadratic splines have slopes everywhere and second derivatives almost everywhere."""

    def __init__(self, levels: list[Level]) -> None:
        super().__init__()
        self.register_buffer("steps", torch.tensor([level.step for level in levels], dtype=torch.float64))
        self.steps: torch.Tensor
        for number, level in enumerate(levels):
            self.register_buffer(f"keys_{number}", level.keys)
            self.register_buffer(f"values_{number}", level.values)
        self._levels: list[Level] | None = levels

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor]) -> "SplineDistance":
        """The module whose `state_dict` is given: its sizes are those of its tensors."""
        steps = state["steps"].tolist()
        return cls(
            [Level(step=step, keys=state[f"keys_{i}"], values=state[f"values_{i}"]) for i, step in enumerate(steps)]
        )

    @property
    def levels(self) -> list[Level]:
        """From coarse to fine, on the module's device."""
        if self._levels is None:
            self._levels = [
                Level(step=step, keys=getattr(self, f"keys_{i}"), values=getattr(self, f"values_{i}"))
                for i, step in enumerate(self.steps.tolist())
            ]
        return self._levels

    def _apply(self, fn: Any, recurse: bool = True) -> "SplineDistance":
        self._levels = None  # moved tensors are new ones
        return super()._apply(fn, recurse)

    def forward(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 1"]:
        """The distance, in the unit of the points."""
        flat = points.reshape(-1, 3)
        if torch.is_grad_enabled() and flat.requires_grad:
            values = evaluate_levels(self.levels, flat)
        else:
            values = torch.cat([evaluate_levels(self.levels, part) for part in flat.split(CHUNK)])
        return values.reshape(*points.shape[:-1], 1)

    def count_parameters(self) -> int:
        """Coefficients of the finest level at each place: those that were solved for."""
        return sum(len(level.keys) for level in self.levels)
