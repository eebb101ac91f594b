"""The final figures of a views run, metrics.json, and the pictures that they were measured on."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import finite_or_none
from nfield.core.views import View
from nfield.experiments.band_figures import THRESHOLD, band_entries
from nfield.fields.scene import Picture, SceneField
from nfield.metrics.image import SSIM_TOO_SMALL, psnr_from_mse, ssim
from nfield.spectral.order import order_spearman
from nfield.tasks.radiance import OPAQUE, RadianceTask
from nfield.tasks.view_pixels import over
from nfield.training.loop import TrainingResult

if TYPE_CHECKING:
    from nfield.experiments.views_result import ViewsResult

UNIT = "cycles/side"
NO_HELD_OUT = "no view is held out: the views that were trained on are measured"


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """One view as it is, and as the fields see it."""

    view: View
    truth: Float[np.ndarray, "height width 3"]
    picture: Picture
    baseline: Picture | None


def views_metrics(
    result: "ViewsResult", task: RadianceTask, trained: TrainingResult, baseline: TrainingResult | None
) -> tuple[dict[str, Any], list[Shown]]:
    """All keys of metrics.json, the baseline's under `baseline`; and the held-out views."""
    if result.views is None:
        raise AssertionError("figures are made where the views are at hand")
    views = result.views.of("test") or result.views.of("train")
    red, green, blue = result.config["background"]
    background = (red, green, blue)
    truths = [over(view.pixels(), background) for view in views]
    pictures, seconds = _pictures(result.field, views, background)
    metrics = _figures(task, trained, views, truths, pictures)
    metrics["parameters"] = result.field.count_parameters()
    metrics["seconds_per_view"] = seconds / len(views)
    common = {"device": result.config["device"], "seed": result.config["seed"]}
    metrics.update(common)
    others: list[Picture | None] = [None] * len(views)
    metrics["baseline"] = None
    if baseline is None or result.baseline is None:
        metrics["why"]["baseline"] = "not asked for (--no-baseline)"
    else:
        plain, seconds = _pictures(result.baseline, views, background)
        metrics["baseline"] = {
            **_figures(task, baseline, views, truths, plain),
            "parameters": result.baseline.count_parameters(),
            "seconds_per_view": seconds / len(views),
            "learning_rate": result.config["baseline_recipe"]["learning_rate"],
            **common,
        }
        others = list(plain)
    if not result.views.of("test"):
        metrics["why"]["psnr"] = metrics["why"]["ssim"] = NO_HELD_OUT
    shown = [
        Shown(view=view, truth=truth, picture=picture, baseline=other)
        for view, truth, picture, other in zip(views, truths, pictures, others, strict=True)
    ]
    return finite_or_none(metrics), shown


def _pictures(
    field: SceneField, views: tuple[View, ...], background: tuple[float, float, float]
) -> tuple[list[Picture], float]:
    began = time.perf_counter()
    found = [field.picture(torch.from_numpy(view.camera_to_world), view.lens, background) for view in views]
    return found, time.perf_counter() - began


def _figures(
    task: RadianceTask,
    trained: TrainingResult,
    views: tuple[View, ...],
    truths: list[np.ndarray],
    pictures: list[Picture],
) -> dict[str, Any]:
    began = time.perf_counter()
    why: dict[str, str] = {}
    per_view: list[dict[str, Any]] = []
    for view, truth, picture in zip(views, truths, pictures, strict=True):
        colour = picture.colour.numpy()
        per_view.append(
            {
                "name": view.name,
                "psnr": psnr_from_mse(float(np.square(colour - truth).mean())),
                "ssim": ssim(truth, colour),
            }
        )
    similar = [entry["ssim"] for entry in per_view if entry["ssim"] is not None]
    if not similar:
        why["ssim"] = SSIM_TOO_SMALL
    lines = trained.history
    steps, errors = [line["step"] for line in lines], [line["bands"] for line in lines]
    order = order_spearman(steps, errors, task.bands.energy)
    if order.value is None:
        why["order_spearman"] = order.why or "it cannot be told"
    depth_bands = None
    if task.depth_bands is None:
        why["depth_bands"] = why["depth_error"] = "the true depths are not known"
    else:
        depths = [line["depth_bands"] for line in lines]
        depth_bands = band_entries(task.depth_bands, steps, depths, "depth has no energy in this band", UNIT)
    return {
        "task": "views",
        "seconds_fit": trained.seconds,
        "seconds_total": trained.seconds + trained.diagnostics_seconds + time.perf_counter() - began,
        "diagnostics_seconds": trained.diagnostics_seconds,
        "diagnostics_share": trained.diagnostics_seconds / max(trained.seconds, 1e-9),
        "steps": trained.steps,
        "precision": trained.precision,
        "psnr": float(np.mean([entry["psnr"] for entry in per_view])),
        "ssim": float(np.mean(similar)) if similar else None,
        "per_view": per_view,
        "bands": band_entries(task.bands, steps, errors, "the pictures have no energy in this band", UNIT),
        "band_threshold": THRESHOLD,
        "nyquist": task.bands.nyquist,
        "order_spearman": order.value,
        "depth_bands": depth_bands,
        "depth_error": _depth_error(views, pictures),
        "why": why,
    }


def _depth_error(views: tuple[View, ...], pictures: list[Picture]) -> float | None:
    """Mean absolute error of depths in the world's units, over pixels that hold something in truth and picture."""
    errors = []
    for view, picture in zip(views, pictures, strict=True):
        if view.read_depth is None:
            return None
        truth, found = view.read_depth(), picture.depth.numpy()
        both = np.isfinite(truth) & np.isfinite(found) & (picture.opacity.numpy() > OPAQUE)
        errors.append(np.abs(truth[both] - found[both]))
    together = np.concatenate(errors)
    return float(together.mean()) if len(together) else None
