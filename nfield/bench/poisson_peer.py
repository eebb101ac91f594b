"""The peer for surfaces: Open3D's normals, consistently oriented, and screened Poisson at several depths.

Run in a process of its own, since orienting may take minutes on exact planes: `python -m nfield.bench.poisson_peer`.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh

NEIGHBOURS = 30
DEPTHS = (6, 7, 8, 9)


@dataclass(frozen=True, kw_only=True, eq=False)
class PeerMesh:
    """A mesh of the peer."""

    depth: int
    mesh: Mesh
    seconds: float
    """Normals, orientation and solve."""


def poisson_meshes(points: Float64[np.ndarray, "n 3"], limit: float) -> list[PeerMesh] | None:
    """Screened Poisson at every depth; None where the normals are not oriented within `limit` seconds.

    Kazhdan and Hoppe, ACM TOG 32(3), 2013; orientation after Hoppe et al., SIGGRAPH 1992.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "points.npy", Path(folder) / "found.npz"
        np.save(given, points)
        command = [sys.executable, "-m", "nfield.bench.poisson_peer", os.fspath(given), os.fspath(found)]
        try:
            subprocess.run(command, check=True, timeout=limit, stdout=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return None
        with np.load(found) as data:
            return [
                PeerMesh(
                    depth=depth,
                    mesh=Mesh(vertices=data[f"vertices_{depth}"], faces=data[f"faces_{depth}"], source="Poisson"),
                    seconds=float(data[f"seconds_{depth}"]),
                )
                for depth in DEPTHS
            ]


def solve(given: Path, found: Path) -> None:
    """Reconstruct the points in one file and write the meshes to another."""
    library, began = open3d(), time.perf_counter()
    cloud = library.geometry.PointCloud(library.utility.Vector3dVector(np.load(given)))
    cloud.estimate_normals(library.geometry.KDTreeSearchParamKNN(NEIGHBOURS))
    cloud.orient_normals_consistent_tangent_plane(NEIGHBOURS)
    oriented = time.perf_counter() - began
    arrays: dict[str, Any] = {}
    for depth in DEPTHS:
        began = time.perf_counter()
        mesh, _ = library.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=depth)
        arrays[f"vertices_{depth}"] = np.asarray(mesh.vertices)
        arrays[f"faces_{depth}"] = np.asarray(mesh.triangles).astype(np.int64)
        arrays[f"seconds_{depth}"] = np.float64(oriented + time.perf_counter() - began)
    np.savez(found, **arrays)


if __name__ == "__main__":
    solve(Path(sys.argv[1]), Path(sys.argv[2]))
