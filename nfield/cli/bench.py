"""`nfield bench`: measured comparisons with peers on this machine."""

import dataclasses
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import tyro

from nfield.bench.images.outputs import new_folder, text_table, write_outputs
from nfield.bench.images.suite import ImageBenchOptions, bench_image
from nfield.bench.meshes.suite import MeshBenchOptions, bench_mesh
from nfield.bench.meshes.table import markdown as mesh_markdown
from nfield.bench.views.suite import ViewsBenchOptions, bench_views
from nfield.cli.arguments import options_class, parse
from nfield.core.checks import UserError, choice, finite_or_none
from nfield.core.device import choose_device
from nfield.io.geometry.meshes import load_mesh
from nfield.io.images.images import load_image
from nfield.jobs.image.source import camera
from nfield.jobs.views.source import opened_scene
from nfield.scenes.scene_files import DEFAULT_SCENE
from nfield.training.progress import choose_progress

IMAGE_DESCRIPTION = (
    "Fit images with nfield's default and with plain-PyTorch peers, each for the same wall time on this machine: PSNR "
    "at 2, 5, 10 and 30 s and time to 25, 30, 35 and 40 dB, as a table, bench.json, bench.png and bench.md."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageCommand:
    """What the image suite takes beyond its options."""

    images: tuple[str, ...] = ()
    """Image files. Default: scikit-image's camera."""
    out: Optional[str] = None
    """New or empty folder to write. Default: a new folder runs/bench-image."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print bench.json on stdout, and nothing else there."""


def image_suite(arguments: Sequence[str]) -> None:
    """Run `nfield bench image`."""
    positional = Annotated[tuple[str, ...], tyro.conf.Positional]
    kind = options_class(ImageCommand, ImageBenchOptions, images=positional)
    given: Any = parse(kind, arguments, verb="bench image", description=IMAGE_DESCRIPTION)
    options = ImageBenchOptions(**{f.name: getattr(given, f.name) for f in dataclasses.fields(ImageBenchOptions)})
    choose_device(options.device)
    images = [load_image(path) for path in given.images] or [camera()]
    folder = new_folder(given.out)
    found = bench_image(
        images,
        options,
        command=shlex.join(["nfield", "bench", "image", *arguments]),
        progress=choose_progress(quiet=given.quiet),
    )
    write_outputs(folder, found)
    if given.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write(f"{text_table(found)}\n{folder / 'bench.md'}\n")


MESH_DESCRIPTION = (
    "Scan true meshes, reconstruct the scans with nfield's default and with screened Poisson at its best depth (of "
    "Open3D, and of MeshLab where pymeshlab is installed), and compare all with the truth: a table, bench.json, "
    "bench.md, and a picture of each scan's surfaces and errors."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeshCommand:
    """What the mesh suite takes beyond its options."""

    meshes: tuple[str, ...] = ()
    """True meshes: PLY, OBJ, STL, GLB or OFF."""
    out: Optional[str] = None
    """New or empty folder to write. Default: a new folder runs/bench-mesh."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print bench.json on stdout, and nothing else there."""


def mesh_suite(arguments: Sequence[str]) -> None:
    """Run `nfield bench mesh`."""
    positional = Annotated[tuple[str, ...], tyro.conf.Positional]
    kind = options_class(MeshCommand, MeshBenchOptions, meshes=positional)
    given: Any = parse(kind, arguments, verb="bench mesh", description=MESH_DESCRIPTION)
    options = MeshBenchOptions(**{f.name: getattr(given, f.name) for f in dataclasses.fields(MeshBenchOptions)})
    if not given.meshes:
        raise UserError("nfield bench mesh needs true meshes to scan: nfield bench mesh spot.obj bunny.ply")
    meshes = [dataclasses.replace(load_mesh(path), source=Path(path).stem) for path in given.meshes]
    folder = new_folder(given.out, "mesh")
    shown = [Path(word).name if word in given.meshes else word for word in arguments]
    command = shlex.join(["nfield", "bench", "mesh", *shown])
    found = bench_mesh(meshes, options, folder=folder, command=command, progress=choose_progress(quiet=given.quiet))
    if given.json:
        sys.stdout.write(json.dumps(finite_or_none(found)) + "\n")
    else:
        sys.stdout.write(f"{mesh_markdown(found)}\n{folder / 'bench.md'}\n")


VIEWS_DESCRIPTION = (
    "Fit radiance fields to toy scenes or posed images with nfield's default, a positional MLP and a plain MLP, "
    "each for the same times of training: PSNR of held-out views, rays and samples per second and peak memory, as a "
    "table, bench.json, bench.md and pictures."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewsCommand:
    """What the views suite takes beyond its options."""

    scenes: tuple[str, ...] = ()
    """Toy scenes by name or file, or folders of posed images. Default: the toy scene checkered-sphere."""
    out: Optional[str] = None
    """New or empty folder to write. Default: a new folder runs/bench-views."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print bench.json on stdout, and nothing else there."""


def views_suite(arguments: Sequence[str]) -> None:
    """Run `nfield bench views`."""
    positional = Annotated[tuple[str, ...], tyro.conf.Positional]
    kind = options_class(ViewsCommand, ViewsBenchOptions, scenes=positional)
    given: Any = parse(kind, arguments, verb="bench views", description=VIEWS_DESCRIPTION)
    options = ViewsBenchOptions(**{f.name: getattr(given, f.name) for f in dataclasses.fields(ViewsBenchOptions)})
    choose_device(options.device)
    scenes = list(dict.fromkeys(given.scenes)) or [DEFAULT_SCENE]
    for scene in scenes:
        opened_scene(scene)
    folder = new_folder(given.out, "views")
    shown = [Path(word).name if word in given.scenes else word for word in arguments]
    command = shlex.join(["nfield", "bench", "views", *shown])
    found = bench_views(scenes, options, folder=folder, command=command, progress=choose_progress(quiet=given.quiet))
    if given.json:
        sys.stdout.write(json.dumps(finite_or_none(found)) + "\n")
    else:
        sys.stdout.write(f"{(folder / 'bench.md').read_text()}\n{folder / 'bench.md'}\n")


SUITES: dict[str, Callable[[Sequence[str]], None]] = {
    "image": image_suite,
    "mesh": mesh_suite,
    "views": views_suite,
}


def main(arguments: Sequence[str]) -> None:
    """Run the suite that the first argument names."""
    if not arguments:
        raise UserError(f"nfield bench needs the name of a suite: {', '.join(SUITES)}.")
    if arguments[0] in ("-h", "--help"):
        sys.stdout.write(
            "usage: nfield bench SUITE ...\n\nMeasure against peers on this machine.\n\n"
            f"suites: {', '.join(SUITES)}\n\n'nfield bench SUITE --help' lists a suite's options.\n"
        )
        return
    SUITES[choice(arguments[0], SUITES, "suite")](arguments[1:])
