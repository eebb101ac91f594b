"""`nfield render`: a run's field as an image, at any resolution, whole or in part."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Optional

import tyro

from nfield.cli.arguments import options_class, parse
from nfield.cli.crop import Crop, crop_of
from nfield.core.checks import UserError, positive
from nfield.experiments.outputs import reconstruction_name, render_to
from nfield.experiments.result import Result, blank_image, load


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes."""

    run: str = ""
    """Run folder, finished or not."""
    out: Optional[str] = None
    """Image file to write. Default: outputs/rendering in the run folder."""
    zoom: float = 1.0
    """Output pixels per pixel of the fitted image."""
    crop: Crop = None
    """Part of the image: TOP LEFT HEIGHT WIDTH, in its pixels."""
    baseline: bool = False
    """Render the plain MLP instead of the field."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    overwrite: bool = False
    """Replace --out where it exists."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    kind = options_class("Options", Command, run=Annotated[str, tyro.conf.Positional])
    command = parse(kind, arguments, verb="render", description=__doc__ or "")
    positive(command.zoom, "--zoom")
    result = load(command.run, command.device)
    if not isinstance(result, Result):
        raise UserError(f"{command.run} is the run of a surface: use nfield export for its mesh.")
    image = blank_image(result.config["image"])
    field = result.baseline if command.baseline else result.field
    if field is None:
        raise UserError(f"{command.run} holds no baseline: it was run with --no-baseline, or has not come to it yet.")
    name = reconstruction_name(image).replace("reconstruction", "rendering")
    out = Path(command.run) / "outputs" / name if command.out is None else Path(command.out)
    if command.out is not None and out.exists() and not command.overwrite:
        raise UserError(f"'{out}' exists. Choose another --out, or say --overwrite.")
    render_to(out, field, image, zoom=command.zoom, crop=crop_of(command.crop, image))
    sys.stdout.write(f"{out}\n")
