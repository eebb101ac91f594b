"""Closed curves in which planes cut a triangle mesh."""

import numpy as np
from jaxtyping import Float64, Int64

from nfield.core.mesh import Mesh


def closed_sections(
    mesh: Mesh, origin: Float64[np.ndarray, "3"], normal: Float64[np.ndarray, "3"]
) -> list[Float64[np.ndarray, "_ 3"]]:
    """The loops in which the plane through `origin`, across `normal`, cuts the mesh, each without a repeated end.

    Corners of a loop lie on edges of the mesh, in the order in which they follow each other; lengths are in input
    units. Curves that end at a boundary of the mesh are left out, and so are those that touch themselves at an edge
    of more than two faces. A closed mesh has neither. O(f) for f faces.
    """
    # A corner exactly in the plane counts as above it, so that no face is ever touched at a single corner.
    heights = (mesh.vertices - origin) @ normal
    above = heights >= 0
    sides = above[mesh.faces].sum(1)
    faces = mesh.faces[(sides == 1) | (sides == 2)]
    if not len(faces):
        return []
    start, end = faces, np.roll(faces, -1, axis=1)
    crossed = above[start] != above[end]
    # Each cut face has exactly two cut edges: one step of a curve.
    ends = np.stack([np.minimum(start, end)[crossed], np.maximum(start, end)[crossed]], 1)
    edges, steps = np.unique(ends, axis=0, return_inverse=True)
    low, high = heights[edges[:, 0]], heights[edges[:, 1]]
    share = (low / (low - high))[:, None]
    corners = (1 - share) * mesh.vertices[edges[:, 0]] + share * mesh.vertices[edges[:, 1]]
    return [corners[loop] for loop in _loops(steps.reshape(-1, 2), len(edges))]


def _loops(steps: Int64[np.ndarray, "s 2"], count: int) -> list[list[int]]:
    """Corners of each loop in order; `steps` join corners, and only corners of exactly two steps are walked."""
    met = np.bincount(steps.reshape(-1), minlength=count)
    # Both neighbours of every corner: ends sorted by corner, with the other end of their step.
    order = np.argsort(steps.reshape(-1), kind="stable")
    other = steps[:, ::-1].reshape(-1)[order]
    first = np.concatenate([[0], np.cumsum(met)[:-1]]).tolist()
    neighbours, simple = other.tolist(), (met == 2).tolist()
    seen = [not one for one in simple]
    loops = []
    for begin in range(count):
        if seen[begin]:
            continue
        loop, before, here, closed = [begin], begin, neighbours[first[begin]], False
        seen[begin] = True
        while simple[here]:
            if here == begin:
                closed = True
                break
            if seen[here]:
                break
            seen[here] = True
            loop.append(here)
            ahead = neighbours[first[here] : first[here] + 2]
            before, here = here, ahead[1] if ahead[0] == before else ahead[0]
        if closed and len(loop) > 2:
            loops.append(loop)
    return loops
