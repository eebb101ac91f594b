"""What a run of a signal in stages returns."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.jobs.result import Result
from nfield.jobs.signal.problems import Box
from nfield.jobs.signal.stages import FunctionStages, SampleStages, evaluated
from nfield.training.stages import StageRecord

POINTS_AT_ONCE = 1 << 16


@dataclasses.dataclass(kw_only=True, eq=False)
class SignalResult(Result):
    """Stages fitted to a signal: `field` is u = Σ ε_n u_n on [−1, 1]^d, in float64."""

    box: Box
    """The domain in the user's units."""
    problem: FunctionStages | SampleStages | None = None
    """The signal, where it is at hand."""

    @property
    def stages(self) -> list[StageRecord]:
        """What each stage did, a dropped one included."""
        return [StageRecord(**{**one, "notes": tuple(one["notes"])}) for one in self.metrics["stages"]]

    @property
    def reason(self) -> str:
        """Why there are no more stages."""
        return str(self.metrics["reason"])

    @property
    def error(self) -> float:
        """Relative L2 at points that were not trained on."""
        return float(self.metrics["relative_l2"])

    def __call__(self, points: np.ndarray | torch.Tensor) -> np.ndarray:
        """Values (n, c) in float64 at points (n, d), or (n,) in one dimension, in the user's units."""
        places = torch.as_tensor(points, dtype=torch.float64)
        places = places[:, None] if places.ndim == 1 else places
        if places.ndim != 2 or places.shape[1] != self.field.in_dim:
            raise UserError(f"Points must be of shape (n, {self.field.in_dim}), but have shape {tuple(places.shape)}.")
        parts = [evaluated(self.field, part) for part in self.box.unit(places).split(POINTS_AT_ONCE)]
        return torch.cat(parts).numpy()


def reopened(folder: Any, config: Mapping[str, Any], trust: Any) -> dict[str, Any]:
    """The domain of a run folder. Raises UserError where its stages have not been finished."""
    if "networks" not in config:
        raise UserError(f"'{folder.path}' has not finished its stages: continue it with --resume, or resume=True.")
    return {"box": Box(low=tuple(config["low"]), high=tuple(config["high"]))}
