"""The methods of the mesh suite on points of a ball, and which of them run where pymeshlab is missing."""

import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nfield.bench.meshes import meshlab_peer, poisson_peer
from nfield.bench.meshes.methods import METHODS, NO_MESHLAB, chosen_methods, peer_versions
from nfield.bench.worker import run_worker
from nfield.core.checks import UserError
from nfield.core.libraries import pymeshlab

SETTINGS = {"depths": [3, 4], "seconds": None, "device": "cpu", "threads": 1}


def ball(count: int = 400) -> np.ndarray:
    points = np.random.default_rng(0).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def looked_for_anew() -> Iterator[None]:
    pymeshlab.cache_clear()
    yield
    pymeshlab.cache_clear()


def test_poisson_gives_a_mesh_for_each_depth() -> None:
    points = ball()
    made = list(poisson_peer.solve(points, SETTINGS))
    assert [one.depth for one in made] == [3, 4]
    for one in made:
        assert abs(one.mesh("").volume) == pytest.approx(4 / 3 * np.pi, rel=0.1)
        assert np.abs(np.einsum("nd,nd->n", one.normals, points)).min() > 0.9
        assert one.seconds > 0
        assert (one.peak_mib or 0) >= (one.start_mib or 0) > 0


def test_nfield_in_a_process_of_its_own() -> None:
    points = ball(200)
    outcome = run_worker(METHODS["nfield"].module, points, SETTINGS, limit=None)
    assert outcome.why is None
    (made,) = outcome.made
    assert made.depth is None
    assert made.mesh("").volume == pytest.approx(4 / 3 * np.pi, rel=0.05)
    np.testing.assert_array_equal(made.points, points)
    assert np.einsum("nd,nd->n", made.normals, points).min() > 0.9
    assert (made.peak_mib or 0) > (made.start_mib or 0)


def test_meshlab_really_runs() -> None:
    pytest.importorskip("pymeshlab")
    outcome = run_worker(METHODS["meshlab"].module, ball(), SETTINGS, limit=120)
    assert outcome.why is None
    assert [one.depth for one in outcome.made] == [3, 4]
    for one in outcome.made:
        assert abs(one.mesh("").volume) == pytest.approx(4 / 3 * np.pi, rel=0.1)


class Layers:
    """Stands in for pymeshlab's MeshSet: notes what is asked for, and gives one triangle."""

    asked: list[Any]

    def __init__(self) -> None:
        Layers.asked = []

    def add_mesh(self, points: np.ndarray) -> None:
        self.points = points

    def current_mesh_id(self) -> int:
        return 7

    def current_mesh(self) -> "Layers":
        return self

    def set_current_mesh(self, number: int) -> None:
        self.asked.append(("layer", number))

    def delete_current_mesh(self) -> None:
        self.asked.append("delete")

    def compute_normal_for_point_clouds(self) -> None:
        self.asked.append("normals")

    def generate_surface_reconstruction_screened_poisson(self, **given: int) -> None:
        self.asked.append(given)

    def vertex_normal_matrix(self) -> np.ndarray:
        return np.where(np.arange(len(self.points))[:, None] == 0, 0, 5 * self.points)

    def vertex_matrix(self) -> np.ndarray:
        return np.eye(3)

    def face_matrix(self) -> np.ndarray:
        return np.array([[0, 1, 2]], dtype=np.int32)


def test_meshlab_solves_the_points_anew_at_each_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = types.ModuleType("pymeshlab")
    fake.MeshSet, fake.Mesh = Layers, lambda vertex_matrix: vertex_matrix  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pymeshlab", fake)
    points = ball(9)
    made = list(meshlab_peer.solve(points, SETTINGS))
    turns = [[("layer", 7), {"depth": depth, "threads": 1}, "delete"] for depth in (3, 4)]
    assert Layers.asked == ["normals", *turns[0], *turns[1]]
    np.testing.assert_allclose(made[0].normals[1:], points[1:])
    assert not made[0].normals[0].any()


def test_without_pymeshlab_the_peer_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymeshlab", None)
    assert chosen_methods(anytime=False) == (["nfield", "poisson"], [NO_MESHLAB])
    assert chosen_methods(anytime=True)[0] == ["nfield", "anytime", "poisson"]
    with pytest.raises(UserError, match="pip install pymeshlab"):
        next(meshlab_peer.solve(ball(9), SETTINGS))


def test_with_pymeshlab_it_is_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert chosen_methods(anytime=False) == (["nfield", "poisson", "meshlab"], [])


def test_versions_of_the_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = peer_versions(["nfield", "poisson"])
    assert list(found) == ["open3d"]
    assert found["open3d"][0].isdigit()
