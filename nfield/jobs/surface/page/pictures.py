"""Pictures of a run's surfaces: the same views of each, and its errors as colours on one scale."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from PIL import Image

from nfield.core.mesh import Mesh
from nfield.jobs.surface.page.surfaces import Surfaces, read_surfaces
from nfield.rendering.error_colours import error_colours
from nfield.rendering.mesh_views import four_views, render_mesh
from nfield.rendering.misfit import misfit
from nfield.rendering.scene import MeshScene
from nfield.reports.record import RunRecord

SIDE = 320
"""Pixels on a side of each view."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Errors:
    """Distances of one surface, from the truth or from the points."""

    title: str
    scene: MeshScene
    distances: Float64[np.ndarray, " v"]
    """Of each vertex, in input units; NaN where no point is near."""
    mean: float | None
    """Over the surface's area, as far as it has distances."""
    unsupported: float
    """Share of the area that has none."""


def shaded_views(surfaces: Surfaces) -> dict[str, list[Image.Image]]:
    """Each surface that is there, by its key, from all sides."""
    return {
        shape.key: [Image.fromarray(view) for view in four_views(shape.scene, SIDE, cameras=surfaces.cameras)]
        for shape in surfaces.all
        if shape.scene is not None
    }


def error_views(surfaces: Surfaces, errors: Errors, top: float) -> list[Image.Image]:
    """The surface from all sides, coloured by its errors; the scale ends at `top`."""
    colours = error_colours(errors.distances, top)
    views = four_views(errors.scene, SIDE, cameras=surfaces.cameras, colour=colours)
    return [Image.fromarray(view) for view in views]


def surface_errors(surfaces: Surfaces) -> list[Errors]:
    """Errors of field, plain MLP and Poisson as far as they are there; none without truth and points."""
    truth, points = surfaces.truth.scene, surfaces.points
    found = []
    for shape in (surfaces.field, surfaces.baseline, surfaces.poisson):
        if shape.scene is None:
            continue
        if truth is not None:
            found.append(_measured(shape.title, shape.scene, truth.distances(shape.scene.mesh.vertices)))
        elif points is not None:
            found.append(_measured(shape.title, shape.scene, misfit(shape.scene, points)))
    return found


def _measured(title: str, scene: MeshScene, distances: Float64[np.ndarray, " v"]) -> Errors:
    areas = vertex_areas(scene.mesh)
    known = np.isfinite(distances)
    supported, whole = float(areas[known].sum()), float(areas.sum())
    return Errors(
        title=title,
        scene=scene,
        distances=distances,
        mean=float((areas[known] * distances[known]).sum()) / supported if supported > 0 else None,
        unsupported=1 - supported / whole if whole > 0 else 0.0,
    )


def vertex_areas(mesh: Mesh) -> Float64[np.ndarray, " v"]:
    """A third of the area of the faces around each vertex; faces that are not finite count for nothing."""
    areas = np.nan_to_num(mesh.face_areas, posinf=0.0)
    return np.bincount(mesh.faces.ravel(), np.repeat(areas / 3, 3), minlength=len(mesh.vertices))


def preview(record: RunRecord, key: str) -> Image.Image | None:
    """The first view of a run's surface, drawn now; None where there is none."""
    surfaces = read_surfaces(record)
    shape = next(shape for shape in surfaces.all if shape.key == key)
    if shape.scene is None:
        return None
    return Image.fromarray(render_mesh(shape.scene, surfaces.cameras[0], SIDE))
