"""What a surface run returns."""

import dataclasses
from typing import Any

import numpy as np

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.fields.meshed import Extent
from nfield.io.geometry.clouds import load_cloud
from nfield.jobs.result import Result


@dataclasses.dataclass(kw_only=True, eq=False)
class SurfaceResult(Result):
    """A fitted signed distance in input units, with its mesh."""

    mesh: Mesh | None = None
    """In input units; None where a run folder was opened, whose mesh is outputs/mesh.ply."""
    mesh_why: str | None = None
    """Why there is no mesh."""
    cloud: PointCloud | None = None
    """The points that were used."""
    truth: Mesh | None = None
    baseline_mesh: Mesh | None = None
    baseline_why: str | None = None
    """Why the baseline has no mesh."""
    poisson: Mesh | None = None
    poisson_facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def extent(self) -> Extent:
        """What meshing needs to know of the points: those at hand, or those in the run folder.

        Raises UserError where neither is there.
        """
        cloud = self.cloud
        if cloud is None:
            path = None if self.folder is None else self.folder / "outputs" / "points.ply"
            if path is None or not path.is_file():
                raise UserError("The run holds no points, so it is not known where its surface lies. Let it finish.")
            cloud = load_cloud(path)
        frame, smoothing = self.config["frame"], self.config["smoothing"]
        centre, scale = np.asarray(frame["centre"], np.float64), float(frame["scale"])
        return Extent(
            points=(cloud.points - centre) / scale,
            colours=cloud.colours,
            centre=centre,
            scale=scale,
            spacing=self.config["spacing"],
            step=smoothing["step"],
        )
