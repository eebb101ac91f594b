"""`nfield fit-image`: an image to a field, beside a plain MLP, with a report."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

import tyro

from nfield.backbones import BACKBONES
from nfield.cli.arguments import earlier_config, options_class, parse, read_settings, stored_options, take_settings
from nfield.cli.console import band_table
from nfield.cli.crop import Crop, crop_of
from nfield.core.checks import positive
from nfield.core.image import Image
from nfield.encodings import ENCODINGS
from nfield.io.images.images import load_image, load_mask
from nfield.jobs.image.options import ImageOptions
from nfield.jobs.image.outputs import reconstruction_name, render_to
from nfield.jobs.image.recipe import PRESETS, parts
from nfield.jobs.image.run import run_image
from nfield.jobs.page import write_report
from nfield.training.progress import choose_progress

DESCRIPTION = (
    "Fit a coordinate network to an image and show, band by band, which frequencies it has learned, beside a plain "
    "MLP. Without options the settings come from the image. Settings of parts are given with dots: "
    "--encoding.features 2, --backbone.width 128."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """What the command takes beyond the options of the run."""

    image: Optional[str] = None
    """Image file: PNG, JPEG, TIFF, NPY and all else that imageio reads. Default: scikit-image's camera."""
    out: Optional[str] = None
    """Run folder to write. Default: a new folder runs/NAME."""
    mask: Optional[str] = None
    """Image of the same size: fit only where it is white, and fill in the rest."""
    config: Optional[str] = None
    """JSON file with options, such as a run's config.json; options on the command line win."""
    resume: bool = False
    """Continue the run in --out, with its own options."""
    zoom: float = 1.0
    """Also write outputs/rendering at so many pixels per image pixel."""
    crop: Crop = None
    """Part of the image for that rendering: TOP LEFT HEIGHT WIDTH, in pixels."""
    quiet: bool = False
    """Show no progress."""
    json: bool = False
    """Print metrics.json on stdout, and nothing else there."""


def camera() -> Image:
    """The photograph that scikit-image brings along (CC0)."""
    from skimage import data

    return Image.from_array(data.camera(), source="camera")


def read_options(arguments: Sequence[str]) -> tuple[Command, ImageOptions]:
    """The command's own fields and the run's options; those of --config or of the run to resume come first."""
    rest, encoding_settings = take_settings(arguments, "encoding")
    rest, backbone_settings = take_settings(rest, "backbone")
    positional = tyro.conf.Positional[Optional[str]]
    leave_out = ("encoding_settings", "backbone_settings")
    choices: dict[str, Iterable[str]] = {"preset": PRESETS, "encoding": ENCODINGS, "backbone": BACKBONES}
    kind = options_class("Options", Command, ImageOptions, leave_out=leave_out, choices=choices, image=positional)
    given = parse(kind, rest, verb="fit-image", description=DESCRIPTION)
    earlier = earlier_config(given.config, given.resume, given.out)
    if earlier:
        stored = stored_options(earlier, ImageOptions)
        defaults = dataclasses.replace(kind(), **{k: v for k, v in stored.items() if k not in leave_out})
        given = parse(kind, rest, verb="fit-image", description=DESCRIPTION, default=defaults)
        if given.image is None and earlier.get("source") not in (None, "camera"):
            given = dataclasses.replace(given, image=earlier["source"])
        if given.mask is None and earlier.get("mask"):
            given = dataclasses.replace(given, mask=earlier["mask"])
    else:
        stored = {}
    names = parts(given.preset, given.encoding, given.backbone, given.holdout)
    values = {f.name: getattr(given, f.name) for f in dataclasses.fields(ImageOptions) if f.name not in leave_out}
    values["encoding_settings"] = {
        **stored.get("encoding_settings", {}),
        **read_settings(ENCODINGS, names.encoding, encoding_settings, "encoding"),
    }
    values["backbone_settings"] = {
        **stored.get("backbone_settings", {}),
        **read_settings(BACKBONES, names.backbone, backbone_settings, "backbone"),
    }
    own = Command(**{f.name: getattr(given, f.name) for f in dataclasses.fields(Command)})
    return own, ImageOptions(**values)


def new_folder(source: str) -> Path:
    """A folder runs/NAME that does not exist yet."""
    stem = Path(source).stem or "image"
    folder, number = Path("runs") / stem, 2
    while folder.exists():
        folder, number = Path("runs") / f"{stem}-{number}", number + 1
    return folder


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    command, options = read_options(arguments)
    positive(command.zoom, "--zoom")
    image = camera() if command.image is None else load_image(command.image)
    crop = crop_of(command.crop, image)
    mask = None if command.mask is None else load_mask(command.mask, image.height, image.width)
    out = new_folder(image.source) if command.out is None else Path(command.out)
    progress = choose_progress(quiet=command.quiet)
    if not command.quiet:
        for note in image.notes:
            progress.message(f"{image.source}: {note}")
    result = run_image(
        image, options, mask=mask, mask_source=command.mask, out=out, resume=command.resume, progress=progress
    )
    if command.zoom != 1 or crop is not None:
        name = reconstruction_name(image).replace("reconstruction", "rendering")
        render_to(out / "outputs" / name, result.field, image, zoom=command.zoom, crop=crop)
    report = write_report(out)
    if command.json:
        sys.stdout.write((out / "metrics.json").read_text())
    else:
        sys.stdout.write(band_table(json.loads((out / "metrics.json").read_text())))
        sys.stdout.write(f"\nReport: {report}\n")
