"""`nfield render`: a run's field as pictures at any resolution: an image, or views along a camera path."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.chosen import chosen_field, open_run, refuse_options
from nfield.cli.crop import Crop, crop_of
from nfield.core.checks import UserError, at_least, choice, positive
from nfield.io.cameras.path import load_camera_path
from nfield.jobs.equation.result import SolveResult
from nfield.jobs.image.outputs import reconstruction_name, render_to
from nfield.jobs.image.result import Result, blank_image, load
from nfield.jobs.views.paths import FRAMES, PATHS, path_by_name, resized
from nfield.jobs.views.products import PRODUCTS
from nfield.jobs.views.rendering import write_rendering
from nfield.jobs.views.result import ViewsResult
from nfield.training.progress import choose_progress

IMAGE_ONLY, VIEWS_ONLY = ("crop",), ("path", "frames", "show")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Run folder of an image or of views, finished or not."""
    out: Optional[str] = None
    """File to write: an image; of views a video (.mp4), or a new folder for one PNG per frame. Default: in the run
    folder's outputs, named rendering, or after the path."""
    zoom: float = 1.0
    """Output pixels per pixel of the input, or of a camera-path file."""
    crop: Crop = None
    """Part of the image: TOP LEFT HEIGHT WIDTH, in its pixels."""
    path: Optional[str] = None
    """Where the camera of views goes: orbit, spiral, interpolate, held-out, or a camera_path.json of nerfstudio's
    viewer. Default: orbit."""
    frames: Optional[int] = None
    """Frames of orbit, spiral or interpolate. Default: 60."""
    show: Optional[str] = None
    """What frames of views show: colour, depth, normals or opacity. Default: colour."""
    baseline: bool = False
    """Render the plain MLP instead of the field."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    overwrite: bool = False
    """Replace the file --out where it exists."""
    quiet: bool = False
    """Show no progress."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class("Options", Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="render", description=__doc__ or "")
    positive(command.zoom, "--zoom")
    open_run(command.run)
    result = load(command.run, command.device)
    if isinstance(result, Result):
        refuse_options(command, VIEWS_ONLY, "an image")
        out = _render_image(command, result)
    elif isinstance(result, ViewsResult):
        refuse_options(command, IMAGE_ONLY, "views")
        out = _render_views(command, result)
    elif isinstance(result, SolveResult):
        raise UserError(f"{command.run} is the run of an equation: its values are in outputs/solution.npz.")
    else:
        raise UserError(f"{command.run} is the run of a surface: use nfield export for its mesh.")
    sys.stdout.write(f"{out}\n")


def _render_image(command: Any, result: Result) -> Path:
    image = blank_image(result.config["image"])
    field = chosen_field(command, result)
    name = reconstruction_name(image).replace("reconstruction", "rendering")
    out = Path(command.run) / "outputs" / name if command.out is None else Path(command.out)
    if command.out is not None and out.exists() and not command.overwrite:
        raise UserError(f"'{out}' exists. Choose another --out, or say --overwrite.")
    render_to(out, field, image, zoom=command.zoom, crop=crop_of(command.crop, image))
    return out


def _render_views(command: Any, result: ViewsResult) -> Path:
    show = choice(command.show or "colour", PRODUCTS, "thing to show")
    name = command.path or "orbit"
    named = name in PATHS or not (Path(name).exists() or name.endswith(".json"))
    if command.frames is not None:
        at_least(command.frames, 1, "--frames")
        if name == "held-out" or not named:
            raise UserError(f"--frames is of no use with --path {name}, whose cameras are given. Leave it out.")
    if named:
        path = path_by_name(name, result.views, result.field.middle, command.frames or FRAMES, command.zoom)
    else:
        path = resized(load_camera_path(Path(name)), command.zoom)
    field = chosen_field(command, result)
    out = Path(command.out) if command.out is not None else _default_target(command, name, show)
    if out.suffix.lower() == ".mp4":
        if command.out is not None and out.exists() and not command.overwrite:
            raise UserError(f"'{out}' exists. Choose another --out, or say --overwrite.")
    elif out.suffix:
        raise UserError(f"--out must be a video (.mp4) or a folder for pictures, but is '{out}'.")
    elif out.exists() and (command.out is not None or not out.is_dir()):
        raise UserError(f"'{out}' exists. Choose a new folder for --out.")
    progress = choose_progress(quiet=command.quiet)
    return write_rendering(out, field, path, result.config["background"], show, progress)


def _default_target(command: Any, name: str, show: str) -> Path:
    """In the run folder: pictures of held-out views, otherwise a video."""
    stem = Path(name).stem + ("" if show == "colour" else f"-{show}")
    outputs = Path(command.run) / "outputs"
    return outputs / f"rendering-{stem}" if name == "held-out" else outputs / f"rendering-{stem}.mp4"
