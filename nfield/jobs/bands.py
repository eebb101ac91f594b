"""Final figures of bands, for all jobs: how metrics.json tells them, and how they are read again."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from nfield.core.types import Band
from nfield.spectral.bands import BandErrors
from nfield.spectral.curves import CurveBandErrors
from nfield.spectral.order import time_to_threshold

THRESHOLD = 0.1
"""Relative error below which a band counts as learned."""


def band_entries(
    bands: BandErrors | CurveBandErrors,
    steps: list[int],
    errors: list[list[float | None]],
    silent: str,
    unit: str,
    final: list[float | None] | None = None,
) -> list[dict[str, Any]]:
    """Bands as metrics.json has them, from the errors at each step; `silent` says why a band has none.

    `final` are the errors at the end, where they were measured anew.
    """
    crossed = time_to_threshold(steps, errors, THRESHOLD)
    entries = []
    for band, step in zip(bands.report(final or errors[-1], unit, crossed), crossed, strict=True):
        entry = {name: getattr(band, name) for name in ("low", "high", "unit", "relative_error", "energy")}
        entry["step_below_threshold"] = step
        if band.relative_error is None:
            entry["why"] = silent
        elif step is None or math.isinf(step):
            entry["why"] = f"the error never stayed below {THRESHOLD}"
        entries.append(entry)
    return entries


def final_bands(metrics: Mapping[str, Any]) -> list[Band]:
    """The bands of metrics.json, without what is told beside them."""
    names = [field.name for field in dataclasses.fields(Band)]
    return [Band(**{name: band.get(name) for name in names}) for band in metrics.get("bands", [])]
