"""The methods that make a surface of a scan, and which of them can run here."""

import importlib.util
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method, run by `nfield.bench.worker`."""

    title: str
    """Name in tables."""
    module: str
    """Has `solve(points, settings)`, which yields meshes."""
    rules: str
    """How it is run, for the page."""
    peer: bool = True
    """Whether it is screened Poisson at several depths, of which the best is picked."""


OWN, ANYTIME, POISSON, MESHLAB = "nfield", "anytime", "poisson", "meshlab"
ANYTIME_SECONDS = 5.0
"""Budget of the anytime check."""

METHODS: dict[str, Method] = {
    OWN: Method(
        title="nfield",
        module="nfield.bench.meshes.own_surface",
        rules="default settings, nothing tuned by case",
        peer=False,
    ),
    ANYTIME: Method(
        title=f"nfield, {ANYTIME_SECONDS:g} s",
        module="nfield.bench.meshes.own_surface",
        rules=f"the same with `--seconds {ANYTIME_SECONDS:g}`, a budget for fitting: the mesh comes after it",
        peer=False,
    ),
    POISSON: Method(
        title="Poisson",
        module="nfield.bench.meshes.poisson_peer",
        rules="Open3D's normals (30 neighbours, consistent tangent planes) and screened Poisson",
    ),
    MESHLAB: Method(
        title="MeshLab",
        module="nfield.bench.meshes.meshlab_peer",
        rules="MeshLab's normals for point sets and its screened Poisson, all else as MeshLab offers it, on as many "
        "threads as nfield",
    ),
}
"""In the order in which they run and stand in tables."""

NO_MESHLAB = (
    "MeshLab's screened Poisson was left out, since pymeshlab is not installed: pip install pymeshlab, or nfield with "
    "its extra, pip install '.[bench]'"
)


def chosen_methods(*, anytime: bool) -> tuple[list[str], list[str]]:
    """Names of the methods that can run here, and a sentence for each peer that cannot."""
    names = [OWN, *([ANYTIME] if anytime else []), POISSON]
    # Looked for, not imported: that may crash, and would count in this process.
    if importlib.util.find_spec("pymeshlab") is None:
        return names, [NO_MESHLAB]
    return [*names, MESHLAB], []


def peer_versions(names: list[str]) -> dict[str, str]:
    """Versions of the packages behind the peers."""
    packages = {POISSON: "open3d", MESHLAB: "pymeshlab"}
    found = {}
    for name in names:
        if name in packages:
            try:
                found[packages[name]] = metadata.version(packages[name])
            except metadata.PackageNotFoundError:
                found[packages[name]] = "unknown"
    return found
