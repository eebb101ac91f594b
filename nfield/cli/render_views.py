"""`nfield render-views`: a toy scene or posed photographs to a radiance field and views nobody took, with a report."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, Optional

import tyro

from nfield.backbones import BACKBONES
from nfield.cli.arguments import earlier_config, options_class, parse, read_settings, stored_options, take_settings
from nfield.cli.console import band_table
from nfield.cli.fit_image import new_folder
from nfield.encodings import ENCODINGS
from nfield.jobs.page import write_report
from nfield.jobs.views.options import VIEWS_PRESETS, ViewsOptions
from nfield.jobs.views.run import run_views
from nfield.jobs.views.source import open_views
from nfield.training.progress import choose_progress

DESCRIPTION = (
    "Fit a radiance field to a toy scene or to posed photographs and render views nobody took, and show, band by band, "
    "what it has learned of the held-out ones, beside a plain MLP on raw coordinates. Without options the settings "
    "come from the pictures. Depths and cameras are in the units and axes of the input."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes beyond the options of the run."""

    scene: Optional[str] = None
    """Toy scene by name or file (.yaml), or posed photographs: a folder or file of Blender, nerfstudio, instant-ngp
    or COLMAP. Default: the toy scene checkered-sphere."""
    out: Optional[str] = None
    """Run folder to write. Default: a new folder runs/NAME."""
    size: int = 100
    """Pixels along a side of a toy scene's pictures."""
    train: int = 50
    """Views of a toy scene to learn from."""
    test: int = 10
    """Views of a toy scene that are held out."""
    rig: str = "hemisphere"
    """Where a toy scene's cameras stand: hemisphere, orbit, forward-facing or random."""
    downscale: float = 1.0
    """Make photographs this many times smaller along each side."""
    skip_missing: bool = False
    """Leave out frames whose picture is missing, instead of stopping."""
    convention: Literal["opengl", "opencv"] = "opengl"
    """Axes of the cameras in transforms.json: opengl (x right, y up, looking along -z) or opencv (y down, along +z)."""
    image_path: Optional[str] = None
    """Folder of a COLMAP model's pictures. Default: images beside the model."""
    config: Optional[str] = None
    """JSON file with options, such as a run's config.json; options on the command line win."""
    resume: bool = False
    """Continue the run in --out, with its own options."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there."""


SOURCE_OPTIONS = ("scene", "size", "train", "test", "rig", "downscale", "skip_missing", "convention", "image_path")
"""What tells which views a run has: kept in config.json, so that a run that is resumed has the same."""


def read_options(arguments: Sequence[str]) -> tuple[Command, ViewsOptions]:
    """The command's own fields and the run's options; those of --config or of the run to resume come first."""
    rest, encoding_settings = take_settings(arguments, "encoding")
    rest, backbone_settings = take_settings(rest, "backbone")
    leave_out = ("encoding_settings", "backbone_settings")
    choices: dict[str, Iterable[str]] = {"preset": VIEWS_PRESETS, "encoding": ENCODINGS, "backbone": BACKBONES}
    positional = tyro.conf.Positional[Optional[str]]
    kind = options_class("Options", Command, ViewsOptions, leave_out=leave_out, choices=choices, scene=positional)
    given = parse(kind, rest, verb="render-views", description=DESCRIPTION)
    earlier = earlier_config(given.config, given.resume, given.out)
    stored = stored_options(earlier, ViewsOptions)
    if earlier:
        kept = {**{k: v for k, v in stored.items() if k not in leave_out}, **earlier.get("source_options", {})}
        given = parse(
            kind, rest, verb="render-views", description=DESCRIPTION, default=dataclasses.replace(kind(), **kept)
        )
    values = {f.name: getattr(given, f.name) for f in dataclasses.fields(ViewsOptions) if f.name not in leave_out}
    parts = ViewsOptions(**values).parts
    for part, table, taken in (
        ("encoding", ENCODINGS, encoding_settings),
        ("backbone", BACKBONES, backbone_settings),
    ):
        own = read_settings(table, getattr(parts, part), taken, part)
        values[f"{part}_settings"] = {**stored.get(f"{part}_settings", {}), **own}
    command = Command(**{f.name: getattr(given, f.name) for f in dataclasses.fields(Command)})
    return command, ViewsOptions(**values)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    command, options = read_options(arguments)
    source = {name: getattr(command, name) for name in SOURCE_OPTIONS}
    views = open_views(command.scene, seed=options.seed, **{k: v for k, v in source.items() if k != "scene"})
    out = new_folder(views.source) if command.out is None else Path(command.out)
    progress = choose_progress(quiet=command.quiet)
    run_views(views, options, out=out, resume=command.resume, progress=progress, source_options=source)
    report = write_report(out)
    if command.json:
        sys.stdout.write((out / "metrics.json").read_text())
    else:
        sys.stdout.write(band_table(json.loads((out / "metrics.json").read_text())))
        sys.stdout.write(f"\nReport: {report}\n")
