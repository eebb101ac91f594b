"""A radiance field's surface as a mesh with colours: where density passes the value at which cameras see the surface.

Notation: s(x) = log(level / σ(x)), negative inside, in the cube of the field; its logarithm changes far more evenly
from cell to cell than the density σ does.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float64

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.experiments.views_points import SeenPoints
from nfield.fields.scene import SceneField
from nfield.meshing.components import keep_components
from nfield.meshing.extraction import extract_surface
from nfield.meshing.polish import vertex_normals
from nfield.rendering.contraction import contract, expand

LEAST_CELLS, MOST_CELLS = 64, 512
"""Bounds of the resolution that is chosen where none is asked for."""
FARTHEST = 2.0
"""How far scenes without bounds are meshed, in half edges of the box in which they are not contracted."""
BOUND = 4.0
"""Largest |s|: farther from the surface it tells nothing."""
AROUND, LEVELS = 12, 40
"""Steps before and behind the points that are seen, and densities, among which the level is looked for."""
TRIED = 2048
"""Points that it is looked for at."""
MARGIN = 4
"""Cells around the points."""
AT_ONCE = 1 << 16


def scene_mesh(field: SceneField, seen: SeenPoints, resolution: int | None = None) -> Mesh:
    """The surface on which `seen` lies, in the world's units, with normals and the colours that face it.

    Surfaces that no camera sees, inside of things or behind them, are left out. `resolution` counts cells along the
    longest edge; by default they are as long as the steps that were taken along rays. Raises UserError where there is
    no surface.
    """
    frame = field.frame
    inner = frame.inner(torch.from_numpy(seen.points))
    if frame.contracted:
        near = inner.abs().amax(-1) <= FARTHEST
        if not bool(near.any()):
            raise UserError("All that cameras see lies far outside of the middle of the scene: there is no surface.")
        inner = contract(inner[near])
    seeds = inner.numpy().astype(np.float64)
    values = _log_density(field, math.log(surface_density(field, seen)))
    low, high = (seeds.min(0), seeds.max(0))
    cells = resolution or int(np.clip((high - low).max() / frame.step, LEAST_CELLS, MOST_CELLS))
    margin = MARGIN * (high - low).max() / cells
    low, high = np.maximum(low - margin, -1), np.minimum(high + margin, 1)
    mesh = extract_surface(values, low, high, cells, seeds=seeds, closed=False, device=field.device, batch=AT_ONCE)
    mesh = keep_components(mesh, seeds)
    vertices = torch.from_numpy(mesh.vertices)
    if frame.contracted:
        vertices = expand(vertices)
    mesh = replace(mesh, vertices=vertices.numpy() * frame.scale + field.middle, source="field")
    mesh = replace(mesh, normals=vertex_normals(mesh))
    return replace(mesh, colours=_colours(field, mesh))


def surface_density(field: SceneField, seen: SeenPoints) -> float:
    """The density, in the field's own units, that rays first meet closest to what cameras see, on average."""
    chosen = np.linspace(0, len(seen.points) - 1, min(TRIED, len(seen.points))).astype(int)
    points, rays = torch.from_numpy(seen.points[chosen]), torch.from_numpy(seen.rays[chosen])
    shift = torch.arange(-AROUND, AROUND + 1, dtype=torch.float64) * field.frame.step * field.frame.scale
    along = points[:, None] + shift[:, None] * rays[:, None]
    with torch.no_grad():
        density = field.density(along.to(field.device)).cpu() * field.frame.scale
    highest = density.amax()
    if not bool(highest > 0):
        raise UserError("The field is empty where cameras see something: it has learned too little. Train for longer.")
    levels = torch.logspace(-3, 0, LEVELS) * highest
    # The first place along the ray above a level; the last of all where none is.
    met = density[..., None] > levels
    first = torch.where(met.any(1), met.int().argmax(1), 2 * AROUND)
    off = (first.double() - AROUND).abs().mean(0)
    return float(levels[int(off.argmin())])


def _log_density(field: SceneField, level: float) -> Callable[[Float[torch.Tensor, "n 3"]], Float[torch.Tensor, " n"]]:
    def values(places: Float[torch.Tensor, "n 3"]) -> Float[torch.Tensor, " n"]:
        density = field.density_within(places)
        return (level - density.log()).clamp(-BOUND, BOUND)

    return values


@torch.no_grad()
def _colours(field: SceneField, mesh: Mesh) -> np.ndarray:
    """What is seen of each vertex from straight before it."""
    normals: Float64[np.ndarray, "v 3"] = np.zeros((0, 3)) if mesh.normals is None else mesh.normals.astype(np.float64)
    parts = [np.zeros((0, 3), np.uint8)]
    for start in range(0, len(mesh.vertices), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        points, along = torch.from_numpy(mesh.vertices[part]), torch.from_numpy(-normals[part])
        colour = field(points.to(field.device), along.to(field.device))[1]
        parts.append((colour.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
    return np.concatenate(parts)
