"""From what the command line names to a point cloud."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from nfield.core.checks import UserError, at_least

if TYPE_CHECKING:
    from nfield.core.cloud import PointCloud
    from nfield.core.mesh import Mesh
    from nfield.jobs.surface.options import SurfaceOptions
    from nfield.jobs.surface.result import SurfaceResult
    from nfield.training.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What the command takes beyond the options of the run."""

    cloud: Optional[str] = None
    """Point cloud: PLY, XYZ, PTS, TXT, CSV, PCD, NPY, NPZ; or a mesh as a source of points."""
    mesh: Optional[str] = None
    """Also write the mesh to this file: .ply, .obj, .glb, .stl or .off."""
    truth: Optional[str] = None
    """True mesh to measure against."""
    sample: Optional[int] = None
    """Of a mesh as input: draw so many points by area, instead of its vertices."""
    sample_noise: float = 0.0
    """Noise added to these, as a share of the diagonal."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class SurfaceData:
    """A point cloud, and the true mesh where it is known."""

    cloud: "PointCloud"
    truth: "Mesh | None" = None

    @property
    def source(self) -> str:
        """Name of the cloud."""
        return self.cloud.source


def open_cloud(command: Any, options: "SurfaceOptions", progress: "Progress") -> SurfaceData:
    """The cloud and the true mesh that the command names."""
    import numpy as np

    from nfield.io.geometry.clouds import load_cloud
    from nfield.io.geometry.meshes import check_mesh_path, load_mesh

    if command.cloud is None:
        raise UserError("nfield reconstruct needs a point cloud: nfield reconstruct scan.ply")
    if command.mesh is not None:
        check_mesh_path(command.mesh)
        if Path(command.mesh).exists():
            raise UserError(f"'{command.mesh}' exists. Choose another name for --mesh.")
    if command.sample is not None:
        at_least(command.sample, 4, "--sample")
    at_least(command.sample_noise, 0, "--sample-noise")
    draw = np.random.default_rng(options.seed)
    cloud = load_cloud(command.cloud, sample=command.sample, noise=command.sample_noise, generator=draw)
    return SurfaceData(cloud=cloud, truth=None if command.truth is None else load_mesh(command.truth))


def given(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the command took, from config.json of an earlier run."""
    return {"cloud": config.get("source"), "truth": config.get("truth")}


def size(config: Mapping[str, Any]) -> str:
    """Extent and spacing of a run's points in words."""
    scale = config["frame"]["scale"]
    return f"points within {scale:.6g} units, {config['spacing'] * scale:.3g} apart"


def finish(command: Any, result: "SurfaceResult") -> dict[str, Path]:
    """Write the mesh where the command wants it too."""
    from nfield.io.geometry.meshes import save_mesh

    if command.mesh is not None and result.mesh is not None:
        save_mesh(command.mesh, result.mesh)
    folder = result.folder or Path()
    return {"Mesh": Path(command.mesh) if command.mesh is not None else folder / "outputs" / "mesh.ply"}


def content(data: SurfaceData) -> list[Any]:
    """The points, with what is known at each, and the true mesh."""
    cloud, truth = data.cloud, data.truth
    known = [cloud.points, cloud.normals, cloud.colours]
    known += [] if truth is None else [truth.vertices, truth.faces]
    return [part for part in known if part is not None]
