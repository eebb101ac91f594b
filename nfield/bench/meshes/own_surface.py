"""nfield's default on a scan, in the process in which it is measured."""

import importlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from nfield.bench.memory import peak_mib
from nfield.bench.meshes.made import Made
from nfield.core.cloud import PointCloud
from nfield.core.device import choose_device
from nfield.jobs.run import run
from nfield.jobs.surface.options import SurfaceOptions
from nfield.jobs.surface.source import SurfaceData
from nfield.jobs.table import JOBS
from nfield.points.normals import outward_normals


def solve(points: Float64[np.ndarray, "n 3"], settings: dict[str, Any]) -> Iterator[Made]:
    """The one mesh that nfield makes within `settings["seconds"]` (None: as long as it takes) on that device."""
    device = choose_device(settings["device"])
    # What would be loaded or started on first use: the clock is for the work.
    importlib.import_module("skimage.measure")
    torch.zeros(1, device=device).cpu()
    start, began = peak_mib(), time.perf_counter()
    options = SurfaceOptions(baseline=False, seconds=settings["seconds"], device=settings["device"])
    result = run(JOBS["surface"], SurfaceData(cloud=PointCloud.from_arrays(points)), options)
    spent, peak = time.perf_counter() - began, peak_mib()
    if result.mesh is None or result.cloud is None:
        raise AssertionError("a run that returns has a mesh and points")
    # The run does not hand out its normals; they are estimated again as it does, outside the clock.
    normals = outward_normals(result.cloud.points, device=device).normals
    yield Made(
        vertices=result.mesh.vertices,
        faces=result.mesh.faces,
        points=result.cloud.points,
        normals=normals,
        seconds=spent,
        peak_mib=peak,
        start_mib=start,
    )
