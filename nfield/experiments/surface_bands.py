"""Final figures of bands, and band errors that are known only once the truth is."""

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.spectral.bands import BandErrors
from nfield.spectral.curves import CurveBandErrors
from nfield.spectral.order import time_to_threshold
from nfield.tasks.cloud import VolumeProbe
from nfield.tasks.profiles import ProfileProbe

THRESHOLD = 0.1
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


def band_entries(
    bands: BandErrors | CurveBandErrors,
    steps: list[int],
    errors: list[list[float | None]],
    silent: str,
    unit: str = UNIT,
) -> list[dict[str, Any]]:
    """Bands as metrics.json has them, from the errors at each step; `silent` says why a band has none."""
    crossed = time_to_threshold(steps, errors, THRESHOLD)
    entries = []
    for band, step in zip(bands.report(errors[-1], unit, crossed), crossed, strict=True):
        entry = {name: getattr(band, name) for name in ("low", "high", "unit", "relative_error", "energy")}
        entry["step_below_threshold"] = step
        if band.relative_error is None:
            entry["why"] = silent
        elif step is None or math.isinf(step):
            entry["why"] = f"the error never stayed below {THRESHOLD}"
        entries.append(entry)
    return entries
