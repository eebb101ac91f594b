"""MeshLab as a peer for surfaces, through pymeshlab: its own normals for point sets, then its screened Poisson.

Both filters as MeshLab offers them, but for the depth of the octree, and for the number of threads: MeshLab takes as
many as the machine has cores, which wait for one another in a loop, so that on a busy machine seconds become minutes.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float64

from nfield.bench.memory import peak_mib
from nfield.bench.meshes.made import Made, by_depth
from nfield.core.libraries import pymeshlab


def solve(points: Float64[np.ndarray, "n 3"], settings: dict[str, Any]) -> Iterator[Made]:
    """A mesh for each of `settings["depths"]`, which rise."""
    library = pymeshlab()
    start, began = peak_mib(), time.perf_counter()
    layers = library.MeshSet()
    layers.add_mesh(library.Mesh(vertex_matrix=points))
    scan = layers.current_mesh_id()
    layers.compute_normal_for_point_clouds()
    oriented = time.perf_counter() - began
    normals = _unit(layers.current_mesh().vertex_normal_matrix())

    def reconstruct(depth: int) -> tuple[np.ndarray, np.ndarray]:
        layers.set_current_mesh(scan)
        layers.generate_surface_reconstruction_screened_poisson(depth=depth, threads=settings["threads"])
        mesh = layers.current_mesh()
        found = mesh.vertex_matrix(), mesh.face_matrix().astype(np.int64)
        # The result is a layer of its own, which would be kept beside those of the depths to come.
        layers.delete_current_mesh()
        return found

    return by_depth(points, normals, settings["depths"], reconstruct, oriented=oriented, start=start)


def _unit(vectors: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 0, vectors / np.where(length > 0, length, 1), 0)
