"""Point clouds of meshes: spread evenly, or as depth cameras around the object would see it.

All lengths in the options are shares of the diagonal of the mesh's bounding box. Each kind of draw (rays, noise, ...)
has a stream of its own, so that setting one option leaves what the others draw as it was.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from nfield.core.checks import UserError, at_least, within
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.core.sampling import sample_surface
from nfield.rendering.cameras import Camera
from nfield.rendering.scene import MeshScene, bounds

ENLARGED = 1.1
"""Size of the box that outliers lie in, relative to the mesh's bounding box."""

CAMERA_DISTANCE = 3.0
"""Distance of the cameras from the middle, in radii of the ball around the bounding box."""

FIRST_SIDE, LARGEST_SIDE = 64, 4096
"""Pixels along a side of the first picture of each camera, and at the most."""

SPARE = 1.5
"""Points seen for each that is kept: with none to spare, the points would show the lattice of the pixels."""

STREAMS = ("rays", "holes", "kept", "noise", "misregistration", "outliers")

Generator = np.random.Generator


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What the scanner does, and does badly."""

    points: int = 100_000
    """Number of points."""
    noise: float = 0.0
    """Standard deviation of the noise (along the ray of a camera), as a share of the bounding box's diagonal."""
    outliers: float = 0.0
    """Share of the points that lie anywhere in the bounding box, enlarged by 10 %."""
    cameras: int = 12
    """Number of cameras, evenly around the object."""
    holes: int = 0
    """Number of balls around random points of the surface from which no points come."""
    hole_radius: float = 0.05
    """Radius of these balls, as a share of the diagonal."""
    misregistration: float = 0.0
    """Standard deviation of each camera's shift along each axis, as a share of the diagonal; it is also turned about
    the middle, so that the corners of the bounding box move by about as much."""
    normals: bool = False
    """Give the normals of the mesh's faces, turned towards the camera."""

    def __post_init__(self) -> None:
        at_least(self.points, 1, "--points")
        at_least(self.noise, 0, "--noise")
        within(self.outliers, 0, 1, "--outliers")
        at_least(self.cameras, 1, "--cameras")
        at_least(self.holes, 0, "--holes")
        at_least(self.hole_radius, 0, "--hole-radius")
        at_least(self.misregistration, 0, "--misregistration")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Hits:
    """Where rays met the mesh."""

    points: Float64[np.ndarray, "n 3"]
    rays: Float64[np.ndarray, "n 3"]
    """Unit directions away from the camera."""
    normals: Float64[np.ndarray, "n 3"]
    """Unit normals of the faces, turned towards the camera."""
    cameras: Int64[np.ndarray, " n"]

    @property
    def count(self) -> int:
        return len(self.points)

    def take(self, rows: Int64[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> "_Hits":
        return _Hits(
            points=self.points[rows], rays=self.rays[rows], normals=self.normals[rows], cameras=self.cameras[rows]
        )


def sample_cloud(
    mesh: Mesh, points: int, *, noise: float = 0.0, outliers: float = 0.0, generator: Generator
) -> PointCloud:
    """`points` points drawn uniformly by area from a mesh, in its units, in random order and without normals.

    Gaussian noise along all three axes has a standard deviation of `noise` times the bounding box's diagonal. A share
    `outliers` of the points is replaced by uniform ones in the bounding box, enlarged by 10 %.
    Raises UserError where these numbers have no sense, or the mesh has no area.
    """
    ScanOptions(points=points, noise=noise, outliers=outliers)
    draws = _streams(generator)
    drawn, _ = sample_surface(mesh, points, draws["kept"])
    drawn = drawn + noise * _diagonal(mesh) * draws["noise"].standard_normal(drawn.shape)
    drawn = _with_outliers(mesh, drawn, outliers, draws["outliers"])
    return PointCloud.from_arrays(draws["kept"].permutation(drawn), source=mesh.source)


def scan(mesh: Mesh, options: ScanOptions, generator: Generator) -> PointCloud:
    """The points of a mesh that depth cameras around it see, in its units and axes and in random order.

    The cameras stand at `camera_positions` and look at the middle. Only what rays meet first is seen; of all that is
    seen, holes are left out and the points kept are drawn at random, so that surface seen by more cameras, nearer or
    more directly has more points. An outlier keeps the normal of the point that it replaces, as nothing tells it
    apart. Raises UserError where open3d is missing, or the cameras see less than the points asked for.
    """
    draws = _streams(generator)
    hits = _enough_hits(MeshScene(mesh), options, draws)
    hits = hits.take(draws["kept"].choice(hits.count, options.points, replace=False))
    along = options.noise * _diagonal(mesh) * draws["noise"].standard_normal((hits.count, 1))
    hits = dataclasses.replace(hits, points=hits.points + along * hits.rays)
    if options.misregistration:
        hits = _misregistered(mesh, hits, options, draws["misregistration"])
    points = _with_outliers(mesh, hits.points, options.outliers, draws["outliers"])
    # The kept hits are in random order already, but the outliers come first.
    order = draws["kept"].permutation(hits.count)
    return PointCloud.from_arrays(points[order], hits.normals[order] if options.normals else None, source=mesh.source)


def camera_positions(mesh: Mesh, count: int) -> Float64[np.ndarray, "count 3"]:
    """Positions of `count` cameras, evenly on a sphere around the middle of the mesh's bounding box.

    They follow a spiral of golden angles (Swinbank and Purser, "Fibonacci grids", 2006), so that any number of them
    is spread evenly.
    """
    low, high = bounds(mesh)
    index = np.arange(count)
    height = 1 - (2 * index + 1) / count
    angle = math.pi * (3 - math.sqrt(5)) * index
    level = np.sqrt(1 - height**2)
    directions = np.stack([level * np.sin(angle), height, level * np.cos(angle)], axis=1)
    return (low + high) / 2 + CAMERA_DISTANCE * _diagonal(mesh) / 2 * directions


def _streams(generator: Generator) -> dict[str, Generator]:
    seeds = generator.integers(2**63, size=len(STREAMS))
    return {name: np.random.default_rng(int(seed)) for name, seed in zip(STREAMS, seeds, strict=True)}


def _diagonal(mesh: Mesh) -> float:
    low, high = bounds(mesh)
    return float(np.linalg.norm(high - low))


def _with_outliers(
    mesh: Mesh, points: Float64[np.ndarray, "n 3"], share: float, generator: Generator
) -> Float64[np.ndarray, "n 3"]:
    """The points, of which the first ones are replaced by uniform ones."""
    low, high = bounds(mesh)
    count = round(share * len(points))
    scattered = (low + high) / 2 + ENLARGED * (high - low) * (generator.random((count, 3)) - 0.5)
    return np.concatenate([scattered, points[count:]])


def _enough_hits(scene: MeshScene, options: ScanOptions, draws: dict[str, Generator]) -> _Hits:
    """More hits than points are asked for, outside the holes. How fine the pictures must be, a first look tells."""
    side = FIRST_SIDE
    wanted = math.ceil(SPARE * options.points)
    nothing = UserError(f"The cameras see nothing of '{scene.mesh.source}'. Give a mesh with an area.")
    # A mesh without extent gives no distance for the cameras to stand at.
    if scene.empty or not _diagonal(scene.mesh) > 0:
        raise nothing
    hits = _look(scene, options.cameras, side, draws["rays"])
    if not hits.count:
        raise nothing
    centres = hits.points[draws["holes"].integers(hits.count, size=options.holes)]
    radius = options.hole_radius * _diagonal(scene.mesh)
    hits = _outside(hits, centres, radius)
    while hits.count < wanted:
        # Some more than proportion asks for, as the next count is random too.
        needed = side * math.sqrt(1.1 * wanted / max(hits.count, 1))
        if not hits.count or needed > LARGEST_SIDE:
            raise UserError(
                f"The cameras see too little of '{scene.mesh.source}' for {options.points:,} points. "
                "Ask for fewer --points, fewer or smaller --holes, or more --cameras."
            )
        # In steps, as few hits tell little of how many there will be.
        side = math.ceil(min(4 * side, needed))
        hits = _outside(_look(scene, options.cameras, side, draws["rays"]), centres, radius)
    return hits


def _outside(hits: _Hits, centres: Float64[np.ndarray, "h 3"], radius: float) -> _Hits:
    if not len(centres):
        return hits
    return hits.take(cKDTree(centres).query(hits.points)[0] > radius)


def _look(scene: MeshScene, cameras: int, side: int, generator: Generator) -> _Hits:
    """What all cameras see in pictures of side² pixels, with one ray through a random place of each pixel."""
    mesh = scene.mesh
    # Half the picture's width at distance one: the ball around the bounding box just fits.
    half = math.tan(math.asin(1 / CAMERA_DISTANCE))
    low, high = bounds(mesh)
    seen = []
    for number, position in enumerate(camera_positions(mesh, cameras)):
        toward = (low + high) / 2 - position
        up = np.eye(3)[np.abs(toward).argmin()]
        right, upward, backward = Camera(position=-toward, target=np.zeros(3), up=up).axes
        pixels = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2)
        places = half * (2 * (pixels + generator.random((side**2, 2))) / side - 1)
        directions = places @ np.stack([right, upward]) - backward
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        hits = scene.cast(position, directions)
        rays, normals = directions[hits.rays], scene.face_normals[hits.faces].astype(np.float64)
        away = np.einsum("nd,nd->n", rays, normals) > 0
        # Corners weighted in double precision: the hits lie on their faces far more closely than the caster's do.
        weights = hits.weights.astype(np.float64)
        weights /= weights.sum(axis=1, keepdims=True)
        first = mesh.corners[hits.faces, 0]
        points = first + np.einsum("nk,nkd->nd", weights, mesh.corners[hits.faces] - first[:, None])
        normals = np.where(away[:, None], -normals, normals)
        seen.append(
            _Hits(points=points, rays=rays, normals=normals, cameras=np.full(len(rays), number, dtype=np.int64))
        )
    return _Hits(
        points=np.concatenate([s.points for s in seen]),
        rays=np.concatenate([s.rays for s in seen]),
        normals=np.concatenate([s.normals for s in seen]),
        cameras=np.concatenate([s.cameras for s in seen]),
    )


def _misregistered(mesh: Mesh, hits: _Hits, options: ScanOptions, generator: Generator) -> _Hits:
    """Each camera's points and normals, turned about the middle of the bounding box and shifted."""
    low, high = bounds(mesh)
    middle = (low + high) / 2
    # A corner is half a diagonal from the middle: twice the share in radians moves it by the share.
    turns = Rotation.from_rotvec(2 * options.misregistration * generator.standard_normal((options.cameras, 3)))
    shifts = options.misregistration * _diagonal(mesh) * generator.standard_normal((options.cameras, 3))
    turn = turns[hits.cameras]
    return dataclasses.replace(
        hits,
        points=middle + turn.apply(hits.points - middle) + shifts[hits.cameras],
        normals=turn.apply(hits.normals),
    )
