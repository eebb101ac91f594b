"""Files and pictures of a surface run."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.libraries import open3d
from nfield.core.limits import Up
from nfield.core.mesh import Mesh
from nfield.fields.meshed import mesh_of
from nfield.io.geometry.clouds import save_cloud
from nfield.io.geometry.meshes import save_mesh
from nfield.jobs.result import chosen_field
from nfield.jobs.surface.result import SurfaceResult
from nfield.meshing.extraction import extract_surface
from nfield.meshing.project import vertex_normals
from nfield.points.prepare import Prepared
from nfield.rendering.mesh_views import mesh_cameras, render_mesh
from nfield.training.progress import Progress

PICTURE_SIDE = 160
PICTURE_CELLS = 72
"""Cells of the mesh that a snapshot shows."""
PICTURE_EDGE = 0.6
"""Half the edge of the box that it looks into, in extents."""
MOST_POINTS = 200_000
"""Points kept in the run folder."""


def picture_of(network: Any, prepared: Prepared, device: torch.device, up: Up) -> np.ndarray | None:
    """A small shaded picture of the zeros of a network; None where it has none yet, or open3d is missing."""
    half = np.full(3, PICTURE_EDGE)
    try:
        open3d()
        field = lambda points: network(points)[..., 0]  # noqa: E731
        mesh = extract_surface(field, -half, half, PICTURE_CELLS, device=device)
    except UserError:
        return None
    mesh = replace(mesh, normals=vertex_normals(mesh))
    points = prepared.sample.points[:: max(1, prepared.cloud.count // 2000)].cpu().numpy().astype(np.float64)
    frame = Mesh(vertices=points, faces=np.arange(len(points) // 3 * 3, dtype=np.int64).reshape(-1, 3))
    return render_mesh(mesh, mesh_cameras(frame, up=up)[0], PICTURE_SIDE)


def write_outputs(
    result: SurfaceResult, outputs: Path, progress: Progress | None = None, *, measured: bool = False
) -> None:
    """Write the mesh, those of baseline, peer and truth, and the points."""
    outputs.mkdir(parents=True, exist_ok=True)
    for name, mesh in (
        ("mesh", result.mesh),
        ("baseline", result.baseline_mesh),
        ("poisson", result.poisson),
        ("truth", result.truth),
    ):
        if mesh is not None:
            save_mesh(outputs / f"{name}.ply", mesh)
    if result.cloud is not None:
        stride = -(-result.cloud.count // MOST_POINTS)
        kept = result.cloud if stride == 1 else result.cloud.take(np.arange(0, result.cloud.count, stride))
        save_cloud(outputs / "points.ply", kept)


def export(command: Any, result: SurfaceResult) -> Path:
    """`nfield export` of a surface."""
    meshed = mesh_of(
        chosen_field(command, result),
        result.extent(),
        resolution=command.resolution or result.metrics.get("resolution"),
        open_surface=command.open,
        faces=command.faces,
        level=command.level or 0.0,
    )
    for note in meshed.notes:
        sys.stderr.write(f"{note}\n")
    if meshed.mesh is None:
        raise AssertionError("a surface that is not there is refused before")
    save_mesh(command.out, meshed.mesh)
    return Path(command.out)
