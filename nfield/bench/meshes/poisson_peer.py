"""The peer for surfaces: Open3D's normals, consistently oriented, and screened Poisson at several depths.

Kazhdan and Hoppe, ACM TOG 32(3), 2013; orientation after Hoppe et al., SIGGRAPH 1992.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float64

from nfield.bench.memory import peak_mib
from nfield.bench.meshes.made import Made, by_depth
from nfield.core.libraries import open3d

NEIGHBOURS = 30


def solve(points: Float64[np.ndarray, "n 3"], settings: dict[str, Any]) -> Iterator[Made]:
    """A mesh for each of `settings["depths"]`, which rise."""
    library = open3d()
    start, began = peak_mib(), time.perf_counter()
    cloud = library.geometry.PointCloud(library.utility.Vector3dVector(points))
    cloud.estimate_normals(library.geometry.KDTreeSearchParamKNN(NEIGHBOURS))
    cloud.orient_normals_consistent_tangent_plane(NEIGHBOURS)
    oriented = time.perf_counter() - began
    normals = np.asarray(cloud.normals)

    def reconstruct(depth: int) -> tuple[np.ndarray, np.ndarray]:
        mesh, _ = library.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=depth)
        return np.asarray(mesh.vertices), np.asarray(mesh.triangles).astype(np.int64)

    return by_depth(points, normals, settings["depths"], reconstruct, oriented=oriented, start=start)
