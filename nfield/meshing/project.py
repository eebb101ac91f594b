"""Vertices projected onto the field's own surface, and normals from its gradient."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64

from nfield.core.blocks import blocks
from nfield.core.mesh import Mesh, face_vectors
from nfield.meshing.evaluation import Field
from nfield.meshing.gradients import Slopes


def project(
    mesh: Mesh,
    field: Field,
    steps: int = 2,
    limit: float | None = None,
    *,
    level: float = 0.0,
    batch: int = 2**16,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Mesh:
    """Bring vertices nearer to where the field is `level`, by Newton steps along its gradient.

    No vertex ends farther than `limit` (input units; by default half the median edge, which is near half a cell) from
    where it was. Vertices whose surface lies farther away, such as those on the faces of the box, stay; so do those
    that steps do not bring nearer, and those whose moving would turn a face over.
    """
    if not len(mesh.faces):
        return mesh
    if limit is None:
        limit = median_edge(mesh) / 2
    slopes = Slopes(field=field, spacing=limit / 4, level=level, batch=batch, device=device, dtype=dtype)
    moved = mesh.vertices.copy()
    for part in blocks(len(moved)):
        moved[part] = _stepped(mesh.vertices[part], slopes, steps, limit)
    return replace(mesh, vertices=_without_turning(mesh, moved))


def _stepped(
    vertices: Float64[np.ndarray, "v 3"], slopes: Slopes, steps: int, limit: float
) -> Float64[np.ndarray, "v 3"]:
    """Vertices after Newton steps, each only as long as they bring it nearer and within the limit."""
    moved, best = vertices.copy(), np.full(len(vertices), np.inf)
    rows, trial = np.arange(len(moved)), vertices
    for step in range(steps + 1):
        # The last round only judges: a step that went past the surface is not taken.
        values, gradients = slopes(trial) if step < steps else (slopes.values(trial), np.zeros_like(trial))
        nearer = np.abs(values) < best[rows]
        rows, trial, values, gradients = rows[nearer], trial[nearer], values[nearer], gradients[nearer]
        moved[rows], best[rows] = trial, np.abs(values)
        squared = (gradients**2).sum(1)
        trial = trial - (values / np.where(squared > 0, squared, np.inf))[:, None] * gradients
        close = ((trial - vertices[rows]) ** 2).sum(1) <= limit**2
        rows, trial = rows[close], trial[close]
    return moved


def vertex_normals(
    mesh: Mesh,
    field: Field | None = None,
    *,
    batch: int = 2**16,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Float32[np.ndarray, "v 3"]:
    """Outward unit normals of the vertices: the field's gradient, or without a field the mean of the faces by area.

    Where the gradient vanishes or points into the solid that the faces bound, the faces decide.
    """
    found = _face_normals(mesh)
    if field is None:
        return found
    spacing = median_edge(mesh) / 8 if len(mesh.faces) else 1.0
    slopes = Slopes(field=field, spacing=spacing, batch=batch, device=device, dtype=dtype)
    for part in blocks(len(found)):
        gradients = slopes(mesh.vertices[part])[1]
        length = np.linalg.norm(gradients, axis=1)
        usable = (length > 0) & ((gradients * found[part]).sum(1) > 0)
        found[part][usable] = gradients[usable] / length[usable, None]
    return found


def median_edge(mesh: Mesh) -> float:
    """Median length of the faces' first edges, in input units."""
    lengths = np.zeros(len(mesh.faces))
    for rows in mesh.blocks():
        start, end = mesh.vertices[mesh.faces[rows, 0]], mesh.vertices[mesh.faces[rows, 1]]
        lengths[rows] = np.linalg.norm(end - start, axis=1)
    return float(np.median(lengths))


def _face_normals(mesh: Mesh) -> Float32[np.ndarray, "v 3"]:
    """Mean of the normals of the faces around each vertex, by area."""
    total = np.zeros((3, len(mesh.vertices)))
    for rows in mesh.blocks():
        vectors = face_vectors(mesh.vertices[mesh.faces[rows]])
        for axis in range(3):
            np.add.at(total[axis], mesh.faces[rows].reshape(-1), np.repeat(vectors[:, axis], 3))
    normals = np.zeros((len(mesh.vertices), 3), np.float32)
    for part in blocks(len(normals)):
        length = np.linalg.norm(total[:, part].T, axis=1, keepdims=True)
        normals[part] = total[:, part].T / np.where(length > 0, length, 1)
    return normals


def _without_turning(mesh: Mesh, moved: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v 3"]:
    """The moved vertices, those of faces that would turn over being put back until none does."""
    back = np.ones(len(moved), bool)
    while True:
        # Putting vertices back moves their other faces: those have to be checked again.
        turned = np.concatenate(
            [_turned(mesh.vertices, moved, _faces_at(mesh.faces[rows], back)) for rows in mesh.blocks()]
        )
        if not len(turned):
            return moved
        back[:] = False
        back[turned] = True
        moved[back] = mesh.vertices[back]


def _faces_at(faces: Int64[np.ndarray, "f 3"], marked: Bool[np.ndarray, " v"]) -> Int64[np.ndarray, "g 3"]:
    """Those of the faces that have a marked vertex."""
    return faces[marked[faces].any(1)]


def _turned(
    vertices: Float64[np.ndarray, "v 3"], moved: Float64[np.ndarray, "v 3"], faces: Int64[np.ndarray, "f 3"]
) -> Int64[np.ndarray, "g 3"]:
    """Those of the faces that turn over."""
    before, after = vertices[faces], moved[faces]
    still = (after == before).all((1, 2))
    return faces[((face_vectors(after) * face_vectors(before)).sum(1) <= 0) & ~still]
