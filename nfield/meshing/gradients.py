"""Values and gradients of a callable field, by automatic differentiation or, where it has none, by differences."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from nfield.meshing.evaluation import Field


@dataclass(frozen=True, kw_only=True, eq=False)
class Slopes:
    """A field whose gradient is wanted, too."""

    field: Field
    spacing: float
    """Distance over which differences are taken where the field cannot be differentiated, in input units."""
    level: float = 0.0
    batch: int = 2**16
    """Most positions in one call."""
    device: str | torch.device = "cpu"
    dtype: torch.dtype = torch.float32

    def values(self, positions: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
        """The field less its level."""
        with torch.no_grad():
            parts = [self._numbers(self.field(x)) - self.level for x in self._batches(positions)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def __call__(
        self, positions: Float64[np.ndarray, "n 3"]
    ) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, "n 3"]]:
        """The field less its level, and its gradient, at positions."""
        values, gradients = [np.zeros(0)], [np.zeros((0, 3))]
        for x in self._batches(positions):
            with torch.enable_grad():
                x.requires_grad_()
                value = self.field(x)
                gradient = torch.autograd.grad(value.sum(), x, allow_unused=True)[0] if value.requires_grad else None
            values.append(self._numbers(value.detach()) - self.level)
            gradients.append(self._differences(x.detach()) if gradient is None else self._numbers(gradient))
        return np.concatenate(values), np.concatenate(gradients)

    def _differences(self, x: torch.Tensor) -> Float64[np.ndarray, "n 3"]:
        columns = []
        with torch.no_grad():
            for axis in range(3):
                step = torch.zeros(3, dtype=x.dtype, device=x.device)
                step[axis] = self.spacing
                columns.append(self._numbers(self.field(x + step)) - self._numbers(self.field(x - step)))
        return np.stack(columns, 1) / (2 * self.spacing)

    def _batches(self, positions: Float64[np.ndarray, "n 3"]) -> list[torch.Tensor]:
        blocks = [positions[start : start + self.batch] for start in range(0, len(positions), self.batch)]
        return [torch.from_numpy(block).to(self.device, self.dtype, copy=True) for block in blocks]

    @staticmethod
    def _numbers(tensor: torch.Tensor) -> np.ndarray:
        return tensor.double().cpu().numpy()
