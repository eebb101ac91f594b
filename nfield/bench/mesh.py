"""Surfaces from scans of true meshes: nfield's default beside screened Poisson at its best depth, in one run.

The best depth is picked afterwards against the truth, which no user could do: the peer at its very best.
"""

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nfield.bench.machine import describe_machine
from nfield.bench.poisson_peer import DEPTHS, poisson_meshes
from nfield.core.checks import UserError, choice, positive
from nfield.core.device import choose_device
from nfield.core.mesh import Mesh
from nfield.experiments.surface import run_surface
from nfield.experiments.surface_options import SurfaceOptions
from nfield.metrics.surface import surface_metrics
from nfield.scenes.scanner import sample_cloud
from nfield.training.progress import Progress

FIGURES = ("chamfer", "accuracy", "completeness", "hausdorff", "normal_consistency", "fscore")


@dataclass(frozen=True, kw_only=True)
class Case:
    """How a mesh is scanned: points, noise as a share of the diagonal, share of outliers."""

    points: int
    noise: float = 0.0
    outliers: float = 0.0


CASES: dict[str, Case] = {
    "100k-clean": Case(points=100_000),
    "100k-noise": Case(points=100_000, noise=0.0025),
    "10k-clean": Case(points=10_000),
    "10k-noise": Case(points=10_000, noise=0.005),
    "3k-clean": Case(points=3_000),
    "10k-outliers": Case(points=10_000, noise=0.0025, outliers=0.02),
}


@dataclass(frozen=True, kw_only=True)
class MeshBenchOptions:
    """Options of the mesh suite."""

    cases: tuple[str, ...] = tuple(CASES)
    """Cases by name."""
    seconds: float | None = None
    """Time budget of nfield for each scan; none by default."""
    peer_limit: float = 120.0
    """Seconds after which the peer is given up; orienting exact planes may take it minutes."""
    samples: int = 100_000
    """Points drawn from each surface for the figures."""
    seed: int = 0
    """Seed of the scans."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def __post_init__(self) -> None:
        for case in self.cases:
            choice(case, CASES, "case")
        if not self.cases:
            raise UserError(f"Name one case at least: {', '.join(CASES)}.")
        positive(self.peer_limit, "--peer-limit")
        positive(self.samples, "--samples")
        if self.seconds is not None:
            positive(self.seconds, "--seconds")


def bench_mesh(
    meshes: Sequence[Mesh], options: MeshBenchOptions, *, command: str, progress: Progress
) -> dict[str, Any]:
    """Everything measured, as it is written to bench.json."""
    machine = describe_machine(choose_device(options.device))
    results = []
    for name in options.cases:
        for mesh in meshes:
            result = _one(mesh, name, options)
            results.append(result)
            progress.message(_told(result))
    return {
        "suite": "mesh",
        "command": command,
        "seed": options.seed,
        "machine": machine,
        "results": results,
        "means": {name: _means([r for r in results if r["case"] == name]) for name in options.cases},
    }


def _one(mesh: Mesh, name: str, options: MeshBenchOptions) -> dict[str, Any]:
    case = CASES[name]
    draw = np.random.default_rng(options.seed)
    cloud = sample_cloud(mesh, case.points, noise=case.noise, outliers=case.outliers, generator=draw)
    began = time.perf_counter()
    own = run_surface(cloud, SurfaceOptions(baseline=False, seconds=options.seconds, device=options.device))
    spent = time.perf_counter() - began
    if own.mesh is None:
        raise AssertionError("a run that returns has a mesh")
    entry: dict[str, Any] = {
        "case": name,
        "shape": mesh.source,
        "nfield": {
            **_figures(own.mesh, mesh, options),
            "seconds": spent,
            "watertight": own.metrics["watertight"],
            "components": own.metrics["components"],
            "peak_megabytes": _peak(),
        },
        "poisson": None,
    }
    peers = poisson_meshes(cloud.points, options.peer_limit)
    if peers is None:
        entry["why"] = f"Poisson's normals were not oriented within {options.peer_limit:g} s"
        return entry
    figures = [{**_figures(p.mesh, mesh, options), "depth": p.depth, "seconds": p.seconds} for p in peers]
    entry["poisson"] = min(figures, key=lambda f: f["chamfer"])
    entry["poisson_depths"] = {f["depth"]: f["chamfer"] for f in figures}
    return entry


def _peak() -> float:
    """Peak resident memory of this process so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _figures(mesh: Mesh, truth: Mesh, options: MeshBenchOptions) -> dict[str, Any]:
    found = surface_metrics(mesh, truth, samples=options.samples, generator=np.random.default_rng(options.seed))
    return {name: getattr(found, name) for name in FIGURES}


def _means(results: list[dict[str, Any]]) -> dict[str, float | None]:
    """Means over the shapes where both finished."""
    both = [r for r in results if r["poisson"] is not None]
    if not both:
        return {"shapes": 0, "ratio_of_means": None, "mean_ratio": None, "normal_consistency": None, "seconds": None}
    own, peer = [r["nfield"] for r in both], [r["poisson"] for r in both]
    return {
        "shapes": len(both),
        "ratio_of_means": sum(o["chamfer"] for o in own) / sum(p["chamfer"] for p in peer),
        "mean_ratio": float(np.mean([o["chamfer"] / p["chamfer"] for o, p in zip(own, peer, strict=True)])),
        "normal_consistency": float(
            np.mean([o["normal_consistency"] - p["normal_consistency"] for o, p in zip(own, peer, strict=True)])
        ),
        "seconds": float(np.mean([o["seconds"] for o in own])),
    }


def _told(result: dict[str, Any]) -> str:
    own, peer = result["nfield"], result["poisson"]
    text = f"{result['case']} {result['shape']}: Chamfer {own['chamfer']:.5f} in {own['seconds']:.1f} s"
    return (
        text
        if peer is None
        else f"{text}, {own['chamfer'] / peer['chamfer']:.2f} of Poisson's at depth {peer['depth']}"
    )


def markdown(found: dict[str, Any], title: str = "Surfaces against screened Poisson") -> str:
    """The measurement as a page."""
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"# {title}",
        "",
        f"- Hardware: {machine['processor']}, {machine['cores']} cores; device {machine['device']}; "
        f"load average before the run {machine['load_before']}",
        f"- System: {machine['system']}",
        f"- Versions: {versions}",
        f"- Command: `{found['command']}`, seed {found['seed']}",
        "",
        "## Means over the shapes",
        "",
        "| case | shapes | Chamfer, ratio of means | mean of ratios | normal consistency | seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, mean in found["means"].items():
        if mean["shapes"]:
            lines.append(
                f"| {case} | {mean['shapes']} | {mean['ratio_of_means']:.2f} | {mean['mean_ratio']:.2f} | "
                f"{mean['normal_consistency']:+.4f} | {mean['seconds']:.1f} |"
            )
    lines += [
        "",
        "## Every scan",
        "",
        "| case | shape | Chamfer | Poisson | ratio | normals | Poisson | depth | seconds | Poisson | watertight |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for result in found["results"]:
        own, peer = result["nfield"], result["poisson"]
        head = f"| {result['case']} | {result['shape']} | {own['chamfer']:.6f} |"
        closed = "yes" if own["watertight"] else "no"
        if peer is None:
            lines.append(
                f"{head} - | - | {own['normal_consistency']:.4f} | - | - | {own['seconds']:.1f} | - | {closed} |"
            )
            continue
        lines.append(
            f"{head} {peer['chamfer']:.6f} | {own['chamfer'] / peer['chamfer']:.2f} | "
            f"{own['normal_consistency']:.4f} | {peer['normal_consistency']:.4f} | {peer['depth']} | "
            f"{own['seconds']:.1f} | {peer['seconds']:.1f} | "
            f"{closed} |"
        )
    lines += [
        "",
        "## How it was measured",
        "",
        "- Scans without normals, uniform by area; noise is Gaussian in all three axes, 0.0025 or 0.005 of the "
        "diagonal as the case says; outliers are spread evenly in a box a tenth larger than the shape's.",
        "- nfield: default settings, nothing tuned by case; seconds from the points to the mesh.",
        f"- Poisson: Open3D's normals (30 neighbours, consistent tangent planes) and screened Poisson, the best of "
        f"depths {DEPTHS[0]} to {DEPTHS[-1]}, picked afterwards against the truth.",
        "- Chamfer is half the sum of the mean distances both ways, point to triangle, relative to the diagonal of the "
        "truth's bounding box. Normal consistency is the mean |cosine| both ways; among the means it is nfield's less "
        "Poisson's.",
    ]
    lines += [f"- {r['case']}, {r['shape']}: {r['why']}." for r in found["results"] if "why" in r]
    return "\n".join(lines) + "\n"
