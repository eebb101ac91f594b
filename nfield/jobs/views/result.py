"""What a views run returns."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from nfield.core.lens import Lens
from nfield.core.views import View, ViewSet
from nfield.jobs.result import Result


@dataclasses.dataclass(kw_only=True, eq=False)
class ViewsResult(Result):
    """A radiance field fitted to posed images."""

    views: ViewSet
    """The views that were fitted; of an opened run their cameras alone."""


def reopened(folder: Any, config: Mapping[str, Any], trust: Any) -> dict[str, Any]:
    """The cameras of a run folder."""
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
    return {
        "views": ViewSet(
            views=cameras, source=config["source"], up=None if up is None else np.array(up, dtype=np.float64)
        )
    }
