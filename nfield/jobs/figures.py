"""metrics.json: the keys that every job has, from each side's history and from what its job has measured."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from nfield.core.checks import finite_or_none
from nfield.jobs.bands import THRESHOLD, band_entries
from nfield.spectral.bands import BandErrors
from nfield.spectral.curves import CurveBandErrors
from nfield.spectral.order import order_spearman

EDGES = ("low", "high", "unit", "energy")
NO_BASELINE = "not asked for (--no-baseline)"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """Errors of bands that a run keeps."""

    errors: BandErrors | CurveBandErrors | None
    """None where there is nothing to compare with."""
    unit: str
    silent: str
    """Why a band of no energy has no error."""
    key: str = "bands"
    """In history.jsonl, metrics.json and config.json."""
    missing: str = ""
    """Why `errors` is None."""

    @property
    def count(self) -> int:
        """Number of bands."""
        return 0 if self.errors is None else len(self.errors.bands)

    def entries(
        self,
        last: Sequence[float | None],
        steps: Sequence[int] = (0,),
        history: Sequence[Sequence[float | None]] | None = None,
    ) -> list[dict[str, Any]]:
        """The bands as metrics.json has them, with the errors `last` at the end."""
        if self.errors is None:
            return []
        told = [list(line) for line in history] if history else [list(last)]
        return band_entries(self.errors, list(steps), told, self.silent, self.unit, list(last))


def edges(bands: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Where bands begin and end and what energy they hold, as config.json has it."""
    return [{name: band[name] for name in EDGES} for band in bands or ()]


@dataclasses.dataclass(kw_only=True, eq=False)
class Measured:
    """What a job has measured of one side at the end."""

    figures: dict[str, Any]
    """Entries of metrics.json."""
    why: dict[str, str] = dataclasses.field(default_factory=dict)
    """Why some of them are null."""
    bands: list[float | None] | None = None
    """Errors of the main bands, where they were measured anew."""
    seconds: float = 0.0
    """Time that it took."""


def run_metrics(this: Any, result: Any, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """All of metrics.json, the baseline's figures under `baseline`."""
    found: dict[str, dict[str, Any]] = {
        name: side_metrics(this, this.sides[name], one) for name, one in measured.items()
    }
    metrics, baseline = found["field"], found.get("baseline")
    for name, field in (("field", result.field), ("baseline", result.baseline)):
        if name in found:
            found[name]["parameters"] = field.count_parameters()
    if baseline is None:
        metrics["why"]["baseline"] = NO_BASELINE
    else:
        baseline["learning_rate"] = this.config["baseline_recipe"]["learning_rate"]
    metrics["baseline"] = baseline
    more = this.job.complete(this, result, metrics)
    metrics["why"].update(more.pop("why", {}))
    metrics.update(more)
    return finite_or_none(metrics)


def side_metrics(this: Any, side: Any, measured: Measured) -> dict[str, Any]:
    """The figures of one side.

    `seconds_fit` is the time of training steps alone; `seconds_total` adds what was measured on the way and at the end,
    and what the side needed afterwards, such as its mesh. What both sides share is in `seconds_command` alone.
    """
    trained, why = side.done, dict(measured.why)
    bands: dict[str, Any] = {}
    for series in this.job.series(this):
        lines = [line for line in trained.history if line.get(series.key) is not None]
        steps, errors = [line["step"] for line in lines], [line[series.key] for line in lines]
        main = series.key == "bands"
        if series.errors is None or not lines:
            bands[series.key] = [] if main else None
            why[series.key if not main else "order_spearman"] = series.missing
            bands |= {"order_spearman": None, "nyquist": None} if main else {}
            continue
        last = measured.bands if main and measured.bands is not None else errors[-1]
        bands[series.key] = series.entries(last, steps, errors)
        if main:
            order = order_spearman(steps, errors, series.errors.energy)
            bands |= {"order_spearman": order.value, "nyquist": series.errors.nyquist}
            if order.value is None:
                why["order_spearman"] = order.why or "it cannot be computed"
    spent = trained.diagnostics_seconds
    if not trained.seconds > 0:
        why["diagnostics_share"] = "no step was taken: the budget was spent before the first one"
    return {
        "task": this.job.name,
        "seconds_fit": trained.seconds,
        "seconds_total": trained.seconds + spent + side.seconds_after + measured.seconds,
        "diagnostics_seconds": spent,
        "diagnostics_share": spent / trained.seconds if trained.seconds > 0 else None,
        "steps": trained.steps,
        "stopped": trained.stopped,
        "precision": trained.precision,
        "device": this.config["device"],
        "seed": this.options.seed,
        "band_threshold": THRESHOLD,
        **bands,
        **measured.figures,
        "why": why,
    }
