"""Depth cameras around a mesh: where they stand, what their rays meet, and how wrong the depths are that they measure.

Notation: z, depth along a camera's axis, in the mesh's units; a, angle of incidence between a ray and the normal of the
face that it meets, 0 where it meets it head-on; d, diagonal of the mesh's bounding box.

The standard deviation of the noise along the ray is

    noise · d · (1 + G (a / (90° − a))²) · (z / z₀)²

with the last factor where --quadratic-noise is set, z₀ being the depth of the object's middle. The growth with the
angle is that of Nguyen, Izadi and Lovell ("Modeling Kinect sensor noise for improved 3D reconstruction and tracking",
2012), 0.0012 + 0.0019 (z − 0.4)² + 0.0001 / √z · (a / (90° − a))² in metres, so that G is 0.05 for a Kinect at 1 m.
The growth with the squared depth is that of triangulation with a constant error of the disparity (Khoshelham and
Elberink, "Accuracy and resolution of Kinect depth data", 2012).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from nfield.core.mesh import Mesh
from nfield.rendering.cameras import Camera
from nfield.rendering.scene import MeshScene, bounds
from nfield.scenes.scan_options import ScanOptions


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Where rays met the mesh."""

    points: Float64[np.ndarray, "n 3"]
    rays: Float64[np.ndarray, "n 3"]
    """Unit directions away from the camera."""
    normals: Float64[np.ndarray, "n 3"]
    """Unit normals of the faces, turned towards the camera."""
    cameras: Int64[np.ndarray, " n"]
    """Numbers of the cameras, from 0."""

    @property
    def count(self) -> int:
        """Number of rays that met it."""
        return len(self.points)

    @property
    def incidence(self) -> Float64[np.ndarray, " n"]:
        """Angles between rays and normals, in radians: 0 head-on, π/2 along the surface."""
        return np.arccos(np.clip(-np.einsum("nd,nd->n", self.rays, self.normals), 0, 1))

    def take(self, rows: Int64[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> "Seen":
        """Only the given ones."""
        return Seen(
            points=self.points[rows], rays=self.rays[rows], normals=self.normals[rows], cameras=self.cameras[rows]
        )


def diagonal(mesh: Mesh) -> float:
    """Diagonal of the bounding box, in the mesh's units."""
    low, high = bounds(mesh)
    return float(np.linalg.norm(high - low))


def middle(mesh: Mesh) -> Float64[np.ndarray, "3"]:
    """Middle of the bounding box."""
    low, high = bounds(mesh)
    return (low + high) / 2


def camera_directions(count: int) -> Float64[np.ndarray, "count 3"]:
    """Unit vectors from the middle to `count` cameras, evenly on a sphere.

    They follow a spiral of golden angles (Swinbank and Purser, "Fibonacci grids", 2006), so that any number of them
    is spread evenly.
    """
    index = np.arange(count)
    height = 1 - (2 * index + 1) / count
    angle = math.pi * (3 - math.sqrt(5)) * index
    level = np.sqrt(1 - height**2)
    return np.stack([level * np.sin(angle), height, level * np.cos(angle)], axis=1)


def camera_positions(mesh: Mesh, count: int, distance: float = ScanOptions.distance) -> Float64[np.ndarray, "count 3"]:
    """Positions of `count` cameras around the middle of the mesh's bounding box, `distance` diagonals away from it."""
    return middle(mesh) + distance * diagonal(mesh) * camera_directions(count)


def seen_by_all(scene: MeshScene, options: ScanOptions, side: int, generator: np.random.Generator) -> Seen:
    """What all cameras see in images of side² pixels, with one ray through a random place of each pixel."""
    half = options.half_width
    positions = camera_positions(scene.mesh, options.cameras, options.distance)
    seen = []
    for number, (position, direction) in enumerate(zip(positions, camera_directions(options.cameras), strict=True)):
        up = np.eye(3)[np.abs(direction).argmin()]
        right, upward, backward = Camera(position=direction, target=np.zeros(3), up=up).axes
        pixels = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)
        places = half * (2 * (pixels + generator.random((side**2, 2))) / side - 1)
        directions = places @ np.stack([right, upward]) - backward
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        found = _met(scene, position, directions, number)
        # At the limit of 90 degrees nothing is dropped, lest rounding should drop what is met edge-on.
        seen.append(found if options.steepest == 90 else found.take(found.incidence <= math.radians(options.steepest)))
    return Seen(
        points=np.concatenate([s.points for s in seen]),
        rays=np.concatenate([s.rays for s in seen]),
        normals=np.concatenate([s.normals for s in seen]),
        cameras=np.concatenate([s.cameras for s in seen]),
    )


def measured(mesh: Mesh, seen: Seen, options: ScanOptions, generator: np.random.Generator) -> Seen:
    """The points where the cameras take them to be: with noise along the rays, and depths rounded."""
    draws = generator.standard_normal(seen.count)
    points = seen.points + (draws * deviations(mesh, seen, options))[:, None] * seen.rays
    if options.depth_step:
        step = options.depth_step * diagonal(mesh)
        depth = depths(mesh, points, seen.cameras, options)
        # Along the ray, for a pixel's direction is known.
        slope = -np.einsum("nd,nd->n", seen.rays, camera_directions(options.cameras)[seen.cameras])
        points = points + ((step * np.round(depth / step) - depth) / slope)[:, None] * seen.rays
    return Seen(points=points, rays=seen.rays, normals=seen.normals, cameras=seen.cameras)


def deviations(mesh: Mesh, seen: Seen, options: ScanOptions) -> Float64[np.ndarray, " n"]:
    """Standard deviations of the noise along the rays, in the mesh's units, by the law at the head of this file."""
    found = np.full(seen.count, options.noise * diagonal(mesh))
    if options.grazing_noise:
        angle = seen.incidence
        found *= 1 + options.grazing_noise * (angle / (math.pi / 2 - angle)) ** 2
    if options.quadratic_noise:
        found *= (depths(mesh, seen.points, seen.cameras, options) / (options.distance * diagonal(mesh))) ** 2
    return found


def depths(
    mesh: Mesh, points: Float64[np.ndarray, "n 3"], cameras: Int64[np.ndarray, " n"], options: ScanOptions
) -> Float64[np.ndarray, " n"]:
    """Depths of points along the axes of their cameras, in the mesh's units."""
    nearer = np.einsum("nd,nd->n", points - middle(mesh), camera_directions(options.cameras)[cameras])
    return options.distance * diagonal(mesh) - nearer


def _met(
    scene: MeshScene, position: Float64[np.ndarray, "3"], directions: Float64[np.ndarray, "r 3"], number: int
) -> Seen:
    """What rays from one camera meet first."""
    hits = scene.cast(position, directions)
    rays, normals = directions[hits.rays], scene.face_normals[hits.faces].astype(np.float64)
    away = np.einsum("nd,nd->n", rays, normals) > 0
    # Corners weighted in double precision: the hits lie on their faces far more closely than the caster's do.
    weights = hits.weights.astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    corners = scene.mesh.vertices[scene.mesh.faces[hits.faces]]
    first = corners[:, 0]
    return Seen(
        points=first + np.einsum("nk,nkd->nd", weights, corners - first[:, None]),
        rays=rays,
        normals=np.where(away[:, None], -normals, normals),
        cameras=np.full(len(rays), number, dtype=np.int64),
    )
