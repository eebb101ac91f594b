"""Pictures of the surfaces that the methods made of a scan, and of their errors on one scale, as one small PNG."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from PIL import Image, ImageDraw, ImageFont

from nfield.core.mesh import Mesh
from nfield.io.atomic import write_bytes
from nfield.rendering.cameras import Camera
from nfield.rendering.error_colours import DISTANCE_MAP, colour_table, error_colours, scale_top
from nfield.rendering.mesh_views import mesh_cameras, render_mesh
from nfield.rendering.scene import MeshScene

SIDES = (256, 208, 160, 112)
"""Pixels along a view, largest first; the first that leaves the file small is taken."""
LARGEST_BYTES = 300_000
TITLE_HEIGHT, TEXT_SIZE = 36, 13

Column = tuple[str, Mesh]
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def file_name(case: str, shape: str) -> str:
    """Name of a scan's picture, also where the shape's name holds what a file's may not."""
    return f"views-{case}-{re.sub(r'[^A-Za-z0-9._-]+', '_', shape)}.png"


def write_views(path: Path, truth: Mesh, columns: Sequence[Column]) -> None:
    """Write the truth and the titled meshes side by side, and below each mesh its distances from the truth.

    All from one side, drawn by their faces alone, so that none looks smoother than it is. Fewer colours, then fewer
    pixels are taken where the file would be larger than `LARGEST_BYTES`.
    """
    camera = mesh_cameras(truth)[0]
    true_scene, *scenes = (
        MeshScene(Mesh(vertices=mesh.vertices, faces=mesh.faces, source=mesh.source))
        for mesh in (truth, *(mesh for _, mesh in columns))
    )
    errors = [true_scene.distances(mesh.vertices) for _, mesh in columns]
    top = scale_top(errors)
    titles, data = [title for title, _ in columns], b""
    for side in SIDES:
        picture = _sheet(true_scene, titles, scenes, errors, top, camera, side)
        # 256 colours take a third of the room, at the price of steps in the shades.
        for tried in (picture, picture.quantize(256, dither=Image.Dither.NONE)):
            data = _png(tried)
            if len(data) <= LARGEST_BYTES:
                write_bytes(path, data)
                return
    write_bytes(path, data)


def _sheet(
    truth: MeshScene,
    titles: Sequence[str],
    scenes: Sequence[MeshScene],
    errors: Sequence[Float64[np.ndarray, " _"]],
    top: float,
    camera: Camera,
    side: int,
) -> Image.Image:
    sheet = Image.new("RGB", (side * (1 + len(scenes)), TITLE_HEIGHT + 2 * side), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT_SIZE)
    draw.text((6, 2), "truth", fill="black", font=font)
    sheet.paste(Image.fromarray(render_mesh(truth, camera, side)), (0, TITLE_HEIGHT))
    for number, (title, scene, distances) in enumerate(zip(titles, scenes, errors, strict=True), start=1):
        left = number * side
        draw.multiline_text((left + 6, 2), title, fill="black", font=font)
        sheet.paste(Image.fromarray(render_mesh(scene, camera, side)), (left, TITLE_HEIGHT))
        painted = render_mesh(scene, camera, side, colour=error_colours(distances, top))
        sheet.paste(Image.fromarray(painted), (left, TITLE_HEIGHT + side))
    _legend(sheet, draw, font, top / (truth.mesh.diagonal or 1.0), side)
    return sheet


def _legend(sheet: Image.Image, draw: ImageDraw.ImageDraw, font: Font, top: float, side: int) -> None:
    """The scale of the errors, where the truth's own would be."""
    left, middle, width = 12, TITLE_HEIGHT + side + side // 2, side - 24
    bar = np.broadcast_to(colour_table(DISTANCE_MAP)[np.linspace(0, 255, width).astype(np.int64)], (12, width, 3))
    sheet.paste(Image.fromarray(np.ascontiguousarray(bar)), (left, middle))
    draw.text((left, middle - 20), "distance / diagonal", fill="black", font=font)
    draw.text((left, middle + 15), "0", fill="black", font=font)
    draw.text((left + width, middle + 15), f"{top:.1e}", fill="black", font=font, anchor="ra")


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return data.getvalue()
