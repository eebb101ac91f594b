"""What the points decide about networks, against what can be said of scans without training any."""

import math

import numpy as np
import pytest
import torch
from short_runs import run_surface

from nfield.core.cloud import PointCloud
from nfield.fields.network_distance import NetworkDistance
from nfield.jobs.recipe import Recipe
from nfield.jobs.surface.options import NETWORKS, SurfaceOptions
from nfield.jobs.surface.recipe import REACH, CloudScales, build_network, network_recipe
from nfield.jobs.surface.task import CloudTask, VolumeProbe
from nfield.points.prepare import Prepared, prepare

SCALES = CloudScales(spacing=0.02, length=0.002, radius=0.4)


def ball(count: int, noise: float = 0.0) -> np.ndarray:
    """Points of a unit sphere, evenly by the golden angle."""
    draw = np.random.default_rng(0)
    height = 1 - (2 * np.arange(count) + 1) / count
    angle = np.arange(count) * math.pi * (3 - math.sqrt(5))
    points = np.stack([np.cos(angle), np.sin(angle), height], 1)
    points[:, :2] *= np.sqrt(1 - height**2)[:, None]
    return points + noise * draw.normal(size=points.shape)


def prepared(points: np.ndarray, noise: float) -> Prepared:
    cloud = PointCloud.from_arrays(points)
    return prepare(cloud, seed=0, normals="auto", noise=noise, device=torch.device("cpu"))


def recipe_of(preset: str, scales: CloudScales = SCALES, **options: object) -> Recipe:
    chosen = SurfaceOptions(preset=preset, **options)
    assert chosen.parts is not None
    return network_recipe(chosen.parts, scales, chosen)


def test_the_grid_is_as_fine_as_the_points_lie() -> None:
    """Four times as many points lie half as far apart, and take a grid twice as fine."""
    few, many = (CloudScales.of(prepared(ball(n), 0.0)) for n in (1000, 4000))
    finest = [recipe_of("hash", scales).encoding.finest for scales in (few, many)]
    assert finest[1] / finest[0] == pytest.approx(2, rel=0.1)
    # On a sphere of diameter 1, n points each have π/n of its area, and lie about the root of it apart.
    assert REACH / finest[0] == pytest.approx(math.sqrt(math.pi / 1000), rel=0.25)


def test_noise_makes_the_grid_coarser() -> None:
    finest = [
        recipe_of("hash", CloudScales.of(prepared(ball(2000, noise), noise))).encoding.finest
        for noise in (0.0, 0.03, 0.06)
    ]
    assert finest[0] > finest[1] > finest[2]


def test_the_residual_of_a_surface_is_told_in_the_networks_units() -> None:
    """Oracle: |x| − R − a sin 2πfz at the points of the sphere is a wave along z, whose slope along the sphere is at
    most that along z, so that a little less than f is seen; the network's unit is half the reach of the points'."""

    class Rippled(NetworkDistance):
        def forward(self, points: torch.Tensor) -> torch.Tensor:
            wave = 0.01 * torch.sin(2 * math.pi * 8 * points[..., 2:])
            return points.norm(dim=-1, keepdim=True) - 0.5 + wave

    points = torch.from_numpy(ball(20_000) / 2).float()
    residuals = []
    for reach in (1.0, 1.2):
        field = Rippled(build_network(recipe_of("siren"), 0).field, reach=reach)
        task = CloudTask(
            points, 2 * points, points[:100], VolumeProbe(3**0.5), diagonal=3**0.5, weights={}, batch_points=10,
            device=torch.device("cpu"),
        )  # fmt: skip
        residuals.append(task.residual_figures(field))
    assert residuals[0].size == pytest.approx(0.01 / math.sqrt(2) / 0.5, rel=0.02)
    assert 0.6 * 8 < residuals[0].frequency / 0.5 < 1.1 * 8
    assert residuals[1].size * 1.2 == pytest.approx(residuals[0].size)
    assert residuals[1].frequency / 1.2 == pytest.approx(residuals[0].frequency)


def test_stages_of_a_distance_open_in_training() -> None:
    options = SurfaceOptions(preset="multistage", steps=6, baseline=False, backbone_settings={"width": 16})
    result = run_surface(PointCloud.from_arrays(ball(300)), options)
    assert [line["numbers"]["stage"] for line in result.history][-1] == 3
    assert result.config["recipe"]["backbone"]["name"] == "multistage"


def test_units_and_place_decide_nothing() -> None:
    points = ball(1000)
    here = recipe_of("hash", CloudScales.of(prepared(points, 0.0)))
    there = recipe_of("hash", CloudScales.of(prepared(1000 * points + 5000, 0.0)))
    assert here.encoding == there.encoding
    assert here.own["start_radius"] == pytest.approx(there.own["start_radius"], rel=1e-4)


def test_settings_of_the_user_win() -> None:
    assert recipe_of("hash", encoding_settings={"finest": 300}).encoding.finest == 300
    coarse = recipe_of("hash", encoding_settings={"coarsest": 500}).encoding
    assert (coarse.coarsest, coarse.finest) == (500, 500)


@pytest.mark.parametrize("preset", [name for name, p in NETWORKS.items() if p.encoding != "identity"])
def test_before_training_the_sign_is_that_of_the_cloud(preset: str) -> None:
    """A start without floaters: inside at the middle, outside at every corner of the box that is trained in."""
    scales = CloudScales.of(prepared(ball(1000), 0.0))
    network = build_network(recipe_of(preset, scales), 0)
    side = torch.tensor([-0.5, 0.5]) * REACH
    corners = torch.cartesian_prod(side, side, side)
    with torch.no_grad():
        assert float(network(torch.zeros(1, 3))) < 0
        assert bool((network(corners) > 0).all())


def test_the_plain_network_is_left_as_it_was() -> None:
    """The baseline: no choice made for other networks may handicap it."""
    x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    network = build_network(recipe_of("none"), 0)
    torch.testing.assert_close(network(x), network.field(2 * x) / 2)


def test_encodings_cover_all_points_that_are_trained_on() -> None:
    """A grid is constant beyond its box, where no loss can then mend a slope: no batch may reach there."""
    points = torch.from_numpy(ball(500)).float() / 2
    task = CloudTask(
        points, 2 * points, points, VolumeProbe(1.0), diagonal=1.0, weights={"surface": 1.0}, batch_points=400,
        device=torch.device("cpu"),
    )  # fmt: skip
    batch = task.batch(torch.Generator().manual_seed(0))
    network = build_network(recipe_of("hash"), 0)
    with torch.no_grad():
        network.field.encoding.features.normal_()
    x = torch.cat([batch.points, batch.off]).requires_grad_(True)
    features = network.field.encoding(x * (2 / network.reach))
    (slope,) = torch.autograd.grad(features.square().sum(), x)
    anywhere = x.detach().abs().amax(1) <= REACH / 2
    assert bool(anywhere[: len(batch.points)].all())
    assert bool((slope[anywhere] != 0).all())


def test_runs_from_before_the_start_was_written_open_as_they_were() -> None:
    entries = recipe_of("siren").entries()
    old = {k: v for k, v in entries.items() if k not in ("reach", "start_radius")}
    x = torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    network = build_network(Recipe.of(old), 0)
    torch.testing.assert_close(network(x), network.field(2 * x) / 2)


def test_a_short_training_of_fourier_features_has_one_closed_piece() -> None:
    """Oracle: the true solid's volume."""
    options = SurfaceOptions(preset="fourier", steps=60, batch_points=512, baseline=False, resolution=32, evaluations=2)
    result = run_surface(PointCloud.from_arrays(ball(800) * [1, 0.7, 0.5]), options)
    assert result.metrics["watertight"]
    assert result.metrics["components"] == 1
    assert result.mesh.volume == pytest.approx(4 / 3 * math.pi * 0.35, rel=0.1)
