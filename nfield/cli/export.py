"""`nfield export`: the mesh of a surface run, at any resolution and in any format, in the units of its input."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.core.checks import UserError
from nfield.core.device import choose_device
from nfield.experiments.result import load
from nfield.experiments.surface_mesh import mesh_of
from nfield.experiments.surface_options import LARGEST_RESOLUTION
from nfield.experiments.surface_result import SurfaceResult
from nfield.io.meshes import check_mesh_path, save_mesh


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Folder of a surface run, finished or not."""
    out: str = "mesh.ply"
    """File to write: .ply, .obj, .glb, .stl or .off."""
    resolution: Optional[int] = None
    """Cells along the longest edge. Default: the run's own."""
    level: float = 0.0
    """Distance from the surface, in input units: above zero a shell around it, below inside it."""
    faces: Optional[int] = None
    """Reduce the mesh to about so many faces."""
    open: bool = False
    """Cut the surface off where no points are near."""
    baseline: bool = False
    """Export the plain MLP instead of the field."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    overwrite: bool = False
    """Replace --out where it exists."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class("Options", Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="export", description=__doc__ or "")
    check_mesh_path(command.out)
    if Path(command.out).exists() and not command.overwrite:
        raise UserError(f"'{command.out}' exists. Choose another --out, or say --overwrite.")
    if command.resolution is not None and not 8 <= command.resolution <= LARGEST_RESOLUTION:
        raise UserError(f"--resolution must lie between 8 and {LARGEST_RESOLUTION} cells, but is {command.resolution}.")
    choose_device(command.device)
    result = load(command.run, command.device)
    if not isinstance(result, SurfaceResult):
        raise UserError(f"{command.run} is the run of an image, which has no mesh: use nfield render.")
    field = result.baseline if command.baseline else result.field
    if field is None:
        raise UserError(f"{command.run} holds no baseline: it was run with --no-baseline, or has not come to it yet.")
    meshed = mesh_of(
        field,
        result.extent(),
        resolution=command.resolution or result.metrics.get("resolution"),
        open_surface=command.open,
        faces=command.faces,
        level=command.level,
    )
    for note in meshed.notes:
        sys.stderr.write(f"{note}\n")
    if meshed.mesh is None:
        raise AssertionError("a surface that is not there is refused before")
    save_mesh(command.out, meshed.mesh)
    sys.stdout.write(f"{command.out}\n")
