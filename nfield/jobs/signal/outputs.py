"""Files of a signal in stages: one picture of the residual of each of them, and of its frequencies."""

import io
from pathlib import Path

import numpy as np
import torch

from nfield.fields.staged import StagedField
from nfield.io.atomic import write_bytes
from nfield.jobs.signal.result import SignalResult
from nfield.jobs.signal.task import SignalProbe
from nfield.reports.colours import stage_colour
from nfield.training.progress import Progress

LEAST = 1e-18
"""Nothing is drawn as this much: zero has no place on a logarithmic axis."""


def stages_picture(probe: SignalProbe, field: StagedField) -> bytes:
    """PNG: |signal − sum of the first n stages| along the middle line of the probe's grid, and the relative error of
    each band that carries energy, for every n. The probe must have a grid."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # on first use: it takes a third of a second
    from matplotlib.figure import Figure

    bands = probe.bands()
    if probe.grid_values is None or bands is None:
        raise AssertionError("there is a grid")
    truth = probe.grid_values.numpy()
    figure = Figure(figsize=(9.6, 4.0), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    used = [b for b, energy in enumerate(bands.energy) if energy > 0]
    for count in range(len(field.stages) + 1):
        with torch.no_grad():
            found = field.first(count).on_grid(probe.axes).numpy()
        residual = np.abs(truth - found).max(-1)
        while residual.ndim > 1:
            residual = residual[..., residual.shape[-1] // 2]
        label = f"after stage {count}" if count else "signal"
        left.semilogy(probe.axes[0], np.maximum(residual, LEAST), linewidth=0.8, color=stage_colour(count), label=label)
        if count and used:
            errors = bands(found)
            right.semilogy(
                [bands.bands[b][0] for b in used],
                [np.nan if errors[b] is None else max(errors[b] or 0.0, LEAST) for b in used],
                "o-", color=stage_colour(count), label=label,
            )  # fmt: skip
    left.set(xlabel="first coordinate, in [-1, 1]", title="Residual")
    right.set(xscale="log", xlabel="band from, cycles per unit of [-1, 1]", title="Relative error of each band")
    for axes in (left, right):
        if axes.lines:
            axes.legend(fontsize=8)
    buffer = io.BytesIO()
    # Without the version in it, the same run gives the same file.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def write_outputs(
    result: SignalResult, outputs: Path, progress: Progress | None = None, *, measured: bool = False
) -> None:
    """Write stages.png where the signal is at hand, and known on a grid."""
    if result.problem is not None and result.problem.probe.grid_values is not None:
        outputs.mkdir(parents=True, exist_ok=True)
        write_bytes(outputs / "stages.png", stages_picture(result.problem.probe, result.field))
