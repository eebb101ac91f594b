"""Orientation against closed forms: indicator of a ball, shapes with known normals, a dense solution in float64."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.points.box import Box
from nfield.points.neighbours import Neighbourhoods
from nfield.points.normals import best_spread, outward_normals
from nfield.points.orientation import Indicator, solve_vectors

Cloud = tuple[np.ndarray, np.ndarray]


def sphere(n: int, radius: float = 1.0, seed: int = 0) -> Cloud:
    normals = np.random.default_rng(seed).normal(size=(n, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return radius * normals, normals


def torus(n: int) -> Cloud:
    """Radii 1 and 0.35, so that normals on the inner side point to the axis."""
    u, v = np.random.default_rng(1).uniform(0, 2 * np.pi, (2, n))
    normals = np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], 1)
    ring = np.stack([np.cos(u), np.sin(u), 0 * u], 1)
    return ring + 0.35 * normals, normals


def shell(n: int) -> Cloud:
    """A hollow ball: the inner sphere's outward normals point to the centre."""
    outer, inner = sphere(3 * n // 4), sphere(n // 4, 0.5, seed=2)
    return np.concatenate([outer[0], inner[0]]), np.concatenate([outer[1], -inner[1]])


def box(n: int) -> Cloud:
    """A plate 2 x 1 x 0.2, with points on flat faces and sharp edges."""
    rng = np.random.default_rng(3)
    half = np.array([1.0, 0.5, 0.1])
    area = np.array([half[1] * half[2], half[0] * half[2], half[0] * half[1]])
    axis = rng.choice(3, n, p=area / area.sum())
    side = rng.choice([-1.0, 1.0], n)
    points, normals = rng.uniform(-1, 1, (n, 3)) * half, np.zeros((n, 3))
    points[np.arange(n), axis], normals[np.arange(n), axis] = side * half[axis], side
    return points, normals


SHAPES = {"sphere": sphere, "torus": torus, "shell": shell, "box": box}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_normals_point_outwards(name: str, noise: float) -> None:
    points, normals = SHAPES[name](3000)
    points = points + noise * np.random.default_rng(9).normal(size=points.shape)
    found = outward_normals(points)
    np.testing.assert_allclose(np.linalg.norm(found.normals, axis=1), 1, rtol=1e-5)
    assert float(((found.normals * normals).sum(1) < 0).mean()) <= 0.01
    assert found.doubtful < 0.05
    assert found.residual < 0.25


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_units_and_place_do_not_matter(scale: float) -> None:
    points, _ = torus(1000)
    here = outward_normals(points)
    there = outward_normals(scale * (points + np.array([10.0, -20.0, 5.0])))
    assert there.neighbours == here.neighbours
    assert float((here.normals * there.normals).sum(1).min()) > 0.999


def test_runs_repeat_bit_for_bit() -> None:
    points, _ = torus(500)
    np.testing.assert_array_equal(outward_normals(points).normals, outward_normals(points).normals)


def test_given_directions_are_kept_up_to_sign() -> None:
    points, normals = torus(2000)
    flips = np.random.default_rng(4).choice([-1.0, 1.0], (2000, 1))
    found = outward_normals(points, flips * normals)
    assert found.neighbours == 0
    np.testing.assert_allclose(found.normals, normals, atol=1e-6)


def test_no_inside_leaves_a_large_residual() -> None:
    """Points without a surface, all through a cube: no vectors make them the border of a solid."""
    scattered = outward_normals(np.random.default_rng(0).uniform(size=(3000, 3)))
    solid = outward_normals(sphere(3000)[0])
    assert scattered.residual > 2 * solid.residual


def test_small_neighbourhoods_without_noise_and_large_ones_with_it() -> None:
    points, normals = sphere(5000)
    noisy = points + 0.02 * np.random.default_rng(1).normal(size=points.shape)
    assert best_spread(Neighbourhoods(points))[0] == 8
    k, spread = best_spread(Neighbourhoods(noisy))
    assert k >= 32

    def error(directions: np.ndarray) -> float:
        return float(np.arccos(np.clip(np.abs((directions * normals).sum(1)), 0, 1)).mean())

    assert error(spread.normal) < 0.5 * error(Neighbourhoods(noisy).spread(8).normal)


def test_indicator_of_a_ball_is_one_inside_and_zero_outside() -> None:
    points, normals = sphere(20_000)
    grid = Box(torch.from_numpy(points), 48)
    indicator = Indicator(grid)
    vectors = torch.from_numpy(normals).float() * (4 * math.pi / 20_000)
    chi = indicator.field(vectors)
    axis = torch.arange(48) * grid.step
    nodes = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1) + grid.origin
    radius = nodes.norm(dim=-1)
    # Copies of the ball and the faces' average bend the field by a few per cent.
    assert float(chi[radius < 0.8].mean()) == pytest.approx(1, abs=0.05)
    assert float((chi[radius < 0.8] - 1).abs().max()) < 0.15
    assert float(chi[radius > 1.2].mean()) == pytest.approx(0, abs=0.05)
    assert float(indicator(vectors).mean()) == pytest.approx(0.5, abs=0.05)
    assert float((indicator.outward(vectors) * torch.from_numpy(normals)).sum(-1).min()) > 0.9


def test_transposed_is_the_transpose() -> None:
    points, _ = sphere(300)
    indicator = Indicator(Box(torch.from_numpy(points), 20))
    draw = torch.Generator().manual_seed(0)
    vectors, values = torch.randn(300, 3, generator=draw), torch.randn(300, generator=draw)
    one, two = (indicator(vectors) * values).sum(), (vectors * indicator.transposed(values)).sum()
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_solution_equals_the_dense_one_in_float64() -> None:
    points, _ = sphere(60)
    indicator = Indicator(Box(torch.from_numpy(points), 16))
    areas = torch.rand(60, generator=torch.Generator().manual_seed(0)) + 0.5
    areas = areas / areas.mean()
    basis = torch.eye(180).reshape(180, 60, 3)
    matrix = torch.stack([indicator(b) for b in basis], 1).double()
    weights = areas.double().repeat_interleave(3)
    normal = matrix @ (weights[:, None] * matrix.T)
    vectors, residual = solve_vectors(indicator, areas, ridge=0.5, steps=200)
    # The ridge is measured against an estimate of the largest eigenvalue; find it back from the residual equations.
    largest = float(torch.linalg.eigvalsh(normal)[-1])
    rho = 0.5 * largest * (2500 / 60) ** 0.5
    exact = weights * (matrix.T @ torch.linalg.solve(normal + rho * torch.eye(60), torch.full((60,), 0.5).double()))
    np.testing.assert_allclose(vectors.reshape(-1).numpy(), exact.numpy(), atol=0.02 * float(exact.abs().max()))
    assert residual == pytest.approx(float((matrix @ exact - 0.5).square().mean().sqrt()), rel=0.02)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((2, 3)), "2 points span no surface"),
        (np.full((10, 3), np.nan), "10 of 10 points have NaN"),
        (np.outer(np.arange(10.0), [1, 2, 3]), "on one line"),
        (np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 0], "in one plane"),
        (np.zeros((10, 3)), "on one line"),
    ],
)
def test_clouds_without_a_surface_are_refused(points: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        outward_normals(points)


def test_directions_of_another_shape_are_refused() -> None:
    points, normals = sphere(100)
    with pytest.raises(UserError, match=r"directions have shape \(99, 3\), but the points have \(100, 3\)"):
        outward_normals(points, normals[1:])
