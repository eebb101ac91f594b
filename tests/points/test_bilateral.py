"""The bilateral filter of normals against what is known of planes, edges and balls."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from nfield.points import bilateral
from nfield.points.bilateral import BilateralFilter


def plane(count: int, generator: torch.Generator) -> torch.Tensor:
    return torch.cat([torch.rand(count, 2, generator=generator), torch.zeros(count, 1)], 1)


def disturbed(normals: torch.Tensor, sigma: float, generator: torch.Generator) -> torch.Tensor:
    return normalize(normals + sigma * torch.randn(normals.shape, generator=generator), dim=-1)


def angles(found: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    return torch.linalg.cross(found, true).norm(dim=-1)


def test_noise_on_a_plane_falls_as_means_over_that_many_neighbours_do() -> None:
    generator = torch.Generator().manual_seed(0)
    points, count = plane(4000, generator), 4000
    true = torch.tensor([0.0, 0.0, 1.0]).expand(count, 3)
    noisy = disturbed(true, 0.05, generator)
    # A reach that takes all neighbours alike, and directions that differ by far less than they may.
    found = BilateralFilter(points, torch.ones(count), 1.0)(noisy, torch.ones(count))
    before, after = angles(noisy, true).square().mean().sqrt(), angles(found, true).square().mean().sqrt()
    # A mean of 32 leaves 1/√32 of the deviation; further passes take more.
    assert after < before / bilateral.NEIGHBOURS**0.5


def test_an_edge_stays_where_a_plain_mean_rounds_it() -> None:
    generator = torch.Generator().manual_seed(1)
    flat = plane(3000, generator)
    wall = flat[:, [2, 1, 0]] * torch.tensor([1.0, 1.0, -1.0])
    points = torch.cat([flat, wall])
    true = torch.cat([torch.tensor([0.0, 0.0, 1.0]).expand(3000, 3), torch.tensor([-1.0, 0.0, 0.0]).expand(3000, 3)])
    noisy = disturbed(true, 0.04, generator)
    found = BilateralFilter(points, torch.ones(6000), 0.02)(noisy, torch.ones(6000))
    near_edge = (points[:, 0] < 0.03) & (points[:, 2] > -0.03)
    assert int(near_edge.sum()) > 100
    # A mean over both sides alike would be off by up to 45 degrees there.
    assert float(angles(found, true)[near_edge].max()) < 0.08


def test_normals_of_a_ball_stay_radial() -> None:
    # Spread evenly along a spiral, so that every point lies in the middle of its neighbours.
    place = torch.arange(8000) + 0.5
    height, turn = 1 - 2 * place / 8000, torch.pi * (1 + 5**0.5) * place
    around = (1 - height.square()).sqrt()
    points = torch.stack([around * turn.cos(), around * turn.sin(), height], 1)
    found = BilateralFilter(points, torch.ones(8000), 0.01)(points, torch.ones(8000))
    # The neighbours reach 0.13 far.
    assert float(angles(found, points).square().mean().sqrt()) < 0.004


def test_points_without_weight_do_not_count() -> None:
    generator = torch.Generator().manual_seed(3)
    points = plane(500, generator)
    normals = torch.tensor([0.0, 0.0, 1.0]).repeat(500, 1)
    weights = torch.ones(500)
    normals[::10] = normalize(torch.tensor([0.1, 0.0, 1.0]), dim=0)
    weights[::10] = 0
    found = BilateralFilter(points, torch.ones(500), 1.0)(normals, weights)
    trusted = weights > 0
    torch.testing.assert_close(found[trusted], normals[trusted])


def test_nothing_changes_where_no_point_has_weight() -> None:
    generator = torch.Generator().manual_seed(4)
    points = plane(50, generator)
    normals = normalize(torch.randn(50, 3, generator=generator), dim=-1)
    found = BilateralFilter(points, torch.ones(50), 1.0)(normals, torch.zeros(50))
    torch.testing.assert_close(found, normals)


@pytest.mark.parametrize("count", [1, 2, 20])
def test_few_points_are_enough(count: int) -> None:
    generator = torch.Generator().manual_seed(5)
    points = plane(count, generator)
    normals = torch.tensor([0.0, 0.0, 1.0]).repeat(count, 1)
    found = BilateralFilter(points, torch.ones(count), 1.0)(normals, torch.ones(count))
    torch.testing.assert_close(found, normals)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(6)
    points = plane(700, generator)
    normals = disturbed(torch.tensor([0.0, 0.0, 1.0]).repeat(700, 1), 0.1, generator)
    weights = torch.rand(700, generator=generator)
    whole = BilateralFilter(points, torch.ones(700), 0.05)(normals, weights)
    monkeypatch.setattr("nfield.core.blocks.AT_ONCE", 64)
    monkeypatch.setattr(bilateral, "AT_ONCE", 50)
    parts = BilateralFilter(points, torch.ones(700), 0.05)(normals, weights)
    np.testing.assert_allclose(parts.numpy(), whole.numpy(), rtol=0, atol=1e-6)
