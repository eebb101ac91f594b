"""Read a point cloud from a file of points or of a mesh, and write one."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nfield.core.checks import at_least
from nfield.core.cloud import PointCloud
from nfield.io.atomic import replacing
from nfield.io.files import read_content
from nfield.io.geometry import cloud_arrays, cloud_tables, pcd
from nfield.io.geometry.geometry import Geometry
from nfield.io.geometry.meshes import READERS as MESH_READERS
from nfield.io.geometry.meshes import check_target, mesh_of
from nfield.io.geometry.ply_writer import write_ply_cloud
from nfield.io.geometry.surface_samples import drawn_from

READERS: dict[str, Callable[[Path], Geometry]] = {
    **MESH_READERS,
    **cloud_tables.READERS,
    **pcd.READERS,
    **cloud_arrays.READERS,
}
WRITERS: dict[str, Callable[[Path, PointCloud], None]] = {
    ".ply": write_ply_cloud,
    **cloud_tables.WRITERS,
    **cloud_arrays.WRITERS,
}


def load_cloud(
    path: str | os.PathLike[str],
    *,
    sample: int | None = None,
    noise: float = 0.0,
    generator: np.random.Generator | None = None,
) -> PointCloud:
    """A file's points as a `PointCloud`, in the file's units and axes and in double precision.

    Of a mesh, the vertices are taken, or `sample` points drawn uniformly from its surface. Gaussian noise with a
    standard deviation of `noise` times the bounding box's diagonal is added. `generator` (numpy's of seed 0 if None)
    draws both. `PointCloud.notes` tells what was chosen for the user. Raises UserError where the file is missing,
    damaged, of an unknown kind, or holds no finite points, and where `sample` is given for a file without faces.
    """
    file = Path(path)
    if sample is not None:
        at_least(sample, 1, "The number of points to sample")
    at_least(noise, 0, "The noise, relative to the bounding box's diagonal,")
    generator = np.random.default_rng(0) if generator is None else generator
    geometry = read_content(file, READERS, "point cloud")
    notes = list(geometry.notes)
    if sample is not None:
        geometry = drawn_from(mesh_of(geometry, file), sample, generator)
        notes.append(f"{sample:,} points were drawn from the surface of the mesh, with its normals")
    elif geometry.faces is not None and len(geometry.faces):
        notes.append(
            f"the file holds a mesh: its {len(geometry.points):,} vertices are taken as points. "
            "Points drawn from its surface cover it evenly: give their number as sample"
        )
    cloud = PointCloud.from_arrays(geometry.points, geometry.normals, geometry.colours, notes=notes, source=str(file))
    return _noisy(cloud, noise, generator) if noise else cloud


def save_cloud(path: str | os.PathLike[str], cloud: PointCloud) -> None:
    """Write a cloud, atomically, as its extension says: .ply (binary), .xyz (text) or .npz.

    Positions keep their double precision. Raises UserError where the extension is another, or the place cannot
    be written.
    """
    writer = WRITERS[check_cloud_path(path)]
    with replacing(Path(path)) as temporary:
        writer(temporary, cloud)


def check_cloud_path(path: str | os.PathLike[str]) -> str:
    """The extension of a cloud file to be written. Raises UserError where it, or the folder, is not right."""
    return check_target(Path(path), WRITERS, "point cloud file to write")


def _noisy(cloud: PointCloud, noise: float, generator: np.random.Generator) -> PointCloud:
    deviation = noise * float(np.linalg.norm(np.ptp(cloud.points, axis=0)))
    points = cloud.points + deviation * generator.standard_normal(cloud.points.shape)
    note = f"Gaussian noise with a standard deviation of {deviation:.3g} was added"
    return replace(cloud, points=points, notes=(*cloud.notes, note))
