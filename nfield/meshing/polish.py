"""Vertices moved onto the field's own surface, and normals from its gradient."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64

from nfield.core.mesh import Mesh
from nfield.meshing.evaluation import Field
from nfield.meshing.gradients import Slopes


def polish(
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
    moved, best = mesh.vertices.copy(), np.full(len(mesh.vertices), np.inf)
    rows, trial = np.arange(len(moved)), mesh.vertices
    for step in range(steps + 1):
        # The last round only judges: a step that went past the surface is not taken.
        values, gradients = slopes(trial) if step < steps else (slopes.values(trial), np.zeros_like(trial))
        nearer = np.abs(values) < best[rows]
        rows, trial, values, gradients = rows[nearer], trial[nearer], values[nearer], gradients[nearer]
        moved[rows], best[rows] = trial, np.abs(values)
        squared = (gradients**2).sum(1)
        trial = trial - (values / np.where(squared > 0, squared, np.inf))[:, None] * gradients
        close = ((trial - mesh.vertices[rows]) ** 2).sum(1) <= limit**2
        rows, trial = rows[close], trial[close]
    return replace(mesh, vertices=_without_turning(mesh, moved))


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
    faces = _face_normals(mesh)
    if field is None:
        return faces.astype(np.float32)
    spacing = median_edge(mesh) / 8 if len(mesh.faces) else 1.0
    slopes = Slopes(field=field, spacing=spacing, batch=batch, device=device, dtype=dtype)
    gradients = slopes(mesh.vertices)[1]
    length = np.linalg.norm(gradients, axis=1, keepdims=True)
    usable = (length[:, 0] > 0) & ((gradients * faces).sum(1) > 0)
    return np.where(usable[:, None], gradients / np.where(length > 0, length, 1), faces).astype(np.float32)


def median_edge(mesh: Mesh) -> float:
    """Median length of the faces' first edges, in input units."""
    start, end = mesh.vertices[mesh.faces[:, 0]], mesh.vertices[mesh.faces[:, 1]]
    return float(np.median(np.linalg.norm(end - start, axis=1)))


def _face_normals(mesh: Mesh) -> Float64[np.ndarray, "v 3"]:
    total = np.zeros_like(mesh.vertices)
    for axis in range(3):
        weights = np.repeat(mesh.face_vectors[:, axis], 3)
        total[:, axis] = np.bincount(mesh.faces.reshape(-1), weights, len(total))
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return total / np.where(length > 0, length, 1)


def _without_turning(mesh: Mesh, moved: Float64[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v 3"]:
    """The moved vertices, those of faces that would turn over being put back until none does."""
    suspects = np.ones(len(mesh.faces), bool)
    while True:
        rows = np.flatnonzero(suspects)
        turned = rows[_turned(mesh, moved, rows)]
        if not len(turned):
            return moved
        back = np.zeros(len(moved), bool)
        back[mesh.faces[turned]] = True
        moved[back] = mesh.vertices[back]
        # Putting vertices back moves their other faces: those have to be looked at again.
        suspects = back[mesh.faces].any(1)


def _turned(mesh: Mesh, moved: Float64[np.ndarray, "v 3"], rows: np.ndarray) -> Bool[np.ndarray, " r"]:
    a, b, c = moved[mesh.faces[rows]].transpose(1, 0, 2)
    after, before = np.cross(b - a, c - a) / 2, mesh.face_vectors[rows]
    still = (moved[mesh.faces[rows]] == mesh.corners[rows]).all((1, 2))
    return ((after * before).sum(1) <= 0) & ~still
