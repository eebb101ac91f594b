"""Band errors of splines that are known only once the truth is."""

import dataclasses
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.jobs.surface.profile_probe import ProfileProbe
from nfield.jobs.surface.task import VolumeProbe

UNIT = "cycles/diagonal"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class LevelState:
    """The splines after a level."""

    step: int
    seconds: float
    quality: float
    values: Float[np.ndarray, "n n n"]
    """The soft indicator on the grid of the volume's probe."""
    module: torch.nn.Module


@dataclasses.dataclass(kw_only=True)
class BandHistory:
    """What the field was like at each level, until the truth of its bands is known."""

    entries: list[LevelState] = dataclasses.field(default_factory=list)
    diagnostics_seconds: float = 0.0
    """Time that was spent on looking at the levels."""

    def add(self, state: LevelState) -> None:
        """Remember a level."""
        self.entries.append(state)

    def lines(self, probe: VolumeProbe, profiles: ProfileProbe | None, device: torch.device) -> list[dict[str, Any]]:
        """Lines of history.jsonl."""
        found = []
        for state in self.entries:
            line: dict[str, Any] = {
                "run": "field",
                "step": state.step,
                "seconds": state.seconds,
                "loss": None,
                "losses": {},
                "fit_db": state.quality,
                "bands": probe.errors(state.values),
                "learning_rate": None,
            }
            if profiles is not None:
                errors, missing = profiles.errors(state.module.to(device), device)
                line |= {"numbers": {"profile_missing": missing}, "profile_bands": errors}
            found.append(line)
        return found
