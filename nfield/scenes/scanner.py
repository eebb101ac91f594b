"""Point clouds of meshes: spread evenly, or as depth cameras around the object would see it.

All lengths in the options are shares of the diagonal of the mesh's bounding box. Each kind of draw (rays, noise, ...)
has a stream of its own, so that setting one option leaves what the others draw as it was.
"""

import dataclasses
import math

import numpy as np
from jaxtyping import Float64
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.core.sampling import sample_surface
from nfield.rendering.scene import MeshScene, bounds
from nfield.scenes.depth_camera import Seen, diagonal, measured, middle, seen_by_all
from nfield.scenes.scan_options import LARGEST_SIDE, ScanOptions

ENLARGED = 1.1
"""Size of the box that outliers lie in, relative to the mesh's bounding box."""

FIRST_SIDE = 64
"""Pixels along a side of the first image of each camera."""

SPARE = 1.5
"""Points seen for each that is kept: with none to spare, the points would show the lattice of the pixels."""

STREAMS = ("rays", "holes", "kept", "noise", "misregistration", "outliers")

Generator = np.random.Generator


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
    drawn = drawn + noise * diagonal(mesh) * draws["noise"].standard_normal(drawn.shape)
    drawn = _with_outliers(mesh, drawn, outliers, draws["outliers"])
    return PointCloud.from_arrays(draws["kept"].permutation(drawn), source=mesh.source)


def scan(mesh: Mesh, options: ScanOptions, generator: Generator) -> PointCloud:
    """The points of a mesh that depth cameras around it see, in its units and axes and in random order.

    The cameras stand at `camera_positions` and look at the middle. Only what rays meet first is seen; of all that is
    seen, holes are left out and the points kept are drawn at random, so that surface seen by more cameras, nearer or
    more directly has more points. Where `options.pixels` is given there may be fewer points than asked for, and a note
    of the cloud says so. An outlier keeps the normal of the point that it replaces, as nothing sets it apart. Raises
    UserError where open3d is missing, or the cameras see nothing, or less than the points asked for.
    """
    draws = _streams(generator)
    seen = _enough(MeshScene(mesh), options, draws)
    notes = []
    if seen.count < options.points:
        notes.append(f"the depth images hold {seen.count:,} points, fewer than the {options.points:,} asked for")
    seen = seen.take(draws["kept"].choice(seen.count, min(options.points, seen.count), replace=False))
    seen = measured(mesh, seen, options, draws["noise"])
    if options.misregistration:
        seen = _misregistered(mesh, seen, options, draws["misregistration"])
    points = _with_outliers(mesh, seen.points, options.outliers, draws["outliers"])
    # What was kept is in random order already, but the outliers come first.
    order = draws["kept"].permutation(seen.count)
    normals = seen.normals[order] if options.normals else None
    return PointCloud.from_arrays(points[order], normals, notes=notes, source=mesh.source)


def _streams(generator: Generator) -> dict[str, Generator]:
    seeds = generator.integers(2**63, size=len(STREAMS))
    return {name: np.random.default_rng(int(seed)) for name, seed in zip(STREAMS, seeds, strict=True)}


def _with_outliers(
    mesh: Mesh, points: Float64[np.ndarray, "n 3"], share: float, generator: Generator
) -> Float64[np.ndarray, "n 3"]:
    """The points, of which the first ones are replaced by uniform ones."""
    low, high = bounds(mesh)
    count = round(share * len(points))
    scattered = middle(mesh) + ENLARGED * (high - low) * (generator.random((count, 3)) - 0.5)
    return np.concatenate([scattered, points[count:]])


def _enough(scene: MeshScene, options: ScanOptions, draws: dict[str, Generator]) -> Seen:
    """What is seen outside the holes: in images of the size given, or of one that shows more points than asked for.

    How fine the images must be for that, a first scan at few pixels shows.
    """
    source = scene.mesh.source
    # A mesh without extent gives no distance for the cameras to stand at.
    if scene.empty or not diagonal(scene.mesh) > 0:
        raise UserError(f"The cameras see nothing of '{source}'. Give a mesh with an area.")
    side = options.pixels or FIRST_SIDE
    seen = seen_by_all(scene, options, side, draws["rays"])
    if not seen.count:
        raise UserError(
            f"The cameras see nothing of '{source}'. Give a mesh with an area, more --cameras or --pixels, "
            "a wider --field-of-view, or a larger --max-incidence."
        )
    centres = seen.points[draws["holes"].integers(seen.count, size=options.holes)]
    radius = options.hole_radius * diagonal(scene.mesh)
    seen = _outside(seen, centres, radius)
    if options.pixels is not None and not seen.count:
        raise UserError(f"All that the cameras see of '{source}' lies in --holes. Ask for fewer or smaller ones.")
    wanted = 0 if options.pixels is not None else math.ceil(SPARE * options.points)
    while seen.count < wanted:
        # Some more than proportion asks for, as the next count is random too.
        needed = side * math.sqrt(1.1 * wanted / max(seen.count, 1))
        if not seen.count or needed > LARGEST_SIDE:
            raise UserError(
                f"The cameras see too little of '{source}' for {options.points:,} points. "
                "Ask for fewer --points, fewer or smaller --holes, or more --cameras."
            )
        # In steps, as few hits say little of how many there will be.
        side = math.ceil(min(4 * side, needed))
        seen = _outside(seen_by_all(scene, options, side, draws["rays"]), centres, radius)
    return seen


def _outside(seen: Seen, centres: Float64[np.ndarray, "h 3"], radius: float) -> Seen:
    if not len(centres):
        return seen
    return seen.take(cKDTree(centres).query(seen.points)[0] > radius)


def _misregistered(mesh: Mesh, seen: Seen, options: ScanOptions, generator: Generator) -> Seen:
    """Each camera's points and normals, turned about the middle of the bounding box and shifted."""
    # A corner is half a diagonal from the middle: twice the share in radians moves it by the share.
    turns = Rotation.from_rotvec(2 * options.misregistration * generator.standard_normal((options.cameras, 3)))
    shifts = options.misregistration * diagonal(mesh) * generator.standard_normal((options.cameras, 3))
    turn = turns[seen.cameras]
    return dataclasses.replace(
        seen,
        points=middle(mesh) + turn.apply(seen.points - middle(mesh)) + shifts[seen.cameras],
        normals=turn.apply(seen.normals),
    )
