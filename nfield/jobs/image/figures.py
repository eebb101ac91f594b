"""The final figures of an image run: metrics.json."""

import math
import time
from typing import Any

import numpy as np
import torch

from nfield.core.checks import finite_or_none
from nfield.core.types import FieldLike
from nfield.fields.base import Field
from nfield.jobs.bands import THRESHOLD, band_entries
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.image.outputs import FULL_PIXELS
from nfield.jobs.image.result import Result
from nfield.jobs.image.task import CHUNK_PIXELS, ImageTask
from nfield.metrics.image import SSIM_SIZE, SSIM_TOO_SMALL, psnr_from_mse, ssim
from nfield.spectral.order import order_spearman
from nfield.spectral.spectrum import power_spectrum
from nfield.training.loop import TrainingResult

SAMPLE_SIDE = 2048
UNIT = "cycles/side"


def image_metrics(
    result: Result,
    task: ImageTask,
    trained: TrainingResult,
    baseline: TrainingResult | None,
    options: ImageOptions,
) -> dict[str, Any]:
    """All keys of metrics.json, the baseline's under `baseline`."""
    metrics = _figures(result.field, result, task, trained)
    metrics["device"], metrics["seed"] = result.config["device"], options.seed
    metrics["baseline"] = None
    spectra = {"truth": task.truth_array(), "field": task.probe_array(result.field)}
    if result.baseline is not None and baseline is not None:
        metrics["baseline"] = _figures(result.baseline, result, task, baseline)
        metrics["baseline"].update(device=metrics["device"], seed=options.seed)
        metrics["baseline"]["learning_rate"] = result.config["baseline_recipe"]["learning_rate"]
        spectra["baseline"] = task.probe_array(result.baseline)
    else:
        metrics.setdefault("why", {})["baseline"] = "not asked for (--no-baseline)"
    metrics["spectrum"] = _spectra(spectra, task)
    return finite_or_none(metrics)


def _spectra(arrays: dict[str, np.ndarray], task: ImageTask) -> dict[str, Any]:
    spacing = task.spacing
    found = {name: power_spectrum(values, spacing, channels_last=True) for name, values in arrays.items()}
    frequency = found["truth"].frequencies
    return {
        "frequency": [round(float(f), 6) for f in frequency],
        "unit": UNIT,
        "nyquist": task.bands.nyquist,
        **{name: [float(p) for p in spectrum.mean] for name, spectrum in found.items()},
    }


def _figures(field: Field, result: Result, task: ImageTask, trained: TrainingResult) -> dict[str, Any]:
    began = time.perf_counter()
    why: dict[str, str] = {}
    lines = trained.history
    steps = [line["step"] for line in lines]
    errors = [line["bands"] for line in lines]
    final = task.bands(task.compared(task.probe_array(field)))
    bands = band_entries(task.bands, steps, errors, "the image has no energy in this band", UNIT, final)
    order = order_spearman(steps, errors, task.bands.energy)
    if order.value is None:
        why["order_spearman"] = order.why or "it cannot be told"
    scores = _final_scores(field, task, why)
    return {
        "task": "image",
        "seconds_fit": trained.seconds,
        "seconds_total": trained.seconds + trained.diagnostics_seconds + time.perf_counter() - began,
        "steps": trained.steps,
        "parameters": field.count_parameters(),
        "precision": trained.precision,
        **scores,
        "bands": bands,
        "band_threshold": THRESHOLD,
        "nyquist": task.bands.nyquist,
        "order_spearman": order.value,
        "diagnostics_seconds": trained.diagnostics_seconds,
        "diagnostics_share": trained.diagnostics_seconds / max(trained.seconds, 1e-9),
        "why": why,
    }


def _final_scores(field: FieldLike, task: ImageTask, why: dict[str, str]) -> dict[str, float | None]:
    """PSNR and SSIM over the whole image, in blocks of rows; with held-out pixels, PSNR over these too."""
    image, step = task.pixels.image, task.pixels.step
    rows, columns = torch.arange(image.height), torch.arange(image.width)
    if image.height * image.width > FULL_PIXELS:
        rows, columns = (
            torch.linspace(0, n - 1, min(n, SAMPLE_SIDE), dtype=torch.float64).long()
            for n in (image.height, image.width)
        )
        why["psnr"] = f"measured at {len(rows)} x {len(columns)} pixels, evenly spread"
        why["ssim"] = "the image is too large: SSIM needs all pixels"
    mask = None if task.pixels.mask is None else torch.from_numpy(np.ascontiguousarray(task.pixels.mask))
    sums = {"fitted": [0.0, 0], "heldout": [0.0, 0], "outside": [0.0, 0]}
    similarity, windows = 0.0, 0
    with torch.no_grad():
        truth_tail = predicted_tail = torch.zeros(0, len(columns), image.channels)
        for part in rows.split(max(SSIM_SIZE, 4 * CHUNK_PIXELS // max(1, len(columns)))):
            predicted = task.predict(field, part, columns).cpu()
            truth = torch.as_tensor(image.values(part.numpy(), columns.numpy()))
            squares = (predicted - truth).square().mean(-1)
            on_lattice = ((part % step == 0)[:, None]) & ((columns % step == 0)[None])
            fitted = on_lattice if mask is None else on_lattice & mask[part][:, columns]
            between = ((part % 2 == 1)[:, None]) & ((columns % 2 == 1)[None])
            chosen = {"fitted": fitted, "heldout": between if step == 2 else None}
            chosen["outside"] = None if mask is None else ~mask[part][:, columns]
            for name, where in chosen.items():
                if where is not None:
                    sums[name][0] += float(squares[where].double().sum())
                    sums[name][1] += int(where.sum())
            if "ssim" not in why:
                truth, predicted = torch.cat([truth_tail, truth]), torch.cat([predicted_tail, predicted])
                value, count = ssim(truth, predicted), max(0, len(truth) - SSIM_SIZE + 1)
                if value is not None:
                    similarity, windows = similarity + value * count, windows + count
                truth_tail, predicted_tail = truth[-(SSIM_SIZE - 1) :], predicted[-(SSIM_SIZE - 1) :]

    def decibels(name: str) -> float | None:
        total, count = sums[name]
        value = psnr_from_mse(total / count) if count else None
        if value is not None and math.isinf(value):
            why["psnr"] = "no error at all: the PSNR is infinite"
        return value

    scores = {"psnr": decibels("fitted"), "ssim": similarity / windows if windows else None}
    if scores["ssim"] is None:
        why.setdefault("ssim", SSIM_TOO_SMALL)
    if step == 2:
        scores["psnr_heldout"] = decibels("heldout")
        if scores["psnr_heldout"] is None:
            why["psnr_heldout"] = "the image has no pixel between the training pixels"
    if mask is not None:
        scores["psnr_outside_mask"] = decibels("outside")
    return scores
