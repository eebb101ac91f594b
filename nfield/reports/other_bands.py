"""A run as one of its other series of bands shows it, so that every section about bands can show that one too."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nfield.reports.record import RunRecord, Side, bands_of


def with_bands(record: RunRecord, key: str, *, nyquist: Callable[[Side], Any]) -> RunRecord:
    """The same run with the bands under `key` in the place of its own, and the Nyquist frequency that is theirs."""

    def seen(side: Side, edges: Any) -> Side:
        history = [replace(line, bands=line.other_bands[key]) for line in side.history if key in line.other_bands]
        bands = bands_of(side.metrics.get(key), history, edges, record.threshold)
        return replace(side, metrics={**side.metrics, "nyquist": nyquist(side)}, history=history, bands=bands)

    field = seen(record.field, record.config.get(key))
    baseline = None if record.baseline is None else seen(record.baseline, field.bands)
    return replace(record, field=field, baseline=baseline)
