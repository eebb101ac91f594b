"""The peer: screened Poisson from the same points."""

import time

import numpy as np

from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh
from nfield.points.prepare import Prepared

POISSON_DEPTHS = (6, 9)


def poisson_mesh(prepared: Prepared) -> tuple[Mesh, int, float]:
    """Open3D's screened Poisson from the same oriented points: the mesh, the depth of its octree, and seconds.

    The depth is what a careful user takes: cells of two thirds of the spacing and up, one level less where noise
    exceeds a third of the spacing, and two where it exceeds two thirds.
    Kazhdan and Hoppe, ACM TOG 32(3), 2013.
    """
    began = time.perf_counter()
    library = open3d()
    depth = int(np.ceil(np.log2(1.5 / prepared.spacing)))
    noise = prepared.facts["noise"]
    if isinstance(noise, float):
        depth -= min(2, int(3 * noise / (prepared.spacing * prepared.scale)))
    depth = int(np.clip(depth, *POISSON_DEPTHS))
    cloud = library.geometry.PointCloud(
        library.utility.Vector3dVector(prepared.sample.points.cpu().numpy().astype(np.float64))
    )
    cloud.normals = library.utility.Vector3dVector(prepared.sample.normals.cpu().numpy().astype(np.float64))
    solid, _ = library.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=depth)
    mesh = Mesh(
        vertices=np.asarray(solid.vertices) * prepared.scale + prepared.centre,
        faces=np.asarray(solid.triangles).astype(np.int64),
        source="screened Poisson",
    )
    return mesh, depth, time.perf_counter() - began
