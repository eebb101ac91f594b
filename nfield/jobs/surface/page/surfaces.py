"""The meshes of a run, read with patience, and the cameras that look at all of them."""

import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError
from nfield.core.limits import UPWARD, Up
from nfield.core.mesh import Mesh
from nfield.io.geometry.clouds import load_cloud
from nfield.io.geometry.meshes import load_mesh
from nfield.rendering.cameras import Camera, orbit_cameras
from nfield.rendering.gridded import gridded
from nfield.rendering.lighter import lighter
from nfield.rendering.mesh_views import mesh_cameras
from nfield.rendering.scene import MeshScene
from nfield.reports.record import RunRecord

ENDINGS = (".ply", ".obj", ".glb", ".stl")
"""Meshes are read by these endings, the first one first."""

MOST_FACES = 2_000_000
"""Larger meshes are thinned before they are drawn: the pictures would not show more."""

Read = TypeVar("Read")


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """One of the surfaces on the page."""

    key: str
    """Its name in metrics and scripts: field, baseline, poisson, truth."""
    title: str
    mesh: Mesh | None
    why: str = ""
    """Why there is no mesh."""
    expected: bool = True
    """Whether its absence is reported."""

    @cached_property
    def scene(self) -> MeshScene | None:
        """The mesh ready for rays, None where there is none."""
        return None if self.mesh is None else MeshScene(self.mesh)


@dataclass(frozen=True, kw_only=True, eq=False)
class Surfaces:
    """All that a run has of surfaces."""

    field: Shape
    baseline: Shape
    poisson: Shape
    truth: Shape
    points: Float64[np.ndarray, "n 3"] | None
    """The cloud's points as far as they were kept."""
    up: Up
    """The axis that points upwards in pictures."""

    @property
    def all(self) -> list[Shape]:
        """In the order of the page."""
        return [self.field, self.baseline, self.poisson, self.truth]

    @property
    def there(self) -> list[Shape]:
        """Those that have a mesh."""
        return [shape for shape in self.all if shape.mesh is not None]

    @cached_property
    def cameras(self) -> list[Camera]:
        """Views that are framed on the truth, else on the points, else on the first mesh: the same for all meshes."""
        if self.truth.mesh is not None:
            return mesh_cameras(self.truth.mesh, up=self.up)
        if self.points is not None and len(self.points) > 3:
            return orbit_cameras(self.points.min(0), self.points.max(0), up=self.up, inside=self.points)
        return mesh_cameras(self.there[0].mesh, up=self.up) if self.there and self.there[0].mesh else []


def read_surfaces(record: RunRecord) -> Surfaces:
    """Read the meshes and points of RUN/outputs; one that is missing or damaged has its reason in its place."""
    poisson = record.field.metrics.get("poisson")
    points, _ = _read(record.outputs, "points", load_cloud)
    return Surfaces(
        field=_shape(record, "field", "Field", "mesh"),
        baseline=_shape(record, "baseline", "Plain MLP", "baseline", expected=record.baseline is not None),
        poisson=_shape(record, "poisson", "Screened Poisson", "poisson", expected=isinstance(poisson, dict)),
        truth=_shape(record, "truth", "Truth", "truth", expected=False),
        points=None if points is None else points.points,
        up=_up(record),
    )


def _up(record: RunRecord) -> Up:
    """The upward axis in the run's options; y where there is none."""
    return next((axis for axis in UPWARD if axis == record.options.get("up")), "y")


def _shape(record: RunRecord, key: str, title: str, name: str, *, expected: bool = True) -> Shape:
    mesh, why = _read(record.outputs, name, load_mesh)
    if mesh is not None and not len(mesh.faces):
        mesh, why = None, f"outputs/{name}.ply has no faces."
    if mesh is not None and len(mesh.faces) > MOST_FACES:
        mesh = lighter(gridded(mesh, MOST_FACES), MOST_FACES)
    damaged = mesh is None and "could not be read" in why
    return Shape(key=key, title=title, mesh=mesh, why=why, expected=expected or damaged)


def _read(folder: pathlib.Path, name: str, load: Callable[[pathlib.Path], Read]) -> tuple[Read | None, str]:
    """The first of the files that is there, or why there is nothing."""
    for ending in ENDINGS:
        path = folder / f"{name}{ending}"
        if path.is_file():
            try:
                return load(path), ""
            except (UserError, OSError) as error:
                return None, f"outputs/{path.name} could not be read ({str(error).rstrip('.')})."
    return None, f"outputs/{name}{ENDINGS[0]} is not there."
