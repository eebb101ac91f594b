"""Figures of what the methods made of a scan, against the true mesh."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from nfield.bench.meshes.made import Made
from nfield.core.checks import UserError
from nfield.core.cloud import unit_normals
from nfield.core.mesh import Mesh
from nfield.meshing.checks import describe
from nfield.metrics.closest import ClosestOnMesh
from nfield.metrics.surface import surface_metrics

FIGURES = ("chamfer", "accuracy", "completeness", "hausdorff", "normal_consistency", "flipped", "fscore")
FAR = 5.0
"""In scans with outliers, points farther from the truth than this many deviations of the noise are taken for them."""


def wrong_normals(
    points: Float64[np.ndarray, "n 3"], normals: Float[np.ndarray, "n 3"], truth: Mesh, *, within: float = np.inf
) -> tuple[int, int]:
    """How many normals point against that of the truth's closest face, and of how many.

    Points farther than `within` (input units) from the truth, and normals of length zero, are not judged.
    """
    directions, _ = unit_normals(normals)
    closest = ClosestOnMesh(truth).find(points)
    if closest.normals is None:
        raise AssertionError("a mesh has normals")
    judged = directions.any(1) & (closest.distances <= within)
    cosines = np.einsum("nd,nd->n", directions[judged].astype(np.float64), closest.normals[judged])
    return int((cosines < 0).sum()), int(judged.sum())


def judge(made: Made, truth: Mesh, *, samples: int, seed: int, within: float = np.inf) -> dict[str, Any]:
    """All figures of one mesh; lengths as fractions of the truth's diagonal. Raises UserError on an empty mesh."""
    mesh = made.mesh("mesh")
    found = surface_metrics(mesh, truth, samples=samples, generator=np.random.default_rng(seed))
    facts = describe(mesh)
    wrong, judged = wrong_normals(made.points, made.normals, truth, within=within)
    return {
        **{name: getattr(found, name) for name in FIGURES},
        "wrong_normals": wrong,
        "normals_judged": judged,
        "seconds": made.seconds,
        "peak_mib": made.peak_mib,
        "start_mib": made.start_mib,
        "watertight": facts.watertight,
        "components": facts.components,
        "faces": facts.faces,
        **({} if made.depth is None else {"depth": made.depth}),
    }


def best_of(
    made: Iterable[Made], truth: Mesh, *, samples: int, seed: int, within: float = np.inf
) -> tuple[dict[str, Any], Made] | None:
    """Figures of the mesh with the least Chamfer distance, with that of every depth, and the mesh itself.

    None where no mesh can be judged: all are empty, or there is none.
    """
    judged = []
    for one in made:
        try:
            judged.append((judge(one, truth, samples=samples, seed=seed, within=within), one))
        except UserError:  # an empty mesh, or one that is not finite
            continue
    if not judged:
        return None
    figures, best = min(judged, key=lambda pair: pair[0]["chamfer"])
    if best.depth is not None:
        figures = {**figures, "depths": {f["depth"]: f["chamfer"] for f, _ in judged}}
    return figures, best


def comparisons(results: list[dict[str, Any]], names: list[str], peers: list[str]) -> list[dict[str, Any]]:
    """For each method that is no peer and each peer, means over the scans where both made a surface."""
    found = []
    for own in (name for name in names if name not in peers):
        for peer in (name for name in names if name in peers):
            both = [(r[own], r[peer]) for r in results if r[own] is not None and r[peer] is not None]
            found.append({"method": own, "against": peer, "shapes": len(both), **_means(both)})
    return found


def _means(both: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, float | None]:
    if not both:
        return dict.fromkeys(("ratio_of_means", "mean_ratio", "normal_consistency", "seconds"))
    return {
        "ratio_of_means": sum(own["chamfer"] for own, _ in both) / sum(peer["chamfer"] for _, peer in both),
        "mean_ratio": float(np.mean([own["chamfer"] / peer["chamfer"] for own, peer in both])),
        "normal_consistency": float(np.mean([own["normal_consistency"] - p["normal_consistency"] for own, p in both])),
        "seconds": float(np.mean([own["seconds"] for own, _ in both])),
    }
