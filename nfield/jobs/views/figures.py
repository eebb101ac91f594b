"""The final figures of a views run, metrics.json, and the pictures that they were measured on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.checks import finite_or_none
from nfield.core.views import View
from nfield.fields.scene import Picture, SceneField
from nfield.jobs.bands import THRESHOLD, band_entries
from nfield.jobs.views.cameras import camera_figures
from nfield.jobs.views.pixels import over
from nfield.jobs.views.shown import shown_views
from nfield.jobs.views.task import OPAQUE, RadianceTask
from nfield.metrics.image import SSIM_TOO_SMALL, psnr_where, right_outside, ssim
from nfield.spectral.order import order_spearman
from nfield.training.loop import TrainingResult
from nfield.training.progress import Progress, counted

if TYPE_CHECKING:
    from nfield.jobs.views.result import ViewsResult

Background = tuple[float, float, float]

UNIT = "cycles/side"
NO_HELD_OUT = "no view is held out: the views that were trained on are measured"
MASKED = "the masks leave no pixel of the measured views"


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """One view as it is, and as the fields see it."""

    view: View
    truth: Float[np.ndarray, "height width 3"]
    picture: Picture
    baseline: Picture | None


class _Measured:
    """Figures of a field's pictures, view by view."""

    def __init__(self) -> None:
        self.per_view: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._depth_error, self._depths = 0.0, 0
        self.depths_known = True

    def picture(self, field: SceneField, view: View, truth: np.ndarray, background: Background) -> Picture:
        """The field's picture of a view, measured."""
        began = time.perf_counter()
        picture = field.picture(torch.from_numpy(view.camera_to_world), view.lens, background)
        self.seconds += time.perf_counter() - began
        colour, used = picture.colour.numpy(), view.used()
        self.per_view.append(
            {
                "name": view.name,
                "psnr": psnr_where(truth, colour, used),
                "ssim": ssim(truth, right_outside(truth, colour, used), used),
                "width": colour.shape[1],
                "height": colour.shape[0],
            }
        )
        if view.read_depth is None:
            self.depths_known = False
        else:
            true, found = view.read_depth(), picture.depth.numpy()
            both = np.isfinite(true) & np.isfinite(found) & (picture.opacity.numpy() > OPAQUE)
            self._depth_error += float(np.abs(true[both] - found[both]).sum())
            self._depths += int(both.sum())
        return picture

    @property
    def depth_error(self) -> float | None:
        """Mean absolute error of depths in the world's units, over pixels that hold something in truth and picture."""
        return self._depth_error / self._depths if self.depths_known and self._depths else None


def views_metrics(
    result: "ViewsResult",
    task: RadianceTask,
    trained: TrainingResult,
    baseline: TrainingResult | None,
    keep: Callable[[Shown], None] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """All keys of metrics.json, the baseline's under `baseline`. Each held-out view is handed to `keep` when seen.

    One view is in memory at a time, so that their number does not matter.
    """
    views = shown_views(result.views, result.config["options"]["held_out_side"])
    red, green, blue = result.config["background"]
    background = (red, green, blue)
    own, plain = _Measured(), _Measured()
    for view in counted(views, len(views), "measuring", progress):
        truth = over(view.pixels(), background)
        picture = own.picture(result.field, view, truth, background)
        other = None if result.baseline is None else plain.picture(result.baseline, view, truth, background)
        if keep is not None:
            keep(Shown(view=view, truth=truth, picture=picture, baseline=other))
    common = {"device": result.config["device"], "seed": result.config["seed"]}
    metrics = {**_figures(task, trained, own), "parameters": result.field.count_parameters(), **common}
    cameras = camera_figures(result.field)
    if cameras is not None:
        metrics["cameras"] = cameras
    metrics["baseline"] = None
    if baseline is None or result.baseline is None:
        metrics["why"]["baseline"] = "not asked for (--no-baseline)"
    else:
        metrics["baseline"] = {
            **_figures(task, baseline, plain),
            "parameters": result.baseline.count_parameters(),
            "learning_rate": result.config["baseline_recipe"]["learning_rate"],
            **common,
        }
    if not result.views.of("test"):
        metrics["why"]["psnr"] = metrics["why"]["ssim"] = NO_HELD_OUT
    return finite_or_none(metrics)


def _figures(task: RadianceTask, trained: TrainingResult, measured: _Measured) -> dict[str, Any]:
    why: dict[str, str] = {}
    per_view = measured.per_view
    close = [entry["psnr"] for entry in per_view if entry["psnr"] is not None]
    if not close:
        why["psnr"] = MASKED
    similar = [entry["ssim"] for entry in per_view if entry["ssim"] is not None]
    if not similar:
        why["ssim"] = SSIM_TOO_SMALL if close else MASKED
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
        "seconds_total": trained.seconds + trained.diagnostics_seconds + measured.seconds,
        "diagnostics_seconds": trained.diagnostics_seconds,
        "diagnostics_share": trained.diagnostics_seconds / max(trained.seconds, 1e-9),
        "steps": trained.steps,
        "precision": trained.precision,
        "psnr": float(np.mean(close)) if close else None,
        "ssim": float(np.mean(similar)) if similar else None,
        "per_view": per_view,
        "bands": band_entries(task.bands, steps, errors, "the pictures have no energy in this band", UNIT),
        "band_threshold": THRESHOLD,
        "nyquist": task.bands.nyquist,
        "order_spearman": order.value,
        "depth_bands": depth_bands,
        "depth_error": measured.depth_error,
        "seconds_per_view": measured.seconds / len(per_view),
        "why": why,
    }
