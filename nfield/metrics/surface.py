"""How far a mesh is from the true surface, measured both ways on points drawn uniformly by area.

Notation: "mesh to truth" takes points of the mesh and looks for the closest of the truth, "truth to mesh" the other
way. Distances are unsquared, to the closest triangle where the target is a mesh and to the closest point where it is
a cloud. Lengths are fractions of the diagonal of the truth's bounding box; their twins `*_units` are in input units.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError, at_least, positive
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.core.sampling import sample_surface
from nfield.metrics.closest import Closest, ClosestOnMesh

SAMPLES = 100_000
"""Points drawn from each surface."""

TAU = 0.005
"""Distance up to which a point counts as right in the F-score, as a fraction of the truth's diagonal."""

SURFACE_DEFINITIONS = {
    "accuracy": "mean distance from the mesh to the truth",
    "completeness": "mean distance from the truth to the mesh",
    "chamfer": "half the sum of accuracy and completeness (unsquared distances)",
    "hausdorff": "largest distance of all points drawn, either way",
    "fscore": "harmonic mean of precision and recall: shares of points within tau, mesh to truth and truth to mesh",
    "normal_consistency": "mean |cosine| between a point's normal and that of the closest triangle, both ways averaged",
    "flipped": "share of points whose normal points against that of the closest triangle, both ways averaged",
}
"""What the figures are, to be printed beside them. Lengths are fractions of the truth's bounding-box diagonal."""


@dataclass(frozen=True, kw_only=True)
class SurfaceMetrics:
    """Figures of one mesh against the truth; `SURFACE_DEFINITIONS` says what each is."""

    accuracy: float
    """Mean distance from the mesh to the truth, as a fraction of `diagonal`."""
    completeness: float
    """Mean distance from the truth to the mesh, as a fraction of `diagonal`."""
    chamfer: float
    """Half the sum of both, as a fraction of `diagonal`."""
    hausdorff: float
    """Largest distance either way, as a fraction of `diagonal`; of finitely many points, so never too large."""
    accuracy_units: float
    """The same in input units."""
    completeness_units: float
    """The same in input units."""
    chamfer_units: float
    """The same in input units."""
    hausdorff_units: float
    """The same in input units."""
    tau: float
    """Distance up to which a point counts as right, as a fraction of `diagonal`."""
    precision: float
    """Share of the mesh's points within `tau` of the truth."""
    recall: float
    """Share of the truth's points within `tau` of the mesh."""
    fscore: float
    """Harmonic mean of precision and recall; 0 where both are."""
    normal_consistency: float | None
    """Mean |n·n'| both ways averaged, 1 at best; None where the truth is a cloud without normals."""
    flipped: float | None
    """Share of points with n·n' < 0, both ways averaged: 1 for an inside-out mesh; None without normals."""
    diagonal: float
    """Diagonal of the truth's bounding box, in input units."""
    samples: int
    """Points drawn from each surface that is a mesh."""


def surface_metrics(
    mesh: Mesh,
    truth: Mesh | PointCloud,
    *,
    samples: int = SAMPLES,
    tau: float = TAU,
    generator: np.random.Generator | None = None,
) -> SurfaceMetrics:
    """Distances and normals of a mesh against a true mesh, or against a cloud of true points.

    `samples` points are drawn from each mesh by `generator` (numpy's of seed 0 if None); of a cloud all points, or
    `samples` of them where it has more. `tau` is a fraction of the diagonal of the truth's bounding box. Definitions
    after Knapitsch et al. 2017 ("Tanks and temples": precision, recall, F-score) and Mescheder et al. 2019
    ("Occupancy networks": accuracy, completeness, normal consistency). Raises UserError where a mesh has no area or
    corners that are not finite, or where the truth has no extent.
    """
    at_least(samples, 1, "The number of samples")
    positive(tau, "tau, the distance up to which a point counts as right,")
    generator = np.random.default_rng(0) if generator is None else generator
    places = truth.vertices[truth.used] if isinstance(truth, Mesh) else truth.points
    diagonal = float(np.linalg.norm(np.ptp(places, axis=0))) if len(places) else 0.0
    if not 0 < diagonal < np.inf:
        raise UserError(f"The truth '{truth.source}' has a bounding box with diagonal {diagonal}. Give a real surface.")
    points, normals = _drawn(mesh, samples, generator)
    true_points, true_normals = _drawn(truth, samples, generator)
    to_truth = ClosestOnMesh(truth).find(points) if isinstance(truth, Mesh) else _closest_in_cloud(truth, points)
    to_mesh = ClosestOnMesh(mesh).find(true_points)
    return SurfaceMetrics(
        **_lengths(to_truth.distances, to_mesh.distances, diagonal),
        **_shares(to_truth.distances, to_mesh.distances, tau * diagonal),
        **_directions(_cosines(normals, to_truth.normals), _cosines(true_normals, to_mesh.normals)),
        tau=tau,
        diagonal=diagonal,
        samples=samples,
    )


def _drawn(
    surface: Mesh | PointCloud, samples: int, generator: np.random.Generator
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"] | None]:
    """Points of a surface with their unit normals: of the faces that they lie on, or those of the cloud."""
    if isinstance(surface, Mesh):
        points, faces = sample_surface(surface, samples, generator)
        corners = surface.vertices[surface.faces[faces]]
        edges = (corners[:, 1:] - corners[:, :1]) / np.ptp(corners, axis=(1, 2))[:, None, None]
        across = np.cross(edges[:, 0], edges[:, 1])
        return points, across / np.linalg.norm(across, axis=1, keepdims=True)
    cloud = surface
    if cloud.count > samples:
        cloud = cloud.take(generator.choice(cloud.count, samples, replace=False))
    return cloud.points, None if cloud.normals is None else cloud.normals.astype(np.float64)


def _closest_in_cloud(cloud: PointCloud, points: Float64[np.ndarray, "n 3"]) -> Closest:
    from scipy.spatial import cKDTree

    # Around the origin, where differences of coordinates keep their digits.
    middle = cloud.points.mean(0)
    distances, rows = cKDTree(cloud.points - middle).query(points - middle)
    return Closest(
        distances=distances.astype(np.float64),
        normals=None if cloud.normals is None else cloud.normals[rows].astype(np.float64),
    )


def _cosines(
    normals: Float64[np.ndarray, "n 3"] | None, others: Float64[np.ndarray, "n 3"] | None
) -> Float64[np.ndarray, " m"] | None:
    """Cosines of the angles between normals where both are known; None where one side has none at all."""
    if normals is None or others is None:
        return None
    known = normals.any(1) & others.any(1)
    return np.einsum("nd,nd->n", normals[known], others[known])


def _lengths(
    accurate: Float64[np.ndarray, " n"], complete: Float64[np.ndarray, " m"], diagonal: float
) -> dict[str, float]:
    accuracy, completeness = float(accurate.mean()), float(complete.mean())
    units = {
        "accuracy": accuracy,
        "completeness": completeness,
        "chamfer": (accuracy + completeness) / 2,
        "hausdorff": max(float(accurate.max()), float(complete.max())),
    }
    return {name: value / diagonal for name, value in units.items()} | {
        f"{name}_units": value for name, value in units.items()
    }


def _shares(accurate: Float64[np.ndarray, " n"], complete: Float64[np.ndarray, " m"], tau: float) -> dict[str, float]:
    precision, recall = float((accurate <= tau).mean()), float((complete <= tau).mean())
    both = precision + recall
    return {"precision": precision, "recall": recall, "fscore": 2 * precision * recall / both if both else 0.0}


def _directions(one: Float64[np.ndarray, " n"] | None, other: Float64[np.ndarray, " m"] | None) -> dict[str, Any]:
    if one is None or other is None or not len(one) or not len(other):
        return {"normal_consistency": None, "flipped": None}
    return {
        "normal_consistency": float(np.abs(one).mean() + np.abs(other).mean()) / 2,
        "flipped": float((one < 0).mean() + (other < 0).mean()) / 2,
    }
