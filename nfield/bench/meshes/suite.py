"""Surfaces from scans of true meshes: nfield's default beside screened Poisson at its best depth, in one run.

The best depth is picked afterwards against the truth, which no user could do: the peer at its very best. Every method
runs on every scan in a process of its own, which gives its peak memory and keeps a crash from ending the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.bench.meshes.figures import FAR, best_of, comparisons
from nfield.bench.meshes.made import Made
from nfield.bench.meshes.methods import ANYTIME, ANYTIME_SECONDS, METHODS, OWN, POISSON, chosen_methods, peer_versions
from nfield.bench.meshes.pictures import file_name, write_views
from nfield.bench.meshes.table import markdown
from nfield.bench.page import begun, write_measurement
from nfield.bench.worker import run_worker
from nfield.core.checks import UserError, at_least, choice, positive, within
from nfield.core.device import choose_device
from nfield.core.mesh import Mesh
from nfield.scenes.scanner import sample_cloud
from nfield.training.progress import Progress


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
    anytime: bool = False
    """Also run nfield with a budget of five seconds."""
    depths: tuple[int, ...] = (6, 7, 8, 9)
    """Depths of screened Poisson, of which the best is picked."""
    peer_limit: float = 120.0
    """Seconds after which a peer is stopped; orienting exact planes may take it minutes."""
    own_limit: float = 1800.0
    """Seconds after which nfield is stopped."""
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
        if not self.depths:
            raise UserError("Name one of screened Poisson's --depths at least, such as 8.")
        for depth in self.depths:
            within(depth, 2, 12, "Each of --depths")
        positive(self.peer_limit, "--peer-limit")
        positive(self.own_limit, "--own-limit")
        positive(self.samples, "--samples")
        at_least(self.seed, 0, "--seed")
        if self.seconds is not None:
            positive(self.seconds, "--seconds")


def bench_mesh(
    meshes: Sequence[Mesh], options: MeshBenchOptions, *, folder: Path, command: str, progress: Progress
) -> dict[str, Any]:
    """Measure all methods on scans of all meshes; the result is the content of bench.json.

    After every scan bench.json, bench.md and a picture are in the folder, so that what was measured is kept whatever
    happens next. Raises KeyboardInterrupt that says so.
    """
    meshes = _apart(meshes)
    names, absent = chosen_methods(anytime=options.anytime)
    found: dict[str, Any] = {
        **begun("mesh", command, options, choose_device(options.device)),
        "seed": options.seed,
        "complete": False,
        "methods": {name: {"title": METHODS[name].title, "rules": METHODS[name].rules} for name in names},
        "absent": absent,
        "results": [],
        "means": {},
    }
    found["machine"]["versions"] |= peer_versions(names)
    results, scans = found["results"], [(name, mesh) for name in options.cases for mesh in meshes]
    progress.start("bench")
    try:
        for name, mesh in scans:
            results.append(_Scan(mesh, name, options, folder).measure(names, progress, len(results), len(scans)))
            peers = [method for method in names if METHODS[method].peer]
            found["means"] = {
                case: comparisons([r for r in results if r["case"] == case], names, peers)
                for case in options.cases
                if any(r["case"] == case for r in results)
            }
            found["complete"] = len(results) == len(scans)
            write_measurement(folder, found, markdown(found))
            progress.warn(_text(results[-1]))
    except KeyboardInterrupt:
        kept = f"; those are in '{folder}'" if results else ""
        raise KeyboardInterrupt(f"Interrupted after {len(results)} of {len(scans)} scans{kept}.") from None
    finally:
        progress.finish()
    return found


def _apart(meshes: Sequence[Mesh]) -> list[Mesh]:
    """The meshes, numbered where several have one name: tables and files go by it."""
    count: dict[str, int] = {}
    apart = []
    for mesh in meshes:
        count[mesh.source] = number = count.get(mesh.source, 0) + 1
        apart.append(mesh if number == 1 else replace(mesh, source=f"{mesh.source}-{number}"))
    return apart


class _Scan:
    """One mesh scanned in one way, and what the methods make of it."""

    def __init__(self, mesh: Mesh, name: str, options: MeshBenchOptions, folder: Path):
        self.mesh, self.name, self.options, self.folder = mesh, name, options, folder
        self.case = CASES[name]
        draw = np.random.default_rng(options.seed)
        cloud = sample_cloud(mesh, self.case.points, noise=self.case.noise, outliers=self.case.outliers, generator=draw)
        self.points = cloud.points

    def measure(self, names: list[str], progress: Progress, done: int, scans: int) -> dict[str, Any]:
        """The entry of bench.json. `done` of `scans` scans are behind."""
        entry: dict[str, Any] = {"case": self.name, "shape": self.mesh.source, "why": {}}
        best: list[tuple[str, Made]] = []
        for number, name in enumerate(names):
            part = done * len(names) + number
            doing = f"{self.name} {self.mesh.source}: {METHODS[name].title}"
            progress.update(step=part, fraction=part / (scans * len(names)), loss=None, quality=doing)
            entry[name], made = self._run(name, entry["why"])
            if made is not None:
                best.append((name, made))
        entry["picture"] = file_name(self.name, self.mesh.source)
        columns = [(_title(name, entry[name]), made.mesh(name)) for name, made in best]
        write_views(self.folder / entry["picture"], self.mesh, columns)
        return entry

    def _run(self, name: str, why: dict[str, str]) -> tuple[dict[str, Any] | None, Made | None]:
        options, peer = self.options, METHODS[name].peer
        settings = {
            "depths": sorted(set(options.depths)),
            "seconds": ANYTIME_SECONDS if name == ANYTIME else options.seconds,
            "device": options.device,
            "threads": torch.get_num_threads(),
        }
        limit = options.peer_limit if peer else options.own_limit
        outcome = run_worker(METHODS[name].module, self.points, settings, limit=limit)
        far = FAR * self.case.noise * self.mesh.diagonal if self.case.outliers else np.inf
        found = best_of(outcome.made, self.mesh, samples=options.samples, seed=options.seed, within=far)
        if outcome.why is not None:
            depths = ", ".join(str(made.depth) for made in outcome.made)
            why[name] = outcome.why + (f"; depths {depths} were ready" if peer and depths else "")
        elif found is None:
            why[name] = "made no surface that can be measured"
        return found or (None, None)


def _title(name: str, figures: dict[str, Any]) -> str:
    depth = f", depth {figures['depth']}" if "depth" in figures else ""
    return f"{METHODS[name].title}{depth}\nChamfer {figures['chamfer']:.2g}"


def _text(result: dict[str, Any]) -> str:
    own, peer = result[OWN], result[POISSON]
    text = f"{result['case']} {result['shape']}:"
    if own is None:
        return f"{text} nfield {result['why'][OWN]}"
    text += f" Chamfer {own['chamfer']:.5f} in {own['seconds']:.1f} s"
    if peer is None:
        return text
    return f"{text}, {own['chamfer'] / peer['chamfer']:.2f} of Poisson's at depth {peer['depth']}"
