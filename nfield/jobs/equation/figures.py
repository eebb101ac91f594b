"""The final figures of a run that solves an equation."""

from typing import Any

import numpy as np

from nfield.jobs.equation.probe import UNIT
from nfield.jobs.equation.result import EquationResult
from nfield.jobs.equation.task import PdeTask
from nfield.jobs.figures import Measured, Series
from nfield.jobs.run import Run, Side
from nfield.spectral.spectrum import power_spectrum

NO_TRUTH = "the problem has no exact solution to compare with"


def series(run: Run) -> list[Series]:
    """Errors over the bands of the true solution, where it is known."""
    bands = run.sides["field"].task.probe.bands
    return [Series(errors=bands, unit=UNIT, silent="the solution has no energy in this band", missing=NO_TRUTH)]


def measure(run: Run, result: EquationResult) -> dict[str, Measured]:
    """Errors and residual of each side."""
    fields = {"field": result.field, "baseline": result.baseline}
    return {name: _measured(fields[name], side) for name, side in run.sides.items()}


def _measured(field: Any, side: Side) -> Measured:
    task: PdeTask = side.task
    why: dict[str, str] = {}
    figures: dict[str, Any] = {"quality_name": task.quality_name, "polished_from": side.done.polished_from}
    if task.probe.known:
        figures["relative_l2"], figures["max_error"] = task.probe.final_errors(field)
        figures["snr"] = -20 * float(np.log10(max(figures["relative_l2"], 1e-300)))
    else:
        figures.update(relative_l2=None, max_error=None, residual_db=side.done.history[-1].get("residual_db"))
        why.update(relative_l2=NO_TRUTH, max_error=NO_TRUTH)
    figures["residual"] = task.residual_size(field)
    if not np.isfinite(figures["residual"]):
        why["residual"] = "the problem has no residual, or the field lacks its derivatives"
    bands = None if task.probe.bands is None else task.probe.band_errors(task.probe.values(field))
    return Measured(figures=figures, why=why, bands=bands)


def complete(run: Run, result: EquationResult, metrics: dict[str, Any]) -> dict[str, Any]:
    """What the stages did, and power spectra where there is a truth."""
    task: PdeTask = run.sides["field"].task
    found: dict[str, Any] = dict(run.sides["field"].found or {})
    if not (task.probe.known and task.problem.dimension <= 3):
        return found
    arrays = {"truth": task.probe.truth, "field": task.probe.values(result.field)}
    if result.baseline is not None:
        arrays["baseline"] = task.probe.values(result.baseline)
    spacing = [1 / n for n in task.probe.shape]
    spectra = {name: power_spectrum(values, spacing=spacing) for name, values in arrays.items()}
    found["spectrum"] = {
        "frequency": [round(float(f), 6) for f in spectra["truth"].frequencies],
        "unit": UNIT,
        "nyquist": None if task.probe.bands is None else task.probe.bands.nyquist,
        **{name: [float(p) for p in spectrum.mean] for name, spectrum in spectra.items()},
    }
    return found
