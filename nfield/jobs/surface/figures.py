"""The final figures of a surface run."""

from typing import Any

import numpy as np
from jaxtyping import Float

from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh
from nfield.jobs.figures import Measured, Series
from nfield.jobs.run import Run, Side
from nfield.jobs.surface.levels import UNIT
from nfield.jobs.surface.profiles import profile_figures
from nfield.jobs.surface.result import SurfaceResult
from nfield.jobs.surface.task import VolumeProbe
from nfield.meshing.checks import describe
from nfield.metrics.surface import TAU, surface_metrics
from nfield.points.prepare import Prepared

COMPARED = ("chamfer", "accuracy", "completeness", "hausdorff", "fscore", "normal_consistency", "flipped")
NO_TRUTH = "no true mesh was given (--truth)"


def true_indicator(
    probe: VolumeProbe, prepared: Prepared, truth: Mesh | None
) -> tuple[Float[np.ndarray, "n n n"] | None, str]:
    """The soft indicator of a true mesh on the probe's grid, and what bands are measured against."""
    own = "the splines fitted to the points"
    if truth is None:
        return None, f"{own}, as {NO_TRUTH}"
    if not describe(truth).watertight:
        return None, f"{own}, as the true mesh is not closed and has no inside"
    library = open3d()
    scene = library.t.geometry.RaycastingScene()
    corners = ((truth.vertices - prepared.centre) / prepared.scale).astype(np.float32)
    scene.add_triangles(library.core.Tensor(corners), library.core.Tensor(truth.faces.astype(np.uint32)))
    distance = scene.compute_signed_distance(library.core.Tensor(probe.points.numpy())).numpy()
    return probe.indicator(distance), "the true mesh"


def series(run: Run) -> list[Series]:
    """Errors over the bands of the space around the surface."""
    return [Series(errors=run.known.probe.bands, unit=UNIT, silent="the surface has no energy in this band")]


def measure(run: Run, result: SurfaceResult) -> dict[str, Measured]:
    """Meshes and profiles of each side."""
    meshes = {"field": (result.mesh, result.mesh_why), "baseline": (result.baseline_mesh, result.baseline_why)}
    return {name: _measured(run, side, *meshes[name]) for name, side in run.sides.items()}


def _measured(run: Run, side: Side, mesh: Mesh | None, missing: str | None) -> Measured:
    lines, prepared = side.done.history, run.known.prepared
    on_profiles = profile_figures(lines, run.known.profiles, prepared.scale)
    why = on_profiles.pop("why")
    figures = {"fit_db": lines[-1]["fit_db"], **on_profiles, **_mesh_figures(mesh, run.data.truth, missing)}
    return Measured(figures=figures, why=why)


def complete(run: Run, result: SurfaceResult, metrics: dict[str, Any]) -> dict[str, Any]:
    """What was understood of the points, and the peer's figures."""
    prepared: Prepared = run.known.prepared
    found: dict[str, Any] = {
        "bands_against": run.known.against,
        "resolution": run.sides["field"].found.resolution,
        "cloud": {**prepared.facts, "notes": list(prepared.notes)},
        "smoothing_length": prepared.smoothing.length * prepared.scale,
        "poisson": None,
    }
    if result.poisson is None:
        return {**found, "why": {"poisson": "not asked for (--compare poisson)"}}
    return {**found, "poisson": {**result.poisson_facts, **_mesh_figures(result.poisson, result.truth)}}


def _mesh_figures(mesh: Mesh | None, truth: Mesh | None, missing: str | None = None) -> dict[str, Any]:
    """Facts of a mesh and its distances from the truth; null, with why, where there is none."""
    names = ("vertices", "faces", "watertight", "components", "area", "volume")
    if mesh is None:
        reason = missing or "there is no mesh"
        return {**dict.fromkeys((*names, *COMPARED)), **{f"{name}_why": reason for name in (*names, *COMPARED)}}
    known = describe(mesh)
    figures: dict[str, Any] = {name: getattr(known, name) for name in names}
    figures["boundary_edges"], figures["crowded_edges"] = known.boundary_edges, known.crowded_edges
    if truth is None:
        return {**figures, **dict.fromkeys(COMPARED), **{f"{name}_why": NO_TRUTH for name in COMPARED}}
    found = surface_metrics(mesh, truth, generator=np.random.default_rng(0))
    figures.update({name: getattr(found, name) for name in COMPARED})
    figures.update({f"{name}_units": getattr(found, f"{name}_units") for name in COMPARED[:4]})
    return {**figures, "fscore_tau": TAU, "diagonal": found.diagonal}
