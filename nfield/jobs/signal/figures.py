"""The final figures of a signal in stages."""

from typing import Any

from nfield.jobs.figures import Measured, Series
from nfield.jobs.run import Run
from nfield.jobs.signal.result import SignalResult
from nfield.jobs.signal.stages import evaluated
from nfield.jobs.signal.task import SignalTask, decibels, relative_l2

UNIT = "cycles per unit of [-1, 1]"
NO_GRID = "scattered samples have no spectrum"


def series(run: Run) -> list[Series]:
    """Errors over the bands of the signal, where it is known on a grid."""
    task: SignalTask = run.sides["field"].task
    return [Series(errors=task.bands, unit=UNIT, silent="the signal has no energy in this band", missing=NO_GRID)]


def measure(run: Run, result: SignalResult) -> dict[str, Measured]:
    """Errors of each side at points that it was not trained on."""
    found = {}
    for name, field in (("field", result.field), ("baseline", result.baseline)):
        if name in run.sides:
            probe = run.sides[name].task.probe
            error = relative_l2(evaluated(field, probe.points), probe.values)
            found[name] = Measured(figures={"relative_l2": error, "snr": decibels(error)})
    return found


def complete(run: Run, result: SignalResult, metrics: dict[str, Any]) -> dict[str, Any]:
    """What each stage did."""
    return dict(run.sides["field"].found)
