"""`nfield export`: the mesh of a surface or of views, or the points that these show, in the units of the input."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.opened import opened
from nfield.core.checks import UserError, at_least
from nfield.core.limits import LARGEST_RESOLUTION


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
    kind = options_class(Command, run=Annotated[str, tyro.conf.Positional])
    command: Any = parse(kind, arguments, verb="export", description=__doc__ or "")
    from nfield.core.device import choose_device
    from nfield.io.geometry.clouds import check_cloud_path
    from nfield.io.geometry.meshes import check_mesh_path

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
    job, result = opened(command, "export")
    sys.stdout.write(f"{job.export(command, result)}\n")
