"""`nfield reconstruct`: a point cloud to a signed distance, and that to a mesh, beside a plain MLP, with a report."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

import numpy as np
import tyro

from nfield.backbones import BACKBONES
from nfield.cli.arguments import earlier_config, options_class, parse, read_settings, stored_options, take_settings
from nfield.cli.console import band_table
from nfield.cli.fit_image import new_folder
from nfield.core.checks import UserError, at_least
from nfield.encodings import ENCODINGS
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.meshes import check_mesh_path, load_mesh, save_mesh
from nfield.jobs.page import write_report
from nfield.jobs.surface.options import SPLINES, SURFACE_PRESETS, SurfaceOptions
from nfield.jobs.surface.run import run_surface
from nfield.training.progress import choose_progress

DESCRIPTION = (
    "Reconstruct a mesh from a point cloud by a signed distance, with or without normals, and show, band by band, "
    "which frequencies of the surface have been learned, beside a plain MLP. Without options the settings come from "
    "the points. The result is in the units and axes of the input."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes beyond the options of the run."""

    cloud: Optional[str] = None
    """Point cloud: PLY, XYZ, PTS, TXT, CSV, PCD, NPY, NPZ; or a mesh as a source of points."""
    out: Optional[str] = None
    """Run folder to write. Default: a new folder runs/NAME."""
    mesh: Optional[str] = None
    """Also write the mesh to this file: .ply, .obj, .glb, .stl or .off."""
    truth: Optional[str] = None
    """True mesh to measure against."""
    sample: Optional[int] = None
    """Of a mesh as input: draw so many points by area, instead of its vertices."""
    sample_noise: float = 0.0
    """Noise added to these, as a share of the diagonal."""
    config: Optional[str] = None
    """JSON file with options, such as a run's config.json; options on the command line win."""
    resume: bool = False
    """Continue the run in --out, with its own options."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there."""


def read_options(arguments: Sequence[str]) -> tuple[Command, SurfaceOptions]:
    """The command's own fields and the run's options; those of --config or of the run to resume come first."""
    rest, encoding_settings = take_settings(arguments, "encoding")
    rest, backbone_settings = take_settings(rest, "backbone")
    leave_out = ("encoding_settings", "backbone_settings")
    choices: dict[str, Iterable[str]] = {
        "preset": [SPLINES, *SURFACE_PRESETS],
        "encoding": ENCODINGS,
        "backbone": BACKBONES,
    }
    positional = tyro.conf.Positional[Optional[str]]
    kind = options_class("Options", Command, SurfaceOptions, leave_out=leave_out, choices=choices, cloud=positional)
    given = parse(kind, rest, verb="reconstruct", description=DESCRIPTION)
    earlier = earlier_config(given.config, given.resume, given.out)
    stored = stored_options(earlier, SurfaceOptions)
    if earlier:
        defaults = dataclasses.replace(kind(), **{k: v for k, v in stored.items() if k not in leave_out})
        given = parse(kind, rest, verb="reconstruct", description=DESCRIPTION, default=defaults)
        given = dataclasses.replace(
            given, cloud=given.cloud or earlier.get("source"), truth=given.truth or earlier.get("truth")
        )
    values = {f.name: getattr(given, f.name) for f in dataclasses.fields(SurfaceOptions) if f.name not in leave_out}
    network = SurfaceOptions(**values).network
    for part, table, taken in (
        ("encoding", ENCODINGS, encoding_settings),
        ("backbone", BACKBONES, backbone_settings),
    ):
        if taken and network is None:
            raise UserError(f"--{part}.… needs a network: name a --preset other than {SPLINES}, or an --{part}.")
        own = read_settings(table, getattr(network, part), taken, part) if network is not None else {}
        values[f"{part}_settings"] = {**stored.get(f"{part}_settings", {}), **own}
    command = Command(**{f.name: getattr(given, f.name) for f in dataclasses.fields(Command)})
    return command, SurfaceOptions(**values)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    command, options = read_options(arguments)
    if command.cloud is None:
        raise UserError("nfield reconstruct needs a point cloud: nfield reconstruct scan.ply")
    if command.mesh is not None:
        check_mesh_path(command.mesh)
        if Path(command.mesh).exists():
            raise UserError(f"'{command.mesh}' exists. Choose another name for --mesh.")
    if command.sample is not None:
        at_least(command.sample, 4, "--sample")
    at_least(command.sample_noise, 0, "--sample-noise")
    draw = np.random.default_rng(options.seed)
    cloud = load_cloud(command.cloud, sample=command.sample, noise=command.sample_noise, generator=draw)
    truth = None if command.truth is None else load_mesh(command.truth)
    out = new_folder(command.cloud) if command.out is None else Path(command.out)
    progress = choose_progress(quiet=command.quiet)
    result = run_surface(
        cloud,
        options,
        truth=truth,
        out=out,
        resume=command.resume,
        progress=progress,
    )
    if command.mesh is not None and result.mesh is not None:
        save_mesh(command.mesh, result.mesh)
    # The report reads the run folder: a mesh of millions of faces need not be in memory twice.
    del result, cloud, truth
    report = write_report(out)
    if command.json:
        sys.stdout.write((out / "metrics.json").read_text())
    else:
        sys.stdout.write(band_table(json.loads((out / "metrics.json").read_text())))
        sys.stdout.write(f"\nMesh:   {command.mesh or out / 'outputs' / 'mesh.ply'}\nReport: {report}\n")
