"""Files of a solution: the arrays on the grid, and one figure of solution, truth, plain MLP and errors."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from nfield.io.atomic import write_bytes
from nfield.jobs.equation.probe import Probe
from nfield.jobs.equation.result import EquationResult
from nfield.training.progress import Progress

MOST_SAMPLES, SHOWN_SAMPLES = 1024, 200
"""An axis of a panel with more samples than the first number holds waves finer than its pixels: a part is shown."""


def write_outputs(
    result: EquationResult, outputs: Path, progress: Progress | None = None, *, measured: bool = False
) -> None:
    """Write solution.npz (coordinates, solution, truth, baseline) and solution.png."""
    outputs.mkdir(parents=True, exist_ok=True)
    probe = Probe(result.problem)
    arrays: dict[str, Any] = {"solution": probe.values(result.field)}
    if probe.known:
        arrays["truth"] = probe.truth
    if result.baseline is not None:
        arrays["baseline"] = probe.values(result.baseline)
    axes = {name: axis.numpy() for name, axis in zip(result.problem.names, probe.axes(probe.shape), strict=True)}
    buffer = io.BytesIO()
    named: dict[str, Any] = {**axes, **arrays}
    np.savez_compressed(buffer, **named)
    write_bytes(outputs / "solution.npz", buffer.getvalue())
    write_bytes(outputs / "solution.png", figure_bytes(result.problem.names, axes, arrays))


def figure_bytes(names: str, axes: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> bytes:
    """The figure as PNG: curves and their errors on a line; panels of colour in the plane (a middle slice beyond)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(9.6, 5.6), dpi=100, layout="constrained")
    FigureCanvasAgg(drawn)
    if len(names) == 1:
        _curves(drawn, names, axes[names], arrays)
    else:
        _panels(drawn, names, axes, arrays)
    buffer = io.BytesIO()
    # Without the version in it, the same run gives the same file.
    drawn.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


ABOVE: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 3, "frameon": False, "fontsize": 9}
"""Legends outside, as curves fill their panels."""
TITLES = {"truth": "truth", "solution": "field", "baseline": "plain MLP"}


def _curves(drawn: Any, name: str, axis: np.ndarray, arrays: dict[str, np.ndarray]) -> None:
    with_truth = "truth" in arrays
    panels = drawn.subplots(2 if with_truth else 1, 1, sharex=True, squeeze=False)[:, 0]
    for key, colour in (("baseline", "tab:orange"), ("truth", "0.6"), ("solution", "tab:blue")):
        if key in arrays:
            width = 2.5 if key == "truth" else 0.8
            panels[0].plot(axis, arrays[key], color=colour, linewidth=width, label=TITLES[key])
    panels[0].set_ylabel("u")
    panels[0].legend(**ABOVE)
    if with_truth:
        for key, colour in (("baseline", "tab:orange"), ("solution", "tab:blue")):
            if key in arrays:
                error = np.maximum(np.abs(arrays[key] - arrays["truth"]), 1e-16)
                panels[1].semilogy(axis, error, color=colour, linewidth=0.8, label=f"error of the {TITLES[key]}")
        panels[1].set_ylabel("absolute error")
        panels[1].legend(**ABOVE)
    panels[-1].set_xlabel(name)


def _panels(drawn: Any, names: str, axes: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> None:
    parts = [slice(SHOWN_SAMPLES if len(axes[name]) > MOST_SAMPLES else None) for name in names[:2]]
    flat = {key: _plane(values)[parts[0], parts[1]] for key, values in arrays.items()}
    labels = {
        name: name if part.stop is None else f"{name}, the first {part.stop / len(axes[name]):.0%}"
        for name, part in zip(names, parts, strict=False)
    }
    axes = {name: axes[name][part] for name, part in zip(names, parts, strict=False)}
    # Time runs to the right; in space x does.
    across, up = (names[1], names[0]) if names[1] == "t" else (names[0], names[1])
    extent = (axes[across][0], axes[across][-1], axes[up][0], axes[up][-1])
    turned = {key: values if across == names[1] else values.T for key, values in flat.items()}
    reach = float(np.abs(turned.get("truth", turned["solution"])).max()) or 1.0
    values = {key: turned[key] for key in ("truth", "solution", "baseline") if key in turned}
    errors = {
        key: np.abs(each - turned["truth"]) for key, each in values.items() if key != "truth" and "truth" in turned
    }
    # Errors stand below what they are of, or beside a field that is alone.
    below = "baseline" in values and bool(errors)
    columns = list(values)
    panels = drawn.subplots(
        2 if below else 1, len(columns) + (0 if below else len(errors)), squeeze=False, sharex=True, sharey=True
    )
    for panel, key in zip(panels[0], columns, strict=False):
        shown = panel.imshow(
            values[key], origin="lower", extent=extent, aspect="auto", cmap="RdBu_r", vmin=-reach, vmax=reach
        )
        _finish(drawn, panel, shown, TITLES[key], labels[across])
    for number, (key, error) in enumerate(errors.items()):
        panel = panels[1, columns.index(key)] if below else panels[0, len(columns) + number]
        shown = panel.imshow(error, origin="lower", extent=extent, aspect="auto", cmap="magma")
        _finish(drawn, panel, shown, f"error of the {TITLES[key]}", labels[across])
    if below:
        panels[1, 0].set_axis_off()
        panels[0, 0].tick_params(labelbottom=True)
    panels[0, 0].set_ylabel(labels[up])


def _finish(drawn: Any, panel: Any, shown: Any, title: str, across: str) -> None:
    panel.set_title(title)
    panel.set_xlabel(across)
    drawn.colorbar(shown, ax=panel)


def _plane(values: np.ndarray) -> np.ndarray:
    while values.ndim > 2:
        values = values[..., values.shape[-1] // 2]
    return values
