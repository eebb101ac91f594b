"""Loss terms of the Hessian in whole runs: each does its work, annealing survives a break, misfits are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from short_runs import run_surface

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.io.run_folder import RunFolder
from nfield.jobs.surface.distance_losses import SECOND_ORDER, hessian_of, value_and_slope
from nfield.jobs.surface.loss_weights import loss_weights
from nfield.jobs.surface.options import HESSIAN_LOSSES, NETWORKS, SurfaceOptions
from nfield.jobs.surface.recipe import CloudScales, build_network, network_recipe
from nfield.jobs.surface.task import CloudTask

QUICK = {"baseline": False, "resolution": 24, "evaluations": 2}


@pytest.fixture(autouse=True)
def coarse_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands are not looked at here, and take longer than the few steps."""
    monkeypatch.setattr("nfield.jobs.surface.task.PROBE_NODES", 12)


def ellipsoid(count: int = 300) -> PointCloud:
    """Points of an ellipsoid with half axes 1, 0.7 and 0.5."""
    points = np.random.default_rng(0).normal(size=(count, 3))
    return PointCloud.from_arrays(points / np.linalg.norm(points, axis=1, keepdims=True) * [1, 0.7, 0.5])


def weights_of(**options: object) -> dict[str, float]:
    chosen = SurfaceOptions(**options)
    assert chosen.parts is not None
    recipe = network_recipe(chosen.parts, CloudScales(spacing=0.02, length=0.002, radius=0.4), chosen)
    return loss_weights(chosen, recipe.entries(), build_network(recipe, 0).field)


@pytest.mark.parametrize(("name", "weight"), [("divergence", 0.2), ("singular_hessian", 0.05), ("smoothness", 0.02)])
def test_each_term_makes_what_it_measures_smaller(name: str, weight: float) -> None:
    """The same run with and without it, the term measured at points near the surface that no run was trained on."""
    measured = []
    for chosen in (0.0, weight):
        others = dict.fromkeys((f"{other}_weight" for other in HESSIAN_LOSSES), 0.0)
        options = SurfaceOptions(
            preset="siren", steps=80, batch_points=256, anneal_start=1, anneal_end=1, **QUICK,
            **{**others, f"{name}_weight": chosen},
        )  # fmt: skip
        result = run_surface(ellipsoid(), options)
        assert (name in result.history[-1]["losses"]) == (chosen > 0)
        points = torch.from_numpy(np.random.default_rng(1).normal(size=(500, 3)) * 0.2).float().requires_grad_(True)
        _, slope = value_and_slope(result.field.network, points)
        measured.append(float(SECOND_ORDER[name](hessian_of(slope, points)).detach()))
    assert measured[1] < 0.8 * measured[0]


def test_a_broken_run_with_annealing_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the unbroken run, bit for bit; the break falls into the slope of the weights."""
    monkeypatch.setattr("nfield.jobs.surface.run.picture_of", lambda *_: None)
    options = SurfaceOptions(
        preset="siren", steps=12, batch_points=64, divergence_weight=0.5, checkpoint_seconds=0, **QUICK
    )
    run_surface(ellipsoid(), options, out=tmp_path / "unbroken")
    draw, calls = CloudTask.batch, iter(range(100))

    def breaking(self: CloudTask, generator: torch.Generator) -> object:
        if next(calls) == 5:
            raise MemoryError
        return draw(self, generator)

    with monkeypatch.context() as patch:
        patch.setattr(CloudTask, "batch", breaking)
        with pytest.raises(MemoryError):
            run_surface(ellipsoid(), options, out=tmp_path / "broken")
    with pytest.raises(UserError, match="holds a run with another loss weights"):
        run_surface(ellipsoid(), replace(options, divergence_weight=0.6), out=tmp_path / "broken", resume=True)
    run_surface(ellipsoid(), options, out=tmp_path / "broken", resume=True)
    one, other = (RunFolder.open(tmp_path / name).load_weights("field")[1] for name in ("unbroken", "broken"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_annealed_terms_leave_the_history_when_they_are_gone() -> None:
    options = SurfaceOptions(preset="siren", steps=10, batch_points=64, divergence_weight=0.5, smoothness_weight=0.01)
    options = SurfaceOptions(**{**vars(options), **QUICK, "evaluations": 8})
    lines = run_surface(ellipsoid(), options).history
    told = [set(line["losses"]) & {"divergence", "smoothness"} for line in lines if line["losses"]]
    assert told[0] == {"divergence", "smoothness"}
    assert told[-1] == {"smoothness"}


def test_the_plain_mlp_beside_it_is_trained_without_them() -> None:
    options = SurfaceOptions(preset="siren", steps=3, batch_points=64, resolution=24, evaluations=2)
    options = SurfaceOptions(**{**vars(options), "smoothness_weight": 0.01})
    result = run_surface(ellipsoid(), options)
    assert result.metrics["baseline"]["steps"] == 3
    assert result.config["loss_weights"]["smoothness"] == 0.01


@pytest.mark.parametrize("preset", list(NETWORKS))
def test_terms_of_the_hessian_are_left_out_unless_the_user_gives_a_weight(preset: str) -> None:
    assert [weights_of(preset=preset)[name] for name in HESSIAN_LOSSES] == [0.0, 0.0, 0.0]
    assert weights_of(preset=preset, divergence_weight=0.0)["divergence"] == 0.0
    if preset != "none":
        assert weights_of(preset=preset, divergence_weight=0.5)["divergence"] == 0.5


LINEAR = {"encoding_settings": {"interpolation": "linear"}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"preset": "none", "divergence_weight": 0.1},
            "--divergence-weight: this term needs 2 derivatives of the network with respect to the points, but as it "
            "is set backbone 'mlp' has 1. Choose --backbone.activation tanh|sine|gelu|softplus|phi|s2relu, or leave "
            "the weight out.",
        ),
        (
            {"preset": "hash", "singular_hessian_weight": 0.1, **LINEAR},
            "--singular-hessian-weight: this term needs 2 derivatives of the network with respect to the points, but "
            "as it is set encoding 'hash' has 1. Choose --encoding.interpolation smooth, or leave the weight out.",
        ),
        (
            {
                "preset": "hash",
                "smoothness_weight": 0.1,
                "divergence_weight": 1.0,
                "backbone_settings": {"activation": "relu"},
                **LINEAR,
            },
            "--divergence-weight and --smoothness-weight: these terms need 2 derivatives of the network with respect "
            "to the points, but as it is set encoding 'hash' has 1 and backbone 'mlp' has 1. Choose "
            "--encoding.interpolation smooth, and --backbone.activation tanh|sine|gelu|softplus|phi|s2relu, or leave "
            "the weight out.",
        ),
    ],
)
def test_networks_without_second_derivatives_are_refused(options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as told:
        run_surface(ellipsoid(), SurfaceOptions(**options, **QUICK), out=tmp_path / "run")
    assert str(told.value) == message
    assert not (tmp_path / "run").exists()


def test_where_no_one_setting_helps_other_parts_are_named() -> None:
    with pytest.raises(UserError, match=r"Choose --backbone \S*siren\S*, or leave") as told:
        weights_of(
            preset="mscale",
            divergence_weight=1.0,
            backbone_settings={"activation": "relu", "first_activation": "relu"},
        )
    for name in str(told.value).split("--backbone ")[1].split(",")[0].split("|"):
        assert weights_of(preset="mscale", backbone=name, divergence_weight=1.0)["divergence"] == 1.0


def test_a_linear_grid_without_them_can_still_be_trained() -> None:
    result = run_surface(ellipsoid(), SurfaceOptions(preset="hash", steps=3, **QUICK, **LINEAR))
    assert result.history[-1]["losses"]["eikonal"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "siren", "singular_hessian_weight": float("nan")}, "--singular-hessian-weight must be at least 0"),
        ({"smoothness_weight": 0.5}, "--smoothness-weight 0.5 needs a network: name a --preset other than splines"),
        ({"preset": "siren", "anneal_start": 1.5}, "--anneal-start must lie between 0 and 1, but is 1.5"),
        ({"preset": "siren", "anneal_end": 0.1}, "--anneal-end must lie between 0.2 and 1, but is 0.1"),
    ],
)
def test_options_are_checked_before_anything_is_computed(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SurfaceOptions(**options)
    assert SurfaceOptions(smoothness_weight=0.0).parts is None
