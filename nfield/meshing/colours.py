"""Colours of a cloud's points carried to the vertices of a mesh."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, UInt8
from scipy.spatial import cKDTree

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh

BLOCK = 2**18
"""Vertices whose neighbours are held in memory together."""


def carry_colours(
    mesh: Mesh, points: Float64[np.ndarray, "p 3"], colours: UInt8[np.ndarray, "q 3"], k: int = 4
) -> Mesh:
    """The mesh coloured by its vertices' k nearest points, each weighted by the inverse of its distance.

    Raises UserError for no points and for other than one colour each.
    """
    if not len(points) or len(points) != len(colours):
        raise UserError(f"{len(points):,} points have {len(colours):,} colours. Give one colour for each point.")
    k = min(k, len(points))
    tree = cKDTree(points)
    found = np.zeros((len(mesh.vertices), 3), np.uint8)
    for start in range(0, len(found), BLOCK):
        block = mesh.vertices[start : start + BLOCK]
        distance, nearest = (a.reshape(len(block), k) for a in tree.query(block, k, workers=-1))
        # A vertex upon a point takes its colour: the floor is far below any other distance that matters.
        weights = 1 / np.maximum(distance, 1e-12 * max(mesh.diagonal, 1e-300))
        weights /= weights.sum(1, keepdims=True)
        mixed = (colours[nearest] * weights[..., None]).sum(1)
        found[start : start + BLOCK] = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    return replace(mesh, colours=found)
