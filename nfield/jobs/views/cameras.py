"""What a views run found out about its cameras: figures for metrics.json, and the corrected cameras as a file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from nfield.fields.scene import SceneField
from nfield.io.atomic import write_json
from nfield.jobs.views.result import ViewsResult


@torch.no_grad()
def camera_figures(field: SceneField) -> dict[str, Any] | None:
    """Median sizes of the poses' corrections and the range of exposures in stops; None where none were asked for."""
    cameras = field.inner.cameras
    if cameras is None:
        return None
    found: dict[str, Any] = {}
    if cameras.turns is not None:
        turns, shifts = cameras.motions()
        found["turn_degrees"] = float(np.median(np.degrees(Rotation.from_matrix(turns.cpu().numpy()).magnitude())))
        found["shift"] = float(shifts.norm(dim=1).median()) * field.frame.scale
    if cameras.gains is not None:
        stops = torch.log2(cameras.gain_factors()).mean(1)
        found["gain_stops"] = [float(stops.min()), float(stops.max())]
    return found


@torch.no_grad()
def write_cameras(path: Path, result: ViewsResult) -> None:
    """The corrected cameras that were trained on, as frames of a `transforms.json`: matrices in OpenGL's axes, and
    the gain of each channel.
    """
    cameras = result.field.inner.cameras
    if cameras is None:
        return
    poses = np.stack([view.camera_to_world for view in result.views.of("train")])
    if cameras.turns is not None:
        turns, shifts = (values.cpu().double().numpy() for values in cameras.motions())
        poses[:, :3, :3] = turns @ poses[:, :3, :3]
        poses[:, :3, 3] += result.field.frame.scale * shifts
    frames = [
        {"file_path": view.name, "transform_matrix": pose.tolist()}
        for view, pose in zip(result.views.of("train"), poses, strict=True)
    ]
    if cameras.gains is not None:
        for frame, gain in zip(frames, cameras.gain_factors().tolist(), strict=True):
            frame["gain"] = gain
    write_json(path, {"frames": frames})
