"""`nfield scan`: a point cloud of a mesh, as depth cameras around it would see it, with noise and gaps as wanted."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro

from nfield.cli.arguments import options_class, parse
from nfield.core.checks import UserError, at_least, choice
from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh
from nfield.io.geometry.clouds import check_cloud_path, save_cloud
from nfield.io.geometry.meshes import load_mesh
from nfield.meshing.extraction import extract_surface
from nfield.scenes.scan_options import ScanOptions
from nfield.scenes.scanner import sample_cloud, scan
from nfield.scenes.shape import Shape
from nfield.scenes.shapes import SHAPES

CELLS = 160
"""Cells along the longest edge of the box that a shape is meshed in."""

ROOM = 1.05
"""Size of this box relative to the shape's own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes beyond the scanner's options."""

    mesh: str = ""
    """Mesh to scan: PLY, OBJ, STL, GLB or OFF; or a shape: sphere, torus, box, capsule or gyroid."""
    out: str = "cloud.ply"
    """File to write: .ply, .xyz or .npz."""
    uniform: bool = False
    """Spread the points evenly over the whole surface, seen or not, with noise along all axes."""
    seed: int = 0
    """Seed of all draws."""
    overwrite: bool = False
    """Replace --out where it exists."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class(Command, ScanOptions, mesh=Annotated[str, tyro.conf.Positional])
    given: Any = parse(kind, arguments, verb="scan", description=__doc__ or "")
    options = ScanOptions(**{f.name: getattr(given, f.name) for f in dataclasses.fields(ScanOptions)})
    if given.uniform:
        _check_uniform(options)
    at_least(given.seed, 0, "--seed")
    check_cloud_path(given.out)
    if Path(given.out).exists() and not given.overwrite:
        raise UserError(f"'{given.out}' exists. Choose another --out, or say --overwrite.")
    if not given.uniform:
        # Told before a large mesh is read, where it is missing.
        open3d()
    mesh = _mesh(given.mesh)
    generator = np.random.default_rng(given.seed)
    if given.uniform:
        cloud = sample_cloud(mesh, options.points, noise=options.noise, outliers=options.outliers, generator=generator)
    else:
        cloud = scan(mesh, options, generator)
    for note in cloud.notes:
        sys.stderr.write(f"{note}\n")
    save_cloud(given.out, cloud)
    sys.stdout.write(f"{given.out}\n")


def _check_uniform(options: ScanOptions) -> None:
    """Refuse options that --uniform would leave without effect."""
    for name in (field.name for field in dataclasses.fields(ScanOptions)):
        if name not in ("points", "noise", "outliers") and getattr(options, name) != getattr(ScanOptions(), name):
            option = f"--{name.replace('_', '-')}"
            raise UserError(f"{option} is of cameras, but --uniform has none. Leave one of them out.")


def _mesh(name: str) -> Mesh:
    if not name:
        raise UserError(f"nfield scan needs a mesh: a file, or one of {', '.join(SHAPES)}.")
    if name not in SHAPES and (Path(name).suffix or Path(name).exists()):
        return load_mesh(name)
    return mesh_of_shape(SHAPES[choice(name, SHAPES, "shape")](), name)


def mesh_of_shape(shape: Shape, name: str, cells: int = CELLS) -> Mesh:
    """The surface of a shape by marching cubes; sharp edges are cut off by up to a cell."""
    low, high = shape.bounds
    grown = (ROOM - 1) / 2 * (high - low)
    # No shape is steeper than a distance: nothing of it is missed.
    mesh = extract_surface(shape, low - grown, high + grown, cells, slope=1.0, dtype=torch.float64)
    return dataclasses.replace(mesh, source=name)
