"""Where the scene of posed views lies, how finely they show it, and which part of space may hold anything."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from nfield.core.checks import UserError
from nfield.core.views import Box, View, ViewSet
from nfield.fields.scene import COARSEST_STEP, ViewFrame
from nfield.io.cameras.pose_checks import nearest_point
from nfield.jobs.views.options import ViewsOptions
from nfield.jobs.views.pixels import ViewPixels
from nfield.rendering.occupancy import cell_centres
from nfield.rendering.visual_hull import Silhouette, visual_hull

RESOLUTION = 128
"""Cells of the occupancy grid along each axis."""
ROUGH_RESOLUTION = 64
"""The same of the hull that only tells where the scene lies."""
MARGIN = 1.05
STRAY = 0.002
"""Share of a hull's cells on each side that may lie outside of the box."""
WIDEST = 0.6
"""Half edge of the cube that is searched for the scene, where no box is known, as a share of the cameras' distance."""
STEP = 0.5
"""Length of steps along rays, in pixels at the middle of the scene."""
FINEST_STEP = 2 / 1024
GROWTH = 0.01
"""Growth of steps in scenes without bounds."""
NEAREST = 0.05
"""Share of the cameras' distance from the middle within which nothing is looked for."""
INNER = 0.5
"""Half edge of the cube that is not contracted, as a share of the cameras' distance from the middle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Understood:
    """What was found out about the views before any training."""

    frame: ViewFrame
    occupied: Bool[Tensor, " cells"]
    """Cells of the occupancy grid that may hold something."""
    footprint: float
    """Size of a pixel at the middle of the scene, in normalised units."""
    notes: tuple[str, ...]


def understand(views: ViewSet, pixels: ViewPixels, options: ViewsOptions) -> Understood:
    """Find the frame, the empty cells and the pixels' size from cameras and, where they have alpha, pictures.

    `pixels` are those of the views to train on.
    """
    train = pixels.views
    alpha = _silhouettes(pixels)
    middle = _looked_at(train)
    distance = float(np.median([np.linalg.norm(v.position - middle) for v in train]))
    notes = []
    contracted = {"yes": True, "no": False}.get(options.unbounded)
    if contracted is None:
        contracted = bool(views.unbounded) if views.unbounded is not None else not alpha and views.box is None
    box = views.box
    if box is None:
        half = (INNER if contracted else WIDEST) * distance
        box = Box(low=middle - half, high=middle + half)
    if alpha and not contracted:
        # At the rims, where few cameras look, hardly anything can be carved away.
        hull = _shown(train, box, visual_hull(_seen_from(alpha, box), ROUGH_RESOLUTION), max(2, len(train) // 2))
        if bool(hull.any()):
            box = _around(hull, box)
        else:
            notes.append("the pictures' alpha leaves no place for the scene: their poses or masks may be wrong")
            alpha = []
    scale = MARGIN * box.half
    focal = float(np.median([max(v.lens.fx, v.lens.fy) for v in train]))
    away = float(np.median([np.linalg.norm(v.position - box.middle) for v in train]))
    footprint = away / focal / scale
    frame = ViewFrame(
        middle=tuple(float(x) for x in box.middle),  # type: ignore[arg-type]
        scale=scale,
        contracted=contracted,
        step=float(np.clip(STEP * footprint, FINEST_STEP, COARSEST_STEP)),
        growth=GROWTH if contracted else 0.0,
        near=NEAREST * away / scale,
        importance=options.importance,
        carved=bool(alpha) and not contracted,
    )
    occupied = torch.ones(RESOLUTION**3, dtype=torch.bool)
    if not contracted:
        cube = Box(low=box.middle - scale, high=box.middle + scale)
        if alpha:
            occupied = visual_hull(_seen_from(alpha, cube), RESOLUTION)
        occupied = _shown(train, cube, occupied, 2)
    return Understood(frame=frame, occupied=occupied, footprint=footprint, notes=tuple(notes))


def _looked_at(views: tuple[View, ...]) -> Float64[np.ndarray, "3"]:
    """The point that all cameras look at; for parallel ones a point before them, as far off as they are apart."""
    found = nearest_point(np.stack([v.camera_to_world for v in views]))
    if found is not None:
        return found
    places = np.stack([v.position for v in views])
    apart = float(np.linalg.norm(places.max(0) - places.min(0))) or 1.0
    return places.mean(0) + apart * np.mean([v.forward for v in views], axis=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Alpha:
    view: View
    covered: Bool[Tensor, "height width"]


def _silhouettes(pixels: ViewPixels) -> list[_Alpha]:
    """Where pictures show anything; none where they have no alpha, or are transparent nowhere."""
    if not pixels.has_alpha:
        return []
    found = [_Alpha(view=view, covered=pixels.covered(number)) for number, view in enumerate(pixels.views)]
    if not any(bool(a.covered.any()) for a in found):
        raise UserError(
            f"All {len(found)} pictures to learn from are transparent throughout, so that there is nothing to see. "
            "Export them again with their colours, or without alpha."
        )
    return [] if all(bool(a.covered.all()) for a in found) else found


def _seen_from(alpha: list[_Alpha], cube: Box) -> list[Silhouette]:
    """Silhouettes in the units of a cube."""
    return [
        Silhouette(
            covered=a.covered,
            project=_Projection(a.view, cube.middle, cube.half),
            pixels_per_angle=max(a.view.lens.fx, a.view.lens.fy),
            position=torch.from_numpy((a.view.position - cube.middle) / cube.half).float(),
        )
        for a in alpha
    ]


@dataclass(frozen=True)
class _Projection:
    """From places of a cube to places of a picture."""

    view: View
    middle: Float64[np.ndarray, "3"]
    half: float

    def __call__(self, places: Float[Tensor, "n 3"]) -> Float[Tensor, "n 2"]:
        turn = torch.from_numpy(self.view.camera_to_world[:3, :3])
        # Relative to the camera already here, single precision is enough, and twice as fast.
        shift = torch.from_numpy(self.middle - self.view.position) @ turn
        return self.view.lens.project(places @ (turn * self.half).float() + shift.float())


def _around(hull: Bool[Tensor, " cells"], box: Box) -> Box:
    """The box around the cells of a hull, all but a few stray ones, a cell wider on all sides."""
    index = hull.reshape([ROUGH_RESOLUTION] * 3).nonzero().sort(0).values
    index = index[int(STRAY * len(index)) : len(index) - int(STRAY * len(index))]
    cell = 2 * box.half / ROUGH_RESOLUTION
    start = box.middle - box.half
    return Box(
        low=start + (index.amin(0).numpy() - 1) * cell,
        high=start + (index.amax(0).numpy() + 2) * cell,
    )


def _shown(views: tuple[View, ...], cube: Box, cells: Bool[Tensor, " cells"], cameras: int) -> Bool[Tensor, " cells"]:
    """Those of the cube's cells that at least so many cameras show, or all where there are no more."""
    resolution = round(len(cells) ** (1 / 3))
    rest = cells.nonzero()[:, 0]
    shown = torch.zeros_like(cells)
    wanted = min(cameras, len(views))
    count = torch.zeros(len(rest), dtype=torch.int32)
    for view in views:
        places = _Projection(view, cube.middle, cube.half)(cell_centres(rest, resolution))
        size = torch.tensor([view.lens.width, view.lens.height])
        count += ((places > 0) & (places < size)).all(-1).int()
        enough = count >= wanted
        # What enough cameras show need not be looked for in others.
        shown[rest[enough]] = True
        rest, count = rest[~enough], count[~enough]
        if not len(rest):
            break
    return shown


def frame_entries(frame: ViewFrame) -> dict[str, object]:
    """A frame as entries of config.json."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(frame).items()}
