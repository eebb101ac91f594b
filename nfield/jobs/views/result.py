"""What a views run returns, and how it is opened again from its folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.checks import UserError
from nfield.core.device import choose_device
from nfield.core.lens import Lens
from nfield.core.types import Band
from nfield.core.views import View, ViewSet
from nfield.fields.scene import SceneField, ViewFrame
from nfield.io.run_folder import RunFolder
from nfield.jobs.bands import final_bands
from nfield.jobs.views.cameras import write_cameras
from nfield.jobs.views.outputs import write_held_out, write_orbit
from nfield.jobs.views.recipe import build_radiance


@dataclasses.dataclass(kw_only=True, eq=False)
class ViewsResult:
    """A fitted radiance field with its history and figures."""

    field: SceneField
    config: dict[str, Any]
    history: list[dict[str, Any]]
    metrics: dict[str, Any]
    views: ViewSet
    """The views that were fitted; of an opened run their cameras alone."""
    baseline: SceneField | None = None
    folder: Path | None = None

    @property
    def bands(self) -> list[Band]:
        """The final error of every band."""
        return final_bands(self.metrics)

    def save(self, directory: str | Path) -> Path:
        """Write a run folder on which every command works; an existing run is never overwritten."""
        fields = {"field": self.field.inner, "baseline": None if self.baseline is None else self.baseline.inner}
        folder = RunFolder.of_finished(directory, self.config, self.history, fields, self.metrics["steps"])
        write_cameras(folder.outputs / "cameras.json", self)
        if all(view.read is not None for view in self.views.views):
            write_held_out(folder.outputs, self)
            if self.config["options"]["frames"]:
                write_orbit(folder.outputs, self)
        folder.write_metrics(self.metrics)
        return folder.path


def load_views_run(folder: RunFolder, device: str = "cpu") -> ViewsResult:
    """Open the folder of a views run, finished or not."""
    config = folder.read_config()
    place = choose_device(device)
    entries: dict[str, Any] = config["frame"]
    known: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in entries.items()}
    frame = ViewFrame(**known)
    found: dict[str, SceneField | None] = {"field": None, "baseline": None}
    for name, key in (("field", "recipe"), ("baseline", "baseline_recipe")):
        if not config.get(key) or not folder.has_checkpoint(name):
            continue
        _, state = folder.load_weights(name)
        module = build_radiance(config[key], config["seed"], config["views"]["train"])
        module.load_state_dict(state)
        found[name] = SceneField(module, frame).to(place).eval()
    if found["field"] is None:
        raise UserError(f"{folder.path} holds no checkpoint yet: let the run go on, or continue it with --resume.")
    cameras = tuple(
        View(
            name=camera["name"],
            camera_to_world=np.array(camera["camera_to_world"], dtype=np.float64),
            lens=Lens(**{**camera["lens"], "distortion": tuple(camera["lens"]["distortion"])}),
            split=camera["split"],
        )
        for camera in config["cameras"]
    )
    up = config.get("up")
    return ViewsResult(
        field=found["field"],
        baseline=found["baseline"],
        config=config,
        history=folder.read_history(),
        metrics=folder.read_metrics() or {},
        views=ViewSet(
            views=cameras, source=config["source"], up=None if up is None else np.array(up, dtype=np.float64)
        ),
        folder=folder.path,
    )
