"""The final figures of a surface run: metrics.json."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from nfield.core.checks import finite_or_none
from nfield.core.libraries import open3d
from nfield.core.mesh import Mesh
from nfield.jobs.bands import THRESHOLD, band_entries
from nfield.jobs.surface.levels import UNIT
from nfield.jobs.surface.profile_probe import ProfileProbe
from nfield.jobs.surface.profiles import profile_figures
from nfield.jobs.surface.task import VolumeProbe
from nfield.meshing.checks import describe
from nfield.metrics.surface import TAU, surface_metrics
from nfield.points.prepare import Prepared
from nfield.spectral.order import order_spearman
from nfield.training.loop import TrainingResult

if TYPE_CHECKING:
    from nfield.jobs.surface.result import SurfaceResult

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


def surface_run_metrics(
    result: "SurfaceResult",
    prepared: Prepared,
    probe: VolumeProbe,
    profiles: ProfileProbe | None,
    *,
    resolution: int,
    seconds: float,
    diagnostics_seconds: float,
    trained: TrainingResult | None,
    baseline: TrainingResult | None,
    against: str,
) -> dict[str, Any]:
    """All keys of metrics.json, the baseline's under `baseline`, the peer's under `poisson`."""
    common = {"device": result.config["device"], "seed": result.config["seed"]}
    steps = result.history[-1]["step"] if result.history else 0
    metrics: dict[str, Any] = {
        "task": "mesh",
        "seconds_fit": seconds,
        **_diagnostics(diagnostics_seconds, seconds),
        "steps": steps,
        "parameters": result.field.count_parameters(),
        "precision": "float32" if trained is None else trained.precision,
        **common,
        **_bands(result.history, probe, profiles, prepared.scale),
        "bands_against": against,
        "resolution": resolution,
        **_mesh_figures(result.mesh, result.truth, result.mesh_why),
        "cloud": {**prepared.facts, "notes": list(prepared.notes)},
        "smoothing_length": prepared.smoothing.length * prepared.scale,
    }
    metrics["baseline"] = metrics["poisson"] = None
    why: dict[str, Any] = metrics["why"]
    if baseline is None or result.baseline is None:
        why["baseline"] = "not asked for (--no-baseline)"
    else:
        metrics["baseline"] = {
            "task": "mesh",
            "seconds_fit": baseline.seconds,
            **_diagnostics(baseline.diagnostics_seconds, baseline.seconds),
            "seconds_total": baseline.seconds + baseline.diagnostics_seconds,
            "steps": baseline.steps,
            "parameters": result.baseline.count_parameters(),
            "precision": baseline.precision,
            **common,
            **_bands(baseline.history, probe, profiles, prepared.scale),
            **_mesh_figures(result.baseline_mesh, result.truth, result.baseline_why),
        }
    if result.poisson is None:
        why["poisson"] = "not asked for (--compare poisson)"
    else:
        metrics["poisson"] = {**result.poisson_facts, **_mesh_figures(result.poisson, result.truth)}
    return finite_or_none(metrics)


def _diagnostics(spent: float, seconds: float) -> dict[str, float]:
    return {"diagnostics_seconds": spent, "diagnostics_share": spent / max(seconds, 1e-9)}


def _bands(
    lines: list[dict[str, Any]], probe: VolumeProbe, profiles: ProfileProbe | None, scale: float
) -> dict[str, Any]:
    bands = probe.bands
    if bands is None:
        raise AssertionError("the truth of the bands is set before they are summed up")
    steps, errors = [line["step"] for line in lines], [line["bands"] for line in lines]
    order = order_spearman(steps, errors, bands.energy)
    on_profiles = profile_figures(lines, profiles, scale)
    why = {} if order.value is not None else {"order_spearman": order.why or "it cannot be told"}
    return {
        "fit_db": lines[-1]["fit_db"],
        "bands": band_entries(bands, steps, errors, "the surface has no energy in this band", UNIT),
        "band_threshold": THRESHOLD,
        "nyquist": bands.nyquist,
        "order_spearman": order.value,
        **on_profiles,
        "why": {**why, **on_profiles["why"]},
    }


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
