"""Shaded pictures of triangle meshes, by casting rays: no graphics card, no display.

Every pixel is the mean of four rays. A lamp at the camera and a bright sky light the surface; its inside, seen through
holes or where a mesh is inside out, is drawn in another colour.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8

from nfield.core.checks import UserError
from nfield.core.limits import Up
from nfield.core.mesh import Mesh
from nfield.rendering.cameras import Camera, orbit_cameras
from nfield.rendering.scene import Hits, MeshScene, bounds

SAMPLES = 2
"""Rays along each side of a pixel."""

OUTSIDE = (0.80, 0.80, 0.77)
INSIDE = (0.72, 0.45, 0.38)
"""Colours of the two sides of a surface that has none of its own."""

SKY, LAMP, SHEEN = 0.42, 0.58, 0.10
"""Strengths of the light from above, of the light at the camera, and of its reflection."""

PAINTED_LEAST = 0.74
"""Least brightness of given colours, which must stay readable against a legend."""

Colour = str | Shaped[np.ndarray, "colours 3"]
Picture = UInt8[np.ndarray, "height width 3"]


def render_mesh(
    mesh: Mesh | MeshScene, camera: Camera, size: int | tuple[int, int], *, colour: Colour = "shaded"
) -> Picture:
    """Picture of a mesh on white.

    `size` is the side of a square or (height, width) in pixels. `colour` is 'shaded'; or 'normals': red, green and
    blue are (1 + n) / 2 of the normal's parts to the right, upwards and toward the camera; or colours of the vertices
    or faces, as 8-bit numbers or floats in [0, 1] (of the vertices where there are as many of both). Surfaces are
    smooth where the mesh has vertex normals and faceted where not. A `MeshScene` in place of the mesh saves
    building it again for each view. Raises UserError on an unknown colour or a size below one pixel.
    """
    scene = mesh if isinstance(mesh, MeshScene) else MeshScene(mesh)
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise UserError(f"A picture of {height} × {width} pixels cannot be drawn. Give sides of one pixel or more.")
    painted = _painted(scene.mesh, colour)
    normals = isinstance(colour, str) and colour == "normals"
    directions = camera.directions(SAMPLES * height, SAMPLES * width).reshape(-1, 3)
    hits = scene.cast(camera.position, directions)
    fine = np.ones((len(directions), 3), dtype=np.float32)
    if len(hits.rays):
        fine[hits.rays] = _colours(scene, camera, directions[hits.rays].astype(np.float32), hits, painted, normals)
    pixels = fine.reshape(height, SAMPLES, width, SAMPLES, 3).mean(axis=(1, 3))
    return np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8)


def four_views(
    mesh: Mesh | MeshScene,
    size: int | tuple[int, int],
    *,
    cameras: Sequence[Camera] | None = None,
    colour: Colour = "shaded",
) -> list[Picture]:
    """Pictures from front left, right, back and above, named by `view_names`; from `cameras` where these are given.

    Where no cameras are given, y points up and the front is the side of +z.
    """
    scene = mesh if isinstance(mesh, MeshScene) else MeshScene(mesh)
    chosen = mesh_cameras(scene.mesh) if cameras is None else cameras
    return [render_mesh(scene, camera, size, colour=colour) for camera in chosen]


def mesh_cameras(mesh: Mesh, count: int = 4, *, up: Up = "y") -> list[Camera]:
    """`orbit_cameras` that are framed on a mesh."""
    used = mesh.vertices[mesh.used]
    inside = used[np.isfinite(used).all(1)] if len(used) else None
    return orbit_cameras(*bounds(mesh), count, up=up, inside=inside)


def _painted(mesh: Mesh, colour: Colour) -> Float32[np.ndarray, "n 3"] | None:
    if isinstance(colour, str):
        if colour not in ("shaded", "normals"):
            raise UserError(f"Unknown colour '{colour}'. Give 'shaded', 'normals', or an array of colours.")
        return None
    if len(colour) not in (len(mesh.vertices), len(mesh.faces)):
        raise UserError(
            f"{len(colour)} colours were given, but '{mesh.source}' has {len(mesh.vertices)} vertices and "
            f"{len(mesh.faces)} faces. Give one colour for each vertex, or one for each face."
        )
    divisor = 255 if colour.dtype == np.uint8 else 1
    return (colour / divisor).astype(np.float32)


def _colours(
    scene: MeshScene,
    camera: Camera,
    directions: Float32[np.ndarray, "n 3"],
    hits: Hits,
    painted: Float32[np.ndarray, "m 3"] | None,
    as_normals: bool,
) -> Float32[np.ndarray, "n 3"]:
    flat, normals = _normals(scene, hits)
    axes = camera.axes.astype(np.float32)
    if as_normals:
        return (1 + normals @ axes.T) / 2
    behind = _dot(flat, directions) > 0
    normals = np.where(behind[:, None], -normals, normals)
    # The part of the normal toward the eye, which is where the lamp is.
    toward = np.clip(-_dot(normals, directions) / np.sqrt(_dot(directions, directions)), 0, 1)
    sky = (1 + normals @ axes[1]) / 2
    light = SKY * (0.35 + 0.65 * sky) + LAMP * toward
    if painted is not None:
        own = _per_hit(scene.mesh, hits, painted)
        return own * (PAINTED_LEAST + (1 - PAINTED_LEAST) * light)[:, None]
    inside, outside = (np.array(one, dtype=np.float32) for one in (INSIDE, OUTSIDE))
    own = np.where(behind[:, None], inside, outside)
    return own * (1.2 * light)[:, None] + SHEEN * (toward**24)[:, None]


def _normals(scene: MeshScene, hits: Hits) -> tuple[Float32[np.ndarray, "n 3"], Float32[np.ndarray, "n 3"]]:
    """Unit normals of the faces that were hit, and those to shade with."""
    flat = scene.face_normals[hits.faces]
    if scene.vertex_normals is None:
        return flat, flat
    smooth = _per_hit(scene.mesh, hits, scene.vertex_normals)
    length = np.sqrt(_dot(smooth, smooth))
    # Normals that contradict their face, or cancel out, would draw black spots.
    usable = (_dot(smooth, flat) > 0) & (length > 1e-6)
    smooth = smooth / np.where(usable, length, 1)[:, None]
    return flat, np.where(usable[:, None], smooth, flat).astype(np.float32)


def _per_hit(mesh: Mesh, hits: Hits, values: Float32[np.ndarray, "m 3"]) -> Float32[np.ndarray, "n 3"]:
    """Values of vertices interpolated, or of faces picked."""
    if len(values) != len(mesh.vertices):
        return values[hits.faces]
    rows = mesh.faces[hits.faces]
    return np.einsum("nk,nkc->nc", hits.weights, values[rows])


def _dot(a: Float[np.ndarray, "n 3"], b: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    return np.einsum("ij,ij->i", a, b)
