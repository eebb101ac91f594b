"""The parts of a views run's report that show its views: pictures, depths and normals, and the turning video."""

import base64
from collections.abc import Sequence
from dataclasses import replace

from nfield.jobs.views.page.views import SeenView, held_out, read_view, view_picture
from nfield.reports.charts import linear_ticks
from nfield.reports.colours import PICTURE_MAP
from nfield.reports.markup import POLICY, Markup, absent, element, join
from nfield.reports.numbers import percent_text
from nfield.reports.picture_grid import picture_grid
from nfield.reports.picture_sections import pictures_section
from nfield.reports.pictures import scaled
from nfield.reports.record import RunRecord
from nfield.reports.scale_bar import even_ticks, scale_bar

VIDEO_POLICY = f"{POLICY}; media-src data:"
"""The video is inside the page too."""

MOST_VIDEO_BYTES = 20_000_000

GRID_SIDE = 384
"""Longest side of a picture of depths or normals on the page, in pixels."""

GEOMETRY = (
    ("Depth", "depth", ("-coloured.png", ".png")),
    ("Depth, plain MLP", "baseline-depth", ("-coloured.png", ".png")),
    ("Normals", "normals", (".png",)),
    ("Opacity", "opacity", (".png",)),
)
"""Rows of the pictures of geometry: title, folder in RUN/outputs, endings of the files."""


def views_section(record: RunRecord, chosen: Sequence[tuple[str, SeenView]]) -> Markup:
    """The chosen views one below the other, their errors on one scale, which comes last."""
    read = [(title, view, read_view(record, view)) for title, view in chosen]
    shown = [(title, view, one) for title, view, one in read if one.truth or one.field or one.baseline]
    if not shown:
        return absent("This run has no pictures of views in outputs/ yet.")
    errors = [one.errors for _, _, one in shown if one.errors is not None]
    top = max((one.top for one in errors), default=0.0)
    parts = [] if held_out(record) else [absent("No view was held out: these are views that were trained on.")]
    for index, (title, view, one) in enumerate(shown):
        common = one if one.errors is None else replace(one, errors=replace(one.errors, top=top))
        # One enlarged detail is enough: that of the median view where there is one.
        detail = pictures_section(common, detail=index == len(shown) // 2, outlines=False)
        parts += [element("h3", f"{title}: {view.name}"), detail]
    return join([*parts, _error_scale(top)] if errors else parts)


def _error_scale(top: float) -> Markup:
    return scale_bar(
        "Error: absolute difference from the truth, as a share of the full range, the same scale for all views",
        f"Colour scale of the error: black is none, bright is {percent_text(top)} of the full range or more.",
        PICTURE_MAP,
        even_ticks(linear_ticks(0, top), top, percent_text),
    )


def geometry_section(record: RunRecord, chosen: Sequence[tuple[str, SeenView]]) -> Markup:
    """Depths, normals and opacities of the chosen views."""
    rows, missing = [], []
    for title, folder, endings in GEOMETRY:
        found = [view_picture(record, view, folder, *endings) for _, view in chosen]
        if any(found):
            rows.append((title, "", [one and scaled(one, GRID_SIDE) for one in found]))
        elif folder != "baseline-depth" or record.baseline is not None:
            missing.append(f"outputs/{folder}/")
    if not rows:
        return absent("This run has no pictures of depths, normals or opacities in outputs/ yet.")
    names = [f"{title}: {view.name}" for title, view in chosen]
    parts = [picture_grid(rows, names, "Depths, normals and opacities")]
    if missing:
        parts.append(absent(f"Nothing of these views is in {', '.join(missing)}."))
    return join(parts)


def video_section(record: RunRecord) -> Markup:
    """The camera's turn around the scene, inside the page where it is not too large."""
    path = record.outputs / "video.mp4"
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_VIDEO_BYTES else b""
    except OSError:
        return absent("There is no outputs/video.mp4.")
    if size > MOST_VIDEO_BYTES:
        return absent(
            f"outputs/video.mp4 is left out of this page: it has {size / 1e6:.0f} MB, and at most "
            f"{MOST_VIDEO_BYTES / 1e6:.0f} MB fit in here. Open the file itself."
        )
    if not content:
        return absent("outputs/video.mp4 is empty.")
    video = element(
        "video", absent("This browser shows no mp4 videos."), controls="", loop="", muted="", playsinline="",
        preload="metadata", aria_label="The field from a camera that moves around the scene",
        src=f"data:video/mp4;base64,{base64.b64encode(content).decode('ascii')}",
    )  # fmt: skip
    return element("figure", video, element("figcaption", "outputs/video.mp4"), class_="single")
