"""Evaluation of a callable field at many positions: in batches, counted and checked."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64

from nfield.core.checks import RunError

Field = Callable[[torch.Tensor], torch.Tensor]
"""Takes positions (n, 3) and returns values (n,), negative inside."""

LARGEST = 1e29
"""Bound of stored values; what lies farther from the level says no more than this."""


@dataclass
class Effort:
    """What an extraction has cost so far."""

    evaluations: int = 0
    """Positions at which the field was evaluated."""
    searches: int = 0
    """Those of them that only searched for the surface."""
    blocks: int = 0
    """Blocks visited."""
    waiting: int = 0
    """Blocks known to come."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluator:
    """A field less its level."""

    field: Field
    level: float = 0.0
    batch: int = 2**17
    """Most positions in one call: what bounds the memory that the field takes."""
    device: str | torch.device = "cpu"
    dtype: torch.dtype = torch.float32
    """Type of the positions that the field is given."""
    effort: Effort

    def __call__(self, positions: Float64[np.ndarray, "n 3"]) -> Float32[np.ndarray, " n"]:
        """Values at positions. Raises RunError where the field is not finite or answers with another shape."""
        values = np.zeros(len(positions), np.float32)
        with torch.no_grad():
            for start in range(0, len(positions), self.batch):
                block = positions[start : start + self.batch]
                got = self.field(torch.from_numpy(block).to(self.device, self.dtype))
                if got.shape != (len(block),):
                    raise RunError(
                        f"The field answers {len(block)} positions with shape {tuple(got.shape)}. It must be (n,)."
                    )
                # The level is taken off in double precision, so that a level far from zero costs no digits.
                numbers = got.double().cpu().numpy() - self.level
                if not np.isfinite(numbers).all():
                    where = block[~np.isfinite(numbers)][0]
                    raise RunError(f"The field is not finite at {where}. Train with a smaller rate, or check its data.")
                values[start : start + len(block)] = np.clip(numbers, -LARGEST, LARGEST)
        self.effort.evaluations += len(positions)
        return values
