"""Pictures of a run: the reconstruction in the input's own depth and colour, and small previews for the report."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.fields.base import Field
from nfield.io.images.writers import open_image_writer
from nfield.jobs.image.pixels import lattice_coordinates
from nfield.jobs.image.result import ImageResult
from nfield.jobs.image.source import crop_of
from nfield.jobs.image.task import CHUNK_PIXELS, on_grid_in_chunks
from nfield.jobs.result import chosen_field
from nfield.training.progress import Progress

FULL_PIXELS = 1 << 26
"""Images up to this size are evaluated and written at every pixel; of larger ones, evenly spread rows and columns."""
PREVIEW_SIDE = 1024


def reconstruction_name(image: Image) -> str:
    """PNG holds 8 and 16 bits; floats need TIFF."""
    return "reconstruction.tif" if image.stored_dtype.kind == "f" else "reconstruction.png"


def render_to(
    path: Path,
    field: Field,
    image: Image,
    *,
    zoom: float = 1.0,
    crop: tuple[int, int, int, int] | None = None,
) -> None:
    """Write the field as an image file, row block by row block.

    `crop` is (top, left, height, width) in pixels of the fitted image; `zoom` is output pixels per such pixel.
    """
    top, left, height, width = crop or (0, 0, image.height, image.width)
    rows = lattice_coordinates(top, height, image.height, image, zoom)
    columns = lattice_coordinates(left, width, image.width, image, zoom)
    device = field.offset.device
    with (
        torch.no_grad(),
        open_image_writer(path, height=len(rows), width=len(columns), like=image) as writer,
    ):
        for part in rows.split(max(1, 4 * CHUNK_PIXELS // max(1, len(columns)))):
            values = on_grid_in_chunks(field, part.to(device), columns.to(device))
            writer.write(values.clamp(0, 1).float().cpu().numpy())


def preview(field: Field, image: Image) -> np.ndarray:
    """The field's values at no more than 1024 pixels a side, float32 of shape (h, w, c)."""
    zoom = min(1.0, PREVIEW_SIDE / max(image.height, image.width))
    rows = lattice_coordinates(0, image.height, image.height, image, zoom)
    columns = lattice_coordinates(0, image.width, image.width, image, zoom)
    device = field.offset.device
    with torch.no_grad():
        return on_grid_in_chunks(field, rows.to(device), columns.to(device)).clamp(0, 1).float().cpu().numpy()


def _save_preview(path: Path, values: np.ndarray, image: Image) -> None:
    with open_image_writer(path, values.shape[0], values.shape[1], image, eight_bit=True) as writer:
        writer.write(values)


def write_outputs(
    result: ImageResult, outputs: Path, progress: Progress | None = None, *, measured: bool = False
) -> None:
    """Write reconstruction, and 8-bit previews of it, of the truth and of the baseline, where the image is at hand."""
    form = result.image
    if form is None:
        return
    outputs.mkdir(parents=True, exist_ok=True)
    if form.height * form.width <= FULL_PIXELS:
        render_to(outputs / reconstruction_name(form), result.field, form)
    zoom = min(1.0, PREVIEW_SIDE / max(form.height, form.width))
    places = [
        np.minimum(((np.arange(max(1, round(n * zoom))) + 0.5) / zoom).astype(int), n - 1)
        for n in (form.height, form.width)
    ]
    _save_preview(outputs / "truth.png", form.values(*places), form)
    _save_preview(outputs / "preview.png", preview(result.field, form), form)
    if result.baseline is not None:
        _save_preview(outputs / "baseline.png", preview(result.baseline, form), form)


def render(command: Any, result: ImageResult) -> Path:
    """`nfield render` of an image: the field at any resolution or crop."""
    image, field = result.pattern, chosen_field(command, result)
    name = reconstruction_name(image).replace("reconstruction", "rendering")
    out = Path(command.run) / "outputs" / name if command.out is None else Path(command.out)
    if command.out is not None and out.exists() and not command.overwrite:
        raise UserError(f"'{out}' exists. Choose another --out, or say --overwrite.")
    render_to(out, field, image, zoom=command.zoom, crop=crop_of(command.crop, image))
    return out


def finish(command: Any, result: ImageResult) -> dict[str, Path]:
    """Write the rendering that the command asks for beside the reconstruction."""
    crop, image = crop_of(command.crop, result.pattern), result.pattern
    if result.folder is None or (command.zoom == 1 and crop is None):
        return {}
    path = result.folder / "outputs" / reconstruction_name(image).replace("reconstruction", "rendering")
    render_to(path, result.field, image, zoom=command.zoom, crop=crop)
    return {}
