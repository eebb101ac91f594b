"""The final figures of a views run, and the pictures that they were measured on."""

import time
from typing import Any

import numpy as np
import torch

from nfield.core.views import View
from nfield.fields.scene import Picture, SceneField
from nfield.jobs.figures import Measured, Series
from nfield.jobs.run import Run
from nfield.jobs.views.cameras import camera_figures
from nfield.jobs.views.outputs import Shown, ViewWriter
from nfield.jobs.views.pixels import over
from nfield.jobs.views.result import ViewsResult
from nfield.jobs.views.shown import shown_views
from nfield.jobs.views.task import OPAQUE, RadianceTask
from nfield.metrics.image import SSIM_TOO_SMALL, psnr_where, right_outside, ssim
from nfield.training.progress import counted

Background = tuple[float, float, float]

UNIT = "cycles/side"
NO_HELD_OUT = "no view is held out: the views that were trained on are measured"
NO_DEPTHS = "the true depths are not known"
MASKED = "the masks leave no pixel of the measured views"


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


def series(run: Run) -> list[Series]:
    """Errors over the bands of the pictures, and of their depths where these are known."""
    task: RadianceTask = run.known.task
    return [
        Series(errors=task.bands, unit=UNIT, silent="the pictures have no energy in this band"),
        Series(
            key="depth_bands",
            errors=task.depth_bands,
            unit=UNIT,
            silent="depth has no energy in this band",
            missing=NO_DEPTHS,
        ),
    ]


def measure(run: Run, result: ViewsResult) -> dict[str, Measured]:
    """The held-out views of each side, written as they are measured.

    One view is in memory at a time, so that their number does not matter.
    """
    views = shown_views(result.views, run.options.held_out_side)
    red, green, blue = run.known.background
    background = (red, green, blue)
    fields = {"field": result.field, "baseline": result.baseline}
    seen = {name: _Measured() for name in run.sides}
    write = None if run.folder is None else ViewWriter(run.folder.outputs, result)
    for view in counted(views, len(views), "measuring", run.progress):
        truth = over(view.pixels(), background)
        pictures = {name: one.picture(fields[name], view, truth, background) for name, one in seen.items()}
        if write is not None:
            write(Shown(view=view, truth=truth, picture=pictures["field"], baseline=pictures.get("baseline")))
    return {name: _figures(run, one) for name, one in seen.items()}


def complete(run: Run, result: ViewsResult, metrics: dict[str, Any]) -> dict[str, Any]:
    """What was found out about the cameras."""
    found: dict[str, Any] = {}
    cameras = camera_figures(result.field)
    if cameras is not None:
        found["cameras"] = cameras
    if not result.views.of("test"):
        found["why"] = dict.fromkeys(("psnr", "ssim"), NO_HELD_OUT)
    return found


def _figures(run: Run, measured: _Measured) -> Measured:
    why: dict[str, str] = {}
    per_view = measured.per_view
    close = [entry["psnr"] for entry in per_view if entry["psnr"] is not None]
    if not close:
        why["psnr"] = MASKED
    similar = [entry["ssim"] for entry in per_view if entry["ssim"] is not None]
    if not similar:
        why["ssim"] = SSIM_TOO_SMALL if close else MASKED
    if run.known.task.depth_bands is None:
        why["depth_error"] = NO_DEPTHS
    figures = {
        "psnr": float(np.mean(close)) if close else None,
        "ssim": float(np.mean(similar)) if similar else None,
        "per_view": per_view,
        "depth_error": measured.depth_error,
        "seconds_per_view": measured.seconds / len(per_view),
    }
    return Measured(figures=figures, why=why, seconds=measured.seconds)
