"""Surface runs end to end on clouds of known shapes: figures, units, resuming, refusals."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from short_runs import run_surface

import nfield as nf
from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.mesh import Mesh
from nfield.fields.meshed import mesh_of
from nfield.jobs.surface.options import NETWORKS, SurfaceOptions
from nfield.meshing.extraction import extract_surface

QUICK = {"baseline": False, "resolution": 32}


def ellipsoid(count: int = 900, seed: int = 0) -> np.ndarray:
    """Points of an ellipsoid with half axes 1, 0.7 and 0.5."""
    points = np.random.default_rng(seed).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True) * [1, 0.7, 0.5]


def true_mesh() -> Mesh:
    axes = torch.tensor([1, 0.7, 0.5])
    return extract_surface(lambda x: (x / axes).norm(dim=-1) - 1, np.full(3, -1.2), np.full(3, 1.2), 48)


VOLUME = 4 / 3 * math.pi * 0.7 * 0.5


def test_a_cloud_becomes_a_closed_mesh_with_the_true_volume() -> None:
    result = run_surface(PointCloud.from_arrays(ellipsoid()), SurfaceOptions(**QUICK), truth=true_mesh())
    mesh, metrics = result.mesh, result.metrics
    assert mesh is not None
    assert mesh.volume == pytest.approx(VOLUME, rel=0.01)
    assert metrics["watertight"] is True
    assert metrics["components"] == 1
    assert metrics["chamfer"] < 0.002
    assert metrics["normal_consistency"] > 0.99
    assert metrics["flipped"] < 0.01
    assert metrics["cloud"]["closed"] is True
    assert metrics["bands_against"] == "the true mesh"
    assert metrics["seconds_fit"] > 0
    assert metrics["diagnostics_share"] == pytest.approx(metrics["diagnostics_seconds"] / metrics["seconds_fit"])
    assert metrics["bands"][0]["relative_error"] < 0.05
    assert metrics["baseline"] is None
    assert metrics["why"]["baseline"]
    assert len(result.bands) == len(metrics["bands"])


def waved_radius(directions: np.ndarray) -> np.ndarray:
    """Radius of a ball with six waves around its equator, for unit vectors."""
    around = np.arctan2(directions[:, 1], directions[:, 0])
    return 0.4 + 0.06 * np.sin(6 * around) * (1 - directions[:, 2] ** 2) ** 2


def test_sparse_exact_points_keep_the_waves_between_them() -> None:
    """1,000 points, a twentieth of the radius apart, miss a wave of 0.06 by a fortieth of that: smoothed as far as what
    bridges gaps has to be, it would be five times as much."""
    directions = np.random.default_rng(0).normal(size=(1000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = directions * waved_radius(directions)[:, None]
    mesh = run_surface(PointCloud.from_arrays(points), SurfaceOptions(baseline=False)).mesh
    assert mesh is not None
    radius = np.linalg.norm(mesh.vertices, axis=1)
    assert np.abs(radius - waved_radius(mesh.vertices / radius[:, None])).mean() < 0.0015


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e7)])
def test_units_and_place_do_not_matter(scale: float, shift: float) -> None:
    """The same mesh up to the transform that was applied to the points."""
    points = ellipsoid(600)
    one = run_surface(PointCloud.from_arrays(points), SurfaceOptions(**QUICK)).mesh
    other = run_surface(PointCloud.from_arrays(points * scale + shift), SurfaceOptions(**QUICK)).mesh
    assert one is not None
    assert other is not None
    back = (other.vertices - shift) / scale
    assert abs(len(back) - len(one.vertices)) <= 0.01 * len(one.vertices)
    assert np.abs(back.min(0) - one.vertices.min(0)).max() < 2e-3
    assert np.abs(back.max(0) - one.vertices.max(0)).max() < 2e-3
    assert other.volume / scale**3 == pytest.approx(one.volume, rel=2e-3)


@pytest.mark.parametrize("turned", [0.0, 0.3, 1.0])
def test_given_normals_need_not_be_oriented(turned: float) -> None:
    points = ellipsoid(700)
    normals = points / np.array([1, 0.7, 0.5]) ** 2
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals[np.random.default_rng(1).random(700) < turned] *= -1
    result = run_surface(PointCloud.from_arrays(points, normals), SurfaceOptions(**QUICK))
    assert result.mesh is not None
    assert result.mesh.volume == pytest.approx(VOLUME, rel=0.02)
    assert result.metrics["cloud"]["normals"] == {0.0: "given", 0.3: "given, mended", 1.0: "given, turned"}[turned]


def test_normals_of_length_zero_are_estimated() -> None:
    points = ellipsoid(500)
    normals = np.zeros((500, 3))
    normals[:400] = points[:400] / np.linalg.norm(points[:400], axis=1, keepdims=True)
    result = run_surface(PointCloud.from_arrays(points, normals), SurfaceOptions(**QUICK))
    assert result.mesh is not None
    assert result.mesh.volume == pytest.approx(VOLUME, rel=0.05)


def test_outliers_and_noise_are_told_and_survived() -> None:
    points = ellipsoid(3000)
    points += 0.01 * np.random.default_rng(1).normal(size=points.shape)
    far = np.random.default_rng(2).uniform(-1.2, 1.2, size=(30, 3))
    result = run_surface(PointCloud.from_arrays(np.concatenate([points, far])), SurfaceOptions(**QUICK))
    assert result.mesh is not None
    assert result.mesh.volume == pytest.approx(VOLUME, rel=0.04)
    assert result.metrics["components"] == 1
    assert result.metrics["cloud"]["noise"] == pytest.approx(0.01, rel=0.4)
    assert result.metrics["cloud"]["outliers"] > 5


def test_an_open_surface_is_closed_or_cut_off() -> None:
    points = ellipsoid(3000)
    points = points[points[:, 2] > 0]
    closed = run_surface(PointCloud.from_arrays(points), SurfaceOptions(**QUICK))
    cut = run_surface(PointCloud.from_arrays(points), SurfaceOptions(**QUICK, open=True))
    assert closed.metrics["cloud"]["closed"] is False
    assert closed.metrics["watertight"] is True
    assert cut.metrics["watertight"] is False
    assert cut.metrics["area"] < closed.metrics["area"]


def test_colours_and_faces() -> None:
    points = ellipsoid(800)
    colours = np.where(points[:, :1] > 0, [[255, 0, 0]], [[0, 0, 255]]).astype(np.uint8)
    result = run_surface(
        PointCloud.from_arrays(points, colours=colours), SurfaceOptions(baseline=False, resolution=48, faces=500)
    )
    mesh = result.mesh
    assert mesh is not None
    assert len(mesh.faces) <= 520
    assert mesh.colours is not None
    right = mesh.vertices[:, 0] > 0.2
    assert mesh.colours[right, 0].mean() > 250
    assert mesh.colours[mesh.vertices[:, 0] < -0.2, 2].mean() > 250


def test_the_run_folder_opens_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = SurfaceOptions(resolution=24, steps=4, compare="poisson", evaluations=2)
    result = run_surface(PointCloud.from_arrays(ellipsoid(500)), options, truth=true_mesh(), out=folder)
    for name in ("config.json", "history.jsonl", "metrics.json"):
        assert (folder / name).is_file()
    for name in ("mesh", "baseline", "poisson", "truth", "points"):
        assert (folder / "outputs" / f"{name}.ply").is_file() == (
            name != "baseline" or result.baseline_mesh is not None
        )
    stored = json.loads((folder / "metrics.json").read_text())
    assert stored["poisson"]["depth"] >= 6
    assert stored["baseline"]["steps"] == 4
    assert {line["run"] for line in map(json.loads, (folder / "history.jsonl").read_text().splitlines())} == {
        "field",
        "baseline",
    }
    opened = nf.load(folder)
    points = torch.from_numpy(ellipsoid(50, seed=5))
    torch.testing.assert_close(opened.field(points), result.field(points))
    assert float(opened.field(points).abs().max()) < 0.02
    again = mesh_of(opened.field, opened.extent(), resolution=24)
    assert result.mesh is not None
    assert again.mesh is not None
    assert again.mesh.volume == pytest.approx(result.mesh.volume, rel=1e-3)
    with pytest.raises(UserError, match="already holds a run"):
        run_surface(PointCloud.from_arrays(ellipsoid(500)), options, out=folder)


def test_a_result_saves_itself(tmp_path: Path) -> None:
    result = run_surface(PointCloud.from_arrays(ellipsoid(300)), SurfaceOptions(**QUICK))
    opened = nf.load(result.save(tmp_path / "saved"))
    torch.testing.assert_close(opened.field(torch.ones(2, 3)), result.field(torch.ones(2, 3)))
    assert opened.extent().points.shape == (300, 3)


@pytest.mark.parametrize("preset", list(NETWORKS))
def test_every_network_trains(preset: str) -> None:
    options = SurfaceOptions(preset=preset, steps=8, evaluations=2, baseline=False, resolution=24)
    result = run_surface(PointCloud.from_arrays(ellipsoid(300)), options)
    # Hardly trained, a network may have no zeros in the box yet.
    assert (result.mesh is None) == (result.metrics["vertices"] is None)
    assert result.mesh is not None or "No surface" in result.metrics["vertices_why"]
    assert result.metrics["steps"] == 8
    assert result.history[0]["losses"] == {} or set(result.history[-1]["losses"]) >= {"surface", "normal", "eikonal"}


def test_a_network_learns_the_surface() -> None:
    options = SurfaceOptions(preset="siren", steps=120, baseline=False, resolution=32, batch_points=512)
    result = run_surface(PointCloud.from_arrays(ellipsoid(600)), options)
    assert result.mesh is not None
    assert result.mesh.volume == pytest.approx(VOLUME, rel=0.1)
    assert result.history[-1]["fit_db"] > result.history[0]["fit_db"] + 10


def test_a_budget_that_is_too_short_still_gives_the_finest_level() -> None:
    cloud = PointCloud.from_arrays(ellipsoid(2000))
    short, whole = (run_surface(cloud, SurfaceOptions(**QUICK, seconds=s), truth=true_mesh()) for s in (1e-3, None))
    assert short.metrics["steps"] == 1 < whole.metrics["steps"]
    assert short.metrics["watertight"] is True
    assert short.metrics["chamfer"] < 1.1 * whole.metrics["chamfer"]


def test_without_a_fit_to_go_on_from_the_finest_level_is_solved_too_late_rather_than_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nfield.points.smoothing_choice.QUICK_POINTS", 1000)
    result = run_surface(PointCloud.from_arrays(ellipsoid(2000)), SurfaceOptions(**QUICK, seconds=1e-3))
    assert result.metrics["steps"] > 2
    assert result.metrics["watertight"] is True
    assert result.mesh is not None
    assert result.mesh.volume == pytest.approx(VOLUME, rel=0.01)


def test_what_was_fitted_outlives_an_error_in_what_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise UserError("the disk is full")

    monkeypatch.setattr("nfield.jobs.surface.outputs.write_outputs", full)
    with pytest.raises(UserError, match="the disk is full"):
        run_surface(PointCloud.from_arrays(ellipsoid(300)), SurfaceOptions(**QUICK), out=tmp_path / "run")
    assert list((tmp_path / "run/checkpoint").glob("field-*.safetensors"))


def test_more_points_than_needed_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.points.prepare.MOST_POINTS", 1000)
    result = run_surface(PointCloud.from_arrays(ellipsoid(4000)), SurfaceOptions(**QUICK))
    assert result.metrics["cloud"]["points"] == 4000
    assert result.metrics["cloud"]["used"] <= 1000
    assert any("thinned" in note for note in result.metrics["cloud"]["notes"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resolution": 0}, "--resolution must lie between 8 and 4096 cells, but is 0"),
        ({"resolution": 5000}, "--resolution must lie between 8 and 4096 cells, but is 5000"),
        ({"encoding_settings": {"scale": 3}}, "needs a network"),
    ],
)
def test_options_are_checked_before_anything_is_computed(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SurfaceOptions(**options)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((10, 3)), "1 distinct points"),
        (np.array([[0.0, 0, 0], [1, 1, 1]]), "2 distinct points"),
        (np.outer(np.arange(30.0), [1, 2, 3]), "on one line"),
        (np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 0], "in one plane"),
    ],
)
def test_clouds_that_bound_no_solid_are_refused(points: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        run_surface(PointCloud.from_arrays(points), SurfaceOptions(**QUICK), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_clusters_give_two_pieces() -> None:
    points = np.concatenate([ellipsoid(600), ellipsoid(600, seed=1) + np.array([6, 0, 0])])
    result = run_surface(PointCloud.from_arrays(points), SurfaceOptions(baseline=False, resolution=96))
    assert result.metrics["components"] == 2
    assert result.metrics["volume"] == pytest.approx(2 * VOLUME, rel=0.05)


def test_python_takes_arrays_and_tensors() -> None:
    result = nf.reconstruct(torch.from_numpy(ellipsoid(300)), **QUICK)
    assert isinstance(result, nf.SurfaceResult)


def test_profiles_tell_which_frequencies_of_the_surface_were_learned() -> None:
    """An ellipsoid has hardly any shape but its size, which the splines have; hardly trained, the plain MLP has not."""
    options = SurfaceOptions(resolution=32, steps=4, evaluations=3)
    result = run_surface(PointCloud.from_arrays(ellipsoid()), options, truth=true_mesh())
    metrics, baseline = result.metrics, result.metrics["baseline"]
    assert metrics["profiles"]["curves"] == 13
    assert metrics["profiles"]["missing"] == 0
    # Each cut is an ellipse about its middle: between the least and the greatest half axis.
    assert 0.5 * 0.6 < metrics["profiles"]["size"] < 1
    size, *finer = metrics["profile_bands"]
    assert (size["low"], size["high"], size["unit"]) == (0, 1, "cycles/diagonal")
    assert size["relative_error"] < 0.02
    assert size["energy"] > 0.99
    assert size["step_below_threshold"] == 1
    assert all(band["why"] for band in finer if band["relative_error"] is None)
    assert baseline["profile_bands"][0]["relative_error"] > 0.2
    assert len(baseline["profile_bands"]) == len(metrics["profile_bands"])
    own = [line for line in result.history if line["run"] == "field"]
    for line in result.history:
        assert len(line["profile_bands"]) == len(metrics["profile_bands"])
    assert own[-1]["profile_bands"][0] == size["relative_error"]


def test_profiles_do_not_depend_on_units_and_place() -> None:
    """Without a truth the splines are the reference: they have no error, and coarser levels have one."""
    points, scale, shift = ellipsoid(600), 1e-4, 3.0
    one = run_surface(PointCloud.from_arrays(points), SurfaceOptions(**QUICK))
    other = run_surface(PointCloud.from_arrays(points * scale + shift), SurfaceOptions(**QUICK))
    again = run_surface(PointCloud.from_arrays(points), SurfaceOptions(**QUICK))
    assert again.metrics["profile_bands"] == one.metrics["profile_bands"]
    assert other.metrics["profiles"]["size"] / scale == pytest.approx(one.metrics["profiles"]["size"], rel=1e-3)
    assert one.metrics["profile_bands"][0]["relative_error"] < 1e-4
    assert one.history[0]["profile_bands"][0] > 1e-4
    for mine, theirs in zip(one.history, other.history, strict=True):
        assert theirs["profile_bands"][0] == pytest.approx(mine["profile_bands"][0], rel=0.05, abs=1e-4)


def test_networks_are_measured_on_profiles_of_the_splines() -> None:
    options = SurfaceOptions(preset="siren", steps=60, batch_points=512, evaluations=4, **QUICK)
    result = run_surface(PointCloud.from_arrays(ellipsoid(600)), options)
    first, last = result.history[0], result.history[-1]
    assert first["numbers"]["profile_missing"] > last["numbers"]["profile_missing"]
    assert first["profile_bands"][0] > 3 * last["profile_bands"][0]


def test_without_profiles_their_figures_are_null_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nfield.jobs.surface.profiles.cut_profiles", lambda mesh: [])
    result = run_surface(PointCloud.from_arrays(ellipsoid(300)), SurfaceOptions(**QUICK), truth=true_mesh())
    for name in ("profile_bands", "profile_order_spearman", "profiles"):
        assert result.metrics[name] is None
        assert "no plane cut the reference surface" in result.metrics["why"][name]
    assert "profile_bands" not in result.history[-1]
    assert result.metrics["bands"][0]["relative_error"] < 0.05
