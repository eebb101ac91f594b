"""A radiance field's surface as a mesh with colours: the smoothest surface through the points that cameras see.

A density has no surface of its own: where it passes a level is rough and full of holes, as nothing but pictures ever
asked for it. What pictures do tell is where their light comes from, and from which side. The splines of point clouds
(`nfield.points.smooth_distance`) go through these points, smoothed over less than a pixel. On a toy scene learned in
1500 steps such a mesh is six times as close to the truth as a level of the density, and its normals agree by 0.98 in
place of 0.76. Wires as thin as a pixel come out as ribbons.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float64

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.fields.meshed import extent_of, mesh_of
from nfield.fields.scene import SceneField
from nfield.fields.splines import SplineDistance
from nfield.fields.surface import SurfaceField
from nfield.jobs.views.points import SeenPoints
from nfield.points.prepare import prepare
from nfield.points.smooth_distance import solve_levels
from nfield.points.smoothing_choice import smoothing_of

FARTHEST = 2.0
"""How far scenes without bounds are meshed, in half edges of the box in which they are not contracted."""
SMOOTHED_STEPS = 1.5
"""Smoothing length in steps along rays, of which two are a pixel at the middle of the scene. Twice as much makes solids
smoother still and loses wires, half of it keeps these and the density's bumps."""
LEAST_COSINE = 0.3
"""Of the angle at which a point must be seen: grazing rays are stopped by the haze before a surface."""
REACH = 6.0
"""Spacings of the points from which on there is no surface: where few cameras look, points lie farther apart."""
SEED = 0
"""Of the points that are left out to measure noise."""


def scene_mesh(
    field: SceneField, seen: SeenPoints, resolution: int | None = None, *, faces: int | None = None
) -> tuple[Mesh, tuple[str, ...]]:
    """The surface through `seen`, in the world's units, with normals and colours; and what to tell of it.

    It ends where no points are near: surfaces that no camera sees are left out. `resolution` counts cells along the
    longest edge, by default as fine as pixels; with `faces` the mesh is reduced. Raises UserError where nothing near
    the middle of the scene is seen.
    """
    frame, source = field.frame, "field"
    kept = -(seen.normals * seen.rays).sum(1) > LEAST_COSINE
    if frame.contracted:
        kept &= _near(field, seen.points)
    if not kept.any():
        raise UserError(
            "All that cameras see is far outside of the middle of the scene, or seen edge on: there is no surface."
        )
    cloud = PointCloud.from_arrays(seen.points[kept], seen.normals[kept], seen.colours[kept], source=source)
    # Normals look to the cameras. The noise is that of steps along rays, which one fit tells without further trials.
    prepared = prepare(cloud, seed=SEED, normals="given", noise=None, device=field.device, seconds_left=lambda: 0.0)
    # Steps grow with the distance where a scene has no bounds.
    step = max(frame.step * frame.scale, frame.growth * float(np.median(seen.depths[kept])))
    length = max(prepared.smoothing.length, SMOOTHED_STEPS * step / prepared.scale)
    smoothing = smoothing_of(length / prepared.spacing, prepared.spacing)
    splines = SplineDistance(solve_levels(prepared.sample, smoothing)).to(field.device)
    surface = SurfaceField(splines, torch.from_numpy(prepared.centre), prepared.scale).to(field.device)
    extent = extent_of(replace(prepared, smoothing=smoothing))
    meshed = mesh_of(surface, extent, resolution=resolution, faces=faces, open_surface=True, reach=REACH)
    if meshed.mesh is None:
        raise AssertionError("a field without a surface is refused before")
    return replace(meshed.mesh, source=source), meshed.notes


def _near(field: SceneField, points: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    """Whether points lie near enough to the middle of a scene without bounds."""
    near: Bool[np.ndarray, " n"] = (field.frame.inner(torch.from_numpy(points)).abs().amax(-1) <= FARTHEST).numpy()
    return near
