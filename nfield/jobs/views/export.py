"""`nfield export` of views: their surface as a mesh, or the points that cameras see."""

import sys
from pathlib import Path
from typing import Any

from nfield.core.seeding import generator
from nfield.fields.scene import SceneField
from nfield.io.geometry.clouds import save_cloud
from nfield.io.geometry.meshes import save_mesh
from nfield.jobs.result import chosen_field
from nfield.jobs.views.mesh import scene_mesh
from nfield.jobs.views.points import SeenPoints, seen_points
from nfield.jobs.views.result import ViewsResult

POINTS = 500_000
"""Of a cloud, where no number is given."""
MESH_POINTS = 100_000
"""Seen points from which the surface of a radiance field is followed."""


def export(command: Any, result: ViewsResult) -> Path:
    """Write the mesh, or with --cloud the points."""
    field = chosen_field(command, result)
    if command.cloud:
        save_cloud(command.out, _seen(result, field, command.points or POINTS).cloud(command.run))
    else:
        mesh, notes = scene_mesh(field, _seen(result, field, MESH_POINTS), command.resolution, faces=command.faces)
        for note in notes:
            sys.stderr.write(f"{note}\n")
        save_mesh(command.out, mesh)
    return Path(command.out)


def _seen(result: ViewsResult, field: SceneField, count: int) -> SeenPoints:
    return seen_points(field, result.views.of("train"), count, generator(result.config["seed"], "points"))
