"""What keeps memory bounded, and fine detail affordable, on the way from a field to its mesh."""

import numpy as np
import pytest
from short_runs import run_surface

from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.fields import meshed as surface_mesh
from nfield.jobs.surface.options import SurfaceOptions


def ball(count: int, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def mesh_with(faces: int) -> Mesh:
    return Mesh(vertices=np.eye(3), faces=np.tile([[0, 1, 2]], (faces, 1)))


def test_decimation_is_handed_no_more_faces_than_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface_mesh, "DECIMATED", 10_000)
    asked: list[int] = []

    def extracted(cells: int) -> Mesh:
        asked.append(cells)
        return mesh_with(cells**2 // 8)

    cells = surface_mesh._decimable(extracted, 2048, 100)
    assert asked == [surface_mesh.TRIAL_CELLS]
    assert 9_000 < len(mesh_with(cells**2 // 8).faces) <= 10_000
    # Many faces that are asked for need more of them to choose from.
    assert surface_mesh._decimable(extracted, 2048, 20_000) == int((8 * 80_000) ** 0.5)
    assert surface_mesh._decimable(extracted, 300, 20_000) == 300
    assert surface_mesh._decimable(extracted, 64, 4) == 64


def test_a_mesh_too_fine_for_decimation_is_made_coarser_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface_mesh, "DECIMATED", 4000)
    monkeypatch.setattr(surface_mesh, "TRIAL_CELLS", 16)
    options = SurfaceOptions(baseline=False, resolution=96, faces=500)
    result = run_surface(PointCloud.from_arrays(ball(800)), options)
    assert result.metrics["resolution"] < 60
    assert result.metrics["faces"] <= 520
    assert result.metrics["watertight"] is True
    assert result.metrics["volume"] == pytest.approx(4 / 3 * np.pi, rel=0.05)


def test_bodies_far_apart_are_as_fine_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two balls at ten radii, with bounds so low that the box would give a radius five cells."""
    monkeypatch.setattr(surface_mesh, "LEAST_CELLS", 8)
    monkeypatch.setattr(surface_mesh, "MOST_CELLS", 64)
    one = run_surface(PointCloud.from_arrays(ball(1000)), SurfaceOptions(baseline=False))
    both = np.concatenate([ball(1000), ball(1000, seed=1) + np.array([10.0, 0, 0])])
    two = run_surface(PointCloud.from_arrays(both), SurfaceOptions(baseline=False))
    assert two.metrics["components"] == 2
    assert two.metrics["watertight"] is True
    assert two.metrics["faces"] == pytest.approx(2 * one.metrics["faces"], rel=0.3)
    assert two.metrics["volume"] == pytest.approx(2 * 4 / 3 * np.pi, rel=0.02)


class Recorder:
    """Notes what a run tells, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self, run: str) -> None:
        self.told.append(f"start {run}")

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        pass

    def warn(self, text: str) -> None:
        self.told.append(text)

    def info(self, text: str) -> None:
        self.told.append(text)

    def finish(self) -> None:
        pass


def test_thinning_is_told_before_time_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.points.prepare.MOST_POINTS", 500)
    recorder = Recorder()
    options = SurfaceOptions(baseline=False, resolution=32)
    run_surface(PointCloud.from_arrays(ball(2000)), options, progress=recorder)
    (thinned,) = [place for place, text in enumerate(recorder.told) if "were thinned to" in text]
    assert thinned < recorder.told.index("start smoothing")
