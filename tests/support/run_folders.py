"""Pieces of run folders with closed-form learning curves: the error of band b after t seconds is exp(-rate_b t)."""

import json
import pathlib
from typing import Any

import numpy as np
from PIL import Image

from nfield.core.checks import finite_or_none

EDGES = [1, 2, 4, 8, 16, 32]
THRESHOLD = 0.1
FIELD_RATES = [4.0, 2.0, 1.0, 0.5, 0.25]
BASELINE_RATES = [0.5, 0.1, 0.02, 0.004, 0.0008]
SECONDS = 20.0


def stripes(size: int = 64, *, learned: int = len(EDGES) - 1) -> np.ndarray:
    """A picture of one oblique stripe pattern per band, of which the lowest `learned` are there."""
    rows, columns = np.meshgrid(np.arange(size), np.arange(size * 3 // 4), indexing="ij")
    value = np.full(rows.shape, 0.5)
    for band in range(learned):
        value += 0.4 / 2**band * np.sin(2 * np.pi * 1.3 * EDGES[band] * (rows + 0.4 * columns) / size)
    grey = np.round(255 * np.clip(value, 0, 1)).astype(np.uint8)
    return np.stack([grey, grey, 255 - grey], axis=-1)


def band_figures(errors: list[float | None], steps: list[int | None]) -> list[dict[str, Any]]:
    return [
        {
            "low": EDGES[b], "high": EDGES[b + 1], "unit": "cycles/side", "relative_error": errors[b],
            "energy": 0.0 if errors[b] is None else 0.5 / 2**b, "step_below_threshold": steps[b],
        }
        for b in range(len(EDGES) - 1)
    ]  # fmt: skip


def side(run: str, rates: list[float | None], steps_per_second: float) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """History lines and final figures of one side; a rate of None is a band without energy."""
    times = [0.0, *np.geomspace(0.1, SECONDS, 24)]
    lines = []
    for time in times:
        errors = [None if rate is None else float(np.exp(-rate * time)) for rate in rates]
        energy = sum((error or 0.0) ** 2 * 0.02 / 4**b for b, error in enumerate(errors))
        lines.append(
            {
                "run": run, "step": round(time * steps_per_second), "seconds": round(float(time), 4),
                "loss": energy, "losses": {"mse": energy}, "psnr": float(-10 * np.log10(energy + 1e-5)),
                "bands": errors, "learning_rate": 1e-3,
            }
        )  # fmt: skip
    below = [
        next(
            (line["step"] for line in lines if line["bands"][b] is not None and line["bands"][b] < THRESHOLD),
            None,
        )
        for b in range(len(rates))
    ]
    last = lines[-1]
    metrics = {
        "seconds_fit": SECONDS, "seconds_total": SECONDS + 1.5, "steps": last["step"], "parameters": 123456,
        "psnr": last["psnr"], "ssim": 0.987, "bands": band_figures(last["bands"], below), "nyquist": 32.0,
        "order_spearman": 0.97, "diagnostics_share": 0.021,
    }  # fmt: skip
    return lines, metrics


def write(run: pathlib.Path, name: str, content: Any) -> None:
    (run / name).write_text(json.dumps(finite_or_none(content)), encoding="utf-8")


def save(picture: np.ndarray, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
