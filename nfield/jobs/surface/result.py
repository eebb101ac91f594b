"""What a surface run returns, and how it is opened again from its folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nfield.backbones import BACKBONES
from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.config import named_from_dict
from nfield.core.device import choose_device
from nfield.core.mesh import Mesh
from nfield.core.seeding import generator
from nfield.core.types import Band
from nfield.encodings import ENCODINGS
from nfield.fields.base import Field
from nfield.fields.meshed import Extent
from nfield.fields.network_distance import NetworkDistance
from nfield.fields.splines import SplineDistance
from nfield.fields.surface import SurfaceField
from nfield.io.geometry.clouds import load_cloud
from nfield.io.run_folder import RunFolder
from nfield.jobs.bands import final_bands


@dataclasses.dataclass(kw_only=True)
class SurfaceResult:
    """A fitted surface with its mesh, history and figures."""

    field: SurfaceField
    """Signed distance in input units, with normals, closest points, ray hits and more."""
    config: dict[str, Any]
    history: list[dict[str, Any]]
    metrics: dict[str, Any]
    mesh: Mesh | None = None
    """In input units; None where a run folder was opened, whose mesh is outputs/mesh.ply."""
    mesh_why: str | None = None
    """Why there is no mesh."""
    cloud: PointCloud | None = None
    """The points that were used."""
    truth: Mesh | None = None
    baseline: SurfaceField | None = None
    baseline_mesh: Mesh | None = None
    baseline_why: str | None = None
    """Why the baseline has no mesh."""
    poisson: Mesh | None = None
    poisson_facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    folder: Path | None = None

    @property
    def bands(self) -> list[Band]:
        """The final error of every band."""
        return final_bands(self.metrics)

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

    def save(self, directory: str | Path) -> Path:
        """Write a run folder on which every command works; an existing run is never overwritten."""
        from nfield.jobs.surface.outputs import write_surfaces

        fields = {"field": self.field.network, "baseline": None if self.baseline is None else self.baseline.network}
        folder = RunFolder.of_finished(directory, self.config, self.history, fields, self.metrics["steps"])
        write_surfaces(folder, self)
        folder.write_metrics(self.metrics)
        return folder.path


def build_network(recipe: dict[str, Any], seed: int) -> NetworkDistance:
    """The network of a recipe, as config.json has it, with weights drawn from the seed."""
    draw = generator(seed, "weights")
    encoding = named_from_dict(ENCODINGS, recipe["encoding"], "encoding").build(3, draw)
    backbone = named_from_dict(BACKBONES, recipe["backbone"], "backbone").build(encoding.out_dim, 1, draw)
    # Runs of before these keys were written had neither.
    return NetworkDistance(Field(encoding, backbone), reach=recipe.get("reach", 1.0), radius=recipe.get("start_radius"))


def load_surface(folder: RunFolder, device: str = "cpu") -> SurfaceResult:
    """Open a surface run, finished or not."""
    config = folder.read_config()
    place = choose_device(device)
    centre, scale = torch.tensor(config["frame"]["centre"], dtype=torch.float64), config["frame"]["scale"]
    found: dict[str, SurfaceField | None] = {"field": None, "baseline": None}
    for name, key in (("field", "recipe"), ("baseline", "baseline_recipe")):
        recipe = config.get(key)
        if not recipe or not folder.has_checkpoint(name):
            continue
        _, state = folder.load_weights(name)
        network: torch.nn.Module
        if recipe["encoding"]["name"] == "splines":
            network = SplineDistance.from_state(state)
        else:
            network = build_network(recipe, config["seed"])
            network.load_state_dict(state)
        found[name] = SurfaceField(network, centre, scale).to(place).eval()
    if found["field"] is None:
        raise UserError(f"{folder.path} holds no checkpoint yet: let the run go on, or continue it with --resume.")
    return SurfaceResult(
        field=found["field"],
        baseline=found["baseline"],
        config=config,
        history=folder.read_history(),
        metrics=folder.read_metrics() or {},
        folder=folder.path,
    )
