"""The final figures of an image run: metrics.json."""

import math
import time
from typing import Any

import numpy as np
import torch

from nfield.core.types import FieldLike
from nfield.jobs.figures import Measured, Series
from nfield.jobs.image.outputs import FULL_PIXELS
from nfield.jobs.image.result import ImageResult
from nfield.jobs.image.task import CHUNK_PIXELS, ImageTask
from nfield.jobs.run import Run
from nfield.metrics.image import SSIM_SIZE, SSIM_TOO_SMALL, psnr_from_mse, ssim
from nfield.spectral.spectrum import power_spectrum

SAMPLE_SIDE = 2048
UNIT = "cycles/side"


def series(run: Run) -> list[Series]:
    """Errors over the bands of the image."""
    task: ImageTask = run.sides["field"].task
    return [Series(errors=task.bands, unit=UNIT, silent="the image has no energy in this band")]


def measure(run: Run, result: ImageResult) -> dict[str, Measured]:
    """PSNR, SSIM and the bands at the end, of each side."""
    found = {}
    for name, side in run.sides.items():
        began = time.perf_counter()
        why: dict[str, str] = {}
        field = result.field if name == "field" else result.baseline
        bands = side.task.bands(side.task.compared(side.task.probe_array(field)))
        figures = _final_scores(field, side.task, why)
        found[name] = Measured(figures=figures, why=why, bands=bands, seconds=time.perf_counter() - began)
    return found


def spectra(run: Run, result: ImageResult, metrics: dict[str, Any]) -> dict[str, Any]:
    """Power spectra of the image, the field and the plain MLP."""
    task: ImageTask = run.sides["field"].task
    arrays = {"truth": task.truth_array(), "field": task.probe_array(result.field)}
    if result.baseline is not None:
        arrays["baseline"] = task.probe_array(result.baseline)
    found = {name: power_spectrum(values, task.spacing, channels_last=True) for name, values in arrays.items()}
    spectrum = {
        "frequency": [round(float(f), 6) for f in found["truth"].frequencies],
        "unit": UNIT,
        "nyquist": task.bands.nyquist,
        **{name: [float(p) for p in one.mean] for name, one in found.items()},
    }
    return {"spectrum": spectrum}


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
