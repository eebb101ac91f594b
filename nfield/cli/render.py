"""`nfield render`: a run's field as pictures at any resolution: an image, or views along a camera path."""

import dataclasses
import sys
from collections.abc import Sequence
from typing import Annotated, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.opened import opened
from nfield.core.checks import positive
from nfield.jobs.image.source import Crop


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
    kind = options_class(Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="render", description=__doc__ or "")
    positive(command.zoom, "--zoom")
    job, result = opened(command, "render")
    sys.stdout.write(f"{job.render(command, result)}\n")
