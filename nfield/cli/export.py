"""`nfield export`: the mesh of a surface or of views, or the points that these show, in the units of the input."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.chosen import chosen_field, open_run, refuse_options
from nfield.core.checks import UserError, at_least
from nfield.core.device import choose_device
from nfield.core.mesh import Mesh
from nfield.core.seeding import generator
from nfield.fields.meshed import LARGEST_RESOLUTION, mesh_of
from nfield.fields.scene import SceneField
from nfield.fields.surface import SurfaceField
from nfield.io.geometry.clouds import check_cloud_path, save_cloud
from nfield.io.geometry.meshes import check_mesh_path, save_mesh
from nfield.jobs.equation.result import SolveResult
from nfield.jobs.image.result import Result, load
from nfield.jobs.surface.result import SurfaceResult
from nfield.jobs.views.mesh import scene_mesh
from nfield.jobs.views.points import SeenPoints, seen_points
from nfield.jobs.views.result import ViewsResult

POINTS = 500_000
"""Of a cloud, where no number is given."""
MESH_POINTS = 100_000
"""Seen points from which the surface of a radiance field is followed."""
SURFACE_ONLY, VIEWS_ONLY = ("level", "open"), ("cloud", "points")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Folder of a surface run or a views run, finished or not."""
    out: str = "mesh.ply"
    """File to write: .ply, .obj, .glb, .stl or .off; of a cloud .ply, .xyz or .npz."""
    resolution: Optional[int] = None
    """Cells of the mesh along the longest edge. Default: the run's own; of views as fine as the steps along rays."""
    level: Optional[float] = None
    """Distance from the surface, in input units: above zero a shell around it, below inside it. Default: 0."""
    faces: Optional[int] = None
    """Reduce the mesh to about so many faces."""
    open: bool = False
    """Cut the surface off where no points are near."""
    cloud: bool = False
    """Write the points that the cameras of views see, with colours and normals, instead of a mesh."""
    points: Optional[int] = None
    """Points of the cloud. Default: 500,000."""
    baseline: bool = False
    """Export the plain MLP instead of the field."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    overwrite: bool = False
    """Replace --out where it exists."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class("Options", Command, run=Annotated[str, tyro.conf.Positional])
    command: Any = parse(kind, arguments, verb="export", description=__doc__ or "")
    (check_cloud_path if command.cloud else check_mesh_path)(command.out)
    if Path(command.out).exists() and not command.overwrite:
        raise UserError(f"'{command.out}' exists. Choose another --out, or say --overwrite.")
    if command.resolution is not None and not 8 <= command.resolution <= LARGEST_RESOLUTION:
        raise UserError(f"--resolution must lie between 8 and {LARGEST_RESOLUTION} cells, but is {command.resolution}.")
    if command.points is not None:
        at_least(command.points, 1, "--points")
        if not command.cloud:
            raise UserError("--points counts the points of a cloud: say --cloud too, or leave it out.")
    if command.cloud and (command.faces is not None or command.resolution is not None):
        raise UserError("A cloud has neither --faces nor a --resolution. Leave them out, or leave --cloud out.")
    choose_device(command.device)
    open_run(command.run)
    result = load(command.run, command.device)
    if isinstance(result, Result):
        raise UserError(f"{command.run} is the run of an image, which has no mesh: use nfield render.")
    if isinstance(result, SolveResult):
        raise UserError(f"{command.run} is the run of an equation, which has no mesh: see outputs/solution.npz.")
    refuse_options(
        command, *((VIEWS_ONLY, "a surface") if isinstance(result, SurfaceResult) else (SURFACE_ONLY, "views"))
    )
    field = chosen_field(command, result)
    if isinstance(result, SurfaceResult):
        save_mesh(command.out, _surface(command, result, field))
    elif isinstance(result, ViewsResult) and command.cloud:
        save_cloud(command.out, _seen(result, field, command.points or POINTS).cloud(command.run))
    elif isinstance(result, ViewsResult):
        save_mesh(command.out, _scene(command, result, field))
    sys.stdout.write(f"{command.out}\n")


def _surface(command: Any, result: SurfaceResult, field: SurfaceField) -> Mesh:
    meshed = mesh_of(
        field,
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
    return meshed.mesh


def _seen(result: ViewsResult, field: SceneField, count: int) -> SeenPoints:
    return seen_points(field, result.views.of("train"), count, generator(result.config["seed"], "points"))


def _scene(command: Any, result: ViewsResult, field: SceneField) -> Mesh:
    seen = _seen(result, field, MESH_POINTS)
    mesh, notes = scene_mesh(field, seen, command.resolution, faces=command.faces)
    for note in notes:
        sys.stderr.write(f"{note}\n")
    return mesh
