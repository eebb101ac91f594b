"""From a field to the mesh that is handed out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, UInt8

from nfield.core.limits import LARGEST_RESOLUTION
from nfield.core.mesh import Mesh
from nfield.fields.surface import SurfaceField
from nfield.meshing.colours import carry_colours
from nfield.meshing.components import keep_components, trim_unsupported
from nfield.meshing.extraction import extract_surface
from nfield.meshing.project import project, vertex_normals
from nfield.meshing.simplify import simplify
from nfield.points.prepare import Prepared

MARGIN = 0.06
"""Of the longest edge, on all sides of the points."""
CELLS_PER_STEP = 1.6
"""Cells of the mesh per step of the finest lattice: with fewer the faces' normals are off by more than the field's."""
LEAST_CELLS, MOST_CELLS = 64, 768
"""Bounds of the resolution that is chosen where none is asked for, the upper one for as much surface as a ball has."""
BALL = np.pi
"""Area of a ball whose diameter is 1."""
DECIMATED = 4_000_000
"""Most faces that are handed to decimation, which takes half a kilobyte for each."""
DECIMATED_SHARE = 4
"""Faces handed to it for each that is asked for, where that is more."""
TRIAL_CELLS = 256
"""Resolution at which the faces of a finer mesh are estimated."""
OPEN_SPACINGS = 3.0
"""Farther than this from all points an open surface is cut off."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Extent:
    """What meshing needs to know of the points."""

    points: Float64[np.ndarray, "p 3"]
    """In the field's own frame."""
    colours: UInt8[np.ndarray, "p 3"] | None
    centre: Float64[np.ndarray, "3"]
    scale: float
    spacing: float
    """In the field's own frame, as is `step`."""
    step: float
    """Of the finest lattice."""

    @property
    def resolution(self) -> int:
        """Cells along the longest edge of the box, as many as the finest lattice can use."""
        # Cells along the surface take time and memory, not those of the box: parts far from each other get as many as
        # each of them would alone.
        area = len(self.points) * self.spacing**2
        most = min(MOST_CELLS * max(1.0, (BALL / area) ** 0.5), LARGEST_RESOLUTION)
        return int(np.clip((1 + 2 * MARGIN) * CELLS_PER_STEP / self.step, LEAST_CELLS, most))


def extent_of(prepared: Prepared) -> Extent:
    """The extent of a prepared cloud."""
    return Extent(
        points=(prepared.cloud.points - prepared.centre) / prepared.scale,
        colours=prepared.cloud.colours,
        centre=prepared.centre,
        scale=prepared.scale,
        spacing=prepared.spacing,
        step=prepared.smoothing.step,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Meshed:
    """A mesh and what is to be reported of it."""

    mesh: Mesh | None
    resolution: int
    notes: tuple[str, ...] = ()
    why: str | None = None
    """Why there is no mesh."""


def mesh_of(
    field: SurfaceField,
    extent: Extent,
    *,
    resolution: int | None = None,
    open_surface: bool = False,
    reach: float = OPEN_SPACINGS,
    faces: int | None = None,
    projected: bool = True,
    level: float = 0.0,
) -> Meshed:
    """The field's surface in input units, with normals and, where the cloud has them, colours.

    `level` is in input units, `reach` the spacings from all points at which an open surface ends. Raises
    UserError where the field has no surface in the box.
    """
    cells = extent.resolution if resolution is None else resolution
    points, level = extent.points, level / extent.scale
    low, high = points.min(0), points.max(0)
    # A shell lies farther out than the surface.
    margin = MARGIN + max(level, 0.0)
    device = field.centre.device
    # The field's own frame keeps all digits in single precision, wherever the points lie.
    inner = _values(field)

    def extracted(cells: int) -> Mesh:
        return extract_surface(inner, low - margin, high + margin, cells, level=level, device=device)

    if faces is not None:
        cells = _decimable(extracted, cells, faces)
    mesh = extracted(cells)
    mesh = keep_components(mesh, points)
    if projected:
        mesh = project(mesh, inner, level=level, device=device)
    notes: list[str] = []
    if open_surface:
        mesh = trim_unsupported(mesh, points, reach * extent.spacing)
    if faces is not None:
        reduced = simplify(mesh, faces)
        mesh = reduced.mesh
        notes += [] if reduced.note is None else [reduced.note]
    mesh = replace(mesh, normals=vertex_normals(mesh, inner, device=device))
    if extent.colours is not None:
        mesh = carry_colours(mesh, points, extent.colours)
    mesh = replace(mesh, vertices=mesh.vertices * extent.scale + extent.centre)
    return Meshed(mesh=mesh, resolution=cells, notes=tuple(notes))


def _decimable(extracted: Callable[[int], Mesh], cells: int, faces: int) -> int:
    """At most `cells`, so few that the mesh is no larger than decimation to `faces` can take in bounded memory."""
    if cells <= TRIAL_CELLS:
        return cells
    # Faces grow by the square of the cells along an edge.
    most = max(DECIMATED, DECIMATED_SHARE * faces)
    return min(cells, int(TRIAL_CELLS * (most / len(extracted(TRIAL_CELLS).faces)) ** 0.5))


def _values(field: SurfaceField) -> Any:
    return lambda points: field.network(points)[..., 0]
