"""The final figures of a run that solves an equation: metrics.json."""

from typing import Any

import numpy as np

from nfield.core.checks import finite_or_none
from nfield.fields.solution import SolutionField
from nfield.fields.staged_solution import StagedSolution
from nfield.jobs.bands import THRESHOLD, band_entries
from nfield.jobs.equation.options import SolveOptions
from nfield.jobs.equation.probe import UNIT
from nfield.jobs.equation.result import SolveResult
from nfield.jobs.equation.task import PdeTask
from nfield.spectral.order import order_spearman
from nfield.spectral.spectrum import power_spectrum
from nfield.training.loop import TrainingResult

NO_TRUTH = "the problem has no exact solution to compare with"


def solve_metrics(
    result: SolveResult,
    task: PdeTask,
    trained: TrainingResult,
    baseline_task: PdeTask,
    baseline: TrainingResult | None,
    options: SolveOptions,
) -> dict[str, Any]:
    """All keys of metrics.json, the baseline's under `baseline`."""
    metrics = _figures(result.field, task, trained)
    metrics["device"], metrics["seed"] = result.config["device"], options.seed
    metrics["baseline"] = None
    if result.baseline is not None and baseline is not None:
        metrics["baseline"] = _figures(result.baseline, baseline_task, baseline)
        metrics["baseline"].update(device=metrics["device"], seed=options.seed)
        metrics["baseline"]["learning_rate"] = result.config["baseline_recipe"]["learning_rate"]
    else:
        metrics["why"]["baseline"] = "not asked for (--no-baseline)"
    if task.probe.known and task.problem.dimension <= 3:
        arrays = {"truth": task.probe.truth, "field": task.probe.values(result.field)}
        if result.baseline is not None:
            arrays["baseline"] = task.probe.values(result.baseline)
        metrics["spectrum"] = _spectra(arrays, task)
    return finite_or_none(metrics)


def _spectra(arrays: dict[str, np.ndarray], task: PdeTask) -> dict[str, Any]:
    spacing = [1 / n for n in task.probe.shape]
    found = {name: power_spectrum(values, spacing=spacing) for name, values in arrays.items()}
    return {
        "frequency": [round(float(f), 6) for f in found["truth"].frequencies],
        "unit": UNIT,
        "nyquist": None if task.probe.bands is None else task.probe.bands.nyquist,
        **{name: [float(p) for p in spectrum.mean] for name, spectrum in found.items()},
    }


def _figures(field: SolutionField | StagedSolution, task: PdeTask, trained: TrainingResult) -> dict[str, Any]:
    why: dict[str, str] = {}
    lines = trained.history
    steps = [line["step"] for line in lines]
    errors = [line["bands"] for line in lines]
    figures: dict[str, Any] = {
        "task": "pde",
        "quality_name": task.quality_name,
        "seconds_fit": trained.seconds,
        "seconds_total": trained.elapsed_seconds,
        "steps": trained.steps,
        "polished_from": trained.polished_from,
        "parameters": field.count_parameters(),
        "precision": trained.precision,
    }
    if task.probe.known:
        figures["relative_l2"], figures["max_error"] = task.probe.final_errors(field)
        figures["snr"] = -20 * float(np.log10(max(figures["relative_l2"], 1e-300)))
    else:
        figures.update(relative_l2=None, max_error=None, residual_db=lines[-1].get("residual_db"))
        why.update(relative_l2=NO_TRUTH, max_error=NO_TRUTH)
    figures["residual"] = task.residual_size(field)
    if not np.isfinite(figures["residual"]):
        why["residual"] = "the problem has no residual, or the field lacks its derivatives"
    figures["order_spearman"], figures["nyquist"], figures["bands"] = None, None, []
    if task.probe.bands is not None:
        order = order_spearman(steps, errors, task.probe.bands.energy)
        figures["order_spearman"] = order.value
        if order.value is None:
            why["order_spearman"] = order.why or "it cannot be told"
        final = task.probe.band_errors(task.probe.values(field))
        figures["bands"] = band_entries(
            task.probe.bands, steps, errors, "the solution has no energy in this band", UNIT, final
        )
        figures["nyquist"] = task.probe.bands.nyquist
    else:
        why["order_spearman"] = NO_TRUTH
    return {
        **figures,
        "band_threshold": THRESHOLD,
        "diagnostics_seconds": trained.diagnostics_seconds,
        "diagnostics_share": trained.diagnostics_seconds / max(trained.seconds, 1e-9),
        "why": why,
    }
