"""Types that cross folders."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch


@dataclass(frozen=True, kw_only=True)
class Band:
    """One band of frequencies and how well it has been learned."""

    low: float
    """Lower edge, included."""
    high: float
    """Upper edge, excluded."""
    unit: str
    """Unit of both edges, such as 'cycles/side'."""
    relative_error: float | None
    """sqrt(sum |prediction - truth|^2 / sum |truth|^2) over the band's wave vectors; None where it has no energy."""
    energy: float
    """Share of the truth's energy (without its mean) that lies in this band."""
    step_below_threshold: float | None = None
    """First step from which the error stays below the threshold; infinite where it never does."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a task measures of a field from time to time during training."""

    quality: float
    """The task's figure of merit; higher is better."""
    band_errors: list[float | None]
    """Relative error per band, from low to high frequencies; None where a band has no energy."""
    numbers: dict[str, float] = dataclass_field(default_factory=dict)
    """Further figures by name."""
    series: dict[str, list[float | None]] = dataclass_field(default_factory=dict)
    """Further lists of figures by name, such as the errors of other bands."""
    snapshot: np.ndarray | None = None
    """A small picture of shape (h, w, 1 or 3), uint8."""


@runtime_checkable
class FieldLike(Protocol):
    """What training and tasks need of a field: an `nn.Module` on coordinates in [-1, 1]^d."""

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Values of shape (..., c) at points of shape (..., d)."""

    def on_grid(self, axes: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Values of shape (n_1, ..., n_d, c) at the tensor product of d coordinate vectors of lengths n_i."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups: dicts with 'params', 'name', and 'rate', a factor on the learning rate."""
