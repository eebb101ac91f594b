"""Splines through points against surfaces with known distances, and their lattice against plain arithmetic."""

import itertools

import numpy as np
import pytest
import torch
from balls import ball

from nfield.points import lattice
from nfield.points.lattice import (
    Level,
    block,
    dilated,
    evaluate_levels,
    look_up,
    pack,
    sparse_rows,
    spline_weights,
    squared_product,
    transposed,
    unpack,
)
from nfield.points.smooth_distance import (
    Sample,
    Smoothing,
    _reopened,
    _System,
    shared_levels,
    solve_levels,
    thinned,
)


def random_level(step: float = 0.1) -> Level:
    keys = block(torch.tensor([-8] * 3), torch.tensor([7] * 3))
    values = torch.randn(len(keys), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Level(step=step, keys=keys, values=values)


def test_keys_are_sorted_like_nodes_and_unpack_to_them() -> None:
    nodes = torch.tensor(list(itertools.product((-300, -1, 0, 5), repeat=3)))
    keys = pack(nodes)
    assert torch.equal(unpack(keys), nodes)
    assert bool((keys.diff() > 0).all())


def test_dilation_adds_the_cube_around() -> None:
    keys = dilated(pack(torch.tensor([[3, -2, 7]])), 2)
    wanted = torch.tensor(list(itertools.product((1, 2, 3, 4, 5), (-4, -3, -2, -1, 0), (5, 6, 7, 8, 9))))
    assert torch.equal(keys, pack(wanted).sort().values)
    rows, there = look_up(keys, pack(torch.tensor([[3, -2, 7], [0, 0, 0]])))
    assert there.tolist() == [True, False]
    assert keys[rows[0]] == pack(torch.tensor([3, -2, 7]))


def test_spline_weights_sum_to_one_and_slopes_are_their_derivatives() -> None:
    fraction = (torch.rand(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5) * 0.98
    values, slopes = spline_weights(fraction, slopes=True)
    torch.testing.assert_close(values.sum(1), torch.ones(50, dtype=torch.float64))
    for axis in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[axis] = 1e-5
        numeric = (spline_weights(fraction + shift)[0] - spline_weights(fraction - shift)[0]) / 2e-5
        torch.testing.assert_close(slopes[axis], numeric, atol=1e-8, rtol=1e-6)


def test_refinement_keeps_the_function() -> None:
    """Oracle: quadratic B-splines of one step are sums of those of half the step."""
    coarse = random_level()
    keys = block(torch.tensor([-10] * 3), torch.tensor([9] * 3))
    fine = Level(step=0.05, keys=keys, values=coarse.refined(keys, 0.05))
    points = (torch.rand(200, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.5) * 0.6
    torch.testing.assert_close(evaluate_levels([fine], points), evaluate_levels([coarse], points))


def test_a_level_of_the_same_step_takes_over_the_coefficients() -> None:
    level = random_level()
    keys = block(torch.tensor([-10] * 3), torch.tensor([3] * 3))
    there = level.has_parents(keys, level.step)
    assert torch.equal(there, (unpack(keys) >= -8).all(-1))
    taken = Level(step=level.step, keys=keys[there], values=level.refined(keys[there], level.step))
    points = torch.rand(200, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 0.6 - 0.5
    torch.testing.assert_close(evaluate_levels([level, taken], points), evaluate_levels([level], points))


def test_what_a_smoother_level_flattened_keeps_its_normals_and_weights() -> None:
    """Distances in steps: those below 0.3, or below two robust deviations where points are noisy, take normals over."""

    class Solved(_System):
        def __init__(self, distances: torch.Tensor) -> None:
            self.distances = distances

        def look(self, level: Level) -> tuple[torch.Tensor, torch.Tensor]:
            # A function of half the slope, so that values are half the distances.
            gradient = torch.zeros(len(self.distances), 3)
            gradient[:, 2] = 0.5
            return 0.5 * self.distances * level.step, gradient

    level = random_level()
    for distances, taken in (
        ([0.0, 0.01, -0.02, 0.29, 0.31, -2.0], [True, True, True, True, False, False]),
        ([0.4, -0.5, 0.6, 0.5, -0.4, 2.0], [True, True, True, True, True, False]),
    ):
        normals = torch.zeros(6, 3)
        normals[:, 0] = 1
        sample = Sample(points=torch.rand(6, 3), normals=normals, areas=torch.ones(6), weights=torch.full((6,), 0.7))
        found = _reopened(sample, Solved(torch.tensor(distances)), level, Smoothing(step=0.1, length=0.01), None)
        assert (found.normals[:, 2] == 1).tolist() == taken
        assert torch.equal(found.normals[~torch.tensor(taken)], normals[~torch.tensor(taken)])
        assert torch.equal(found.weights, sample.weights)


def test_functions_of_first_degree_are_reproduced_beyond_the_lattice_continuously() -> None:
    level = random_level()
    centre = (unpack(level.keys) + 0.5) * level.step
    slope = torch.tensor([0.3, -2.0, 1.1], dtype=torch.float64)
    linear = Level(step=level.step, keys=level.keys, values=centre.double() @ slope + 0.2)
    points = (torch.rand(100, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) - 0.5) * 1.2
    torch.testing.assert_close(evaluate_levels([linear], points), points @ slope + 0.2, atol=1e-7, rtol=1e-7)
    edge = torch.tensor([[0.67, 0.0, 0.0], [0.68, 0.0, 0.0]], dtype=torch.float64)
    near = evaluate_levels([linear], edge)
    assert float((near[1] - near[0]).abs()) < 0.03


def test_products_with_sparse_matrices_and_their_transposes_are_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.stack([torch.randperm(9, generator=draw)[:4] for _ in range(7)])
    weights = torch.randn(7, 4, generator=draw, dtype=torch.float64)
    dense = torch.zeros(7, 9, dtype=torch.float64).scatter_add(1, rows, weights)
    matrix = sparse_rows(rows, weights, 9)
    right, left = (
        torch.randn(9, generator=draw, dtype=torch.float64),
        torch.randn(7, generator=draw, dtype=torch.float64),
    )
    torch.testing.assert_close(matrix @ right, dense @ right)
    torch.testing.assert_close(transposed(matrix) @ left, dense.T @ left)
    assert matrix.col_indices().dtype == transposed(matrix).col_indices().dtype == torch.int32
    monkeypatch.setattr(lattice, "NODES_AT_ONCE", 2)
    torch.testing.assert_close(squared_product(matrix, right), dense.square() @ right)
    torch.testing.assert_close(squared_product(transposed(matrix), left), dense.square().T @ left)


def test_exact_points_of_a_sphere_give_its_distance() -> None:
    levels = solve_levels(ball(3000), Smoothing(step=0.03, length=0.004))
    draw = np.random.default_rng(1)
    directions = draw.normal(size=(500, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    for radius in (0.37, 0.4, 0.43):
        value = evaluate_levels(levels, torch.from_numpy(radius * directions).float())
        # Away from its zeros the slope of the smoothest function stays a little below that of the distance.
        assert float((value - (radius - 0.4)).abs().max()) < (0.001 if radius == 0.4 else 0.008)
    assert float(evaluate_levels(levels, torch.zeros(1, 3))) < -0.1
    assert float(evaluate_levels(levels, torch.tensor([[3.0, 0.0, 0.0]]))) > 2


def test_corrections_join_their_coarser_level_without_a_step() -> None:
    """Along a line through the edge of the finest level, values change by no more than the slope allows."""
    levels = solve_levels(ball(2000), Smoothing(step=0.02, length=0.004))
    line = torch.zeros(4000, 3)
    line[:, 0] = torch.linspace(0.25, 0.6, 4000)
    assert float(evaluate_levels(levels, line).diff().abs().max()) < 3 * 0.35 / 4000


def test_more_smoothing_leaves_less_noise() -> None:
    sample = ball(2000, noise=0.015)
    draw = np.random.default_rng(3)
    directions = draw.normal(size=(1000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    truth = torch.from_numpy(0.4 * directions).float()
    rough, smooth = (
        evaluate_levels(solve_levels(sample, Smoothing(step=0.035, length=s)), truth).square().mean().sqrt()
        for s in (0.004, 0.03)
    )
    assert float(smooth) < 0.85 * float(rough)


def test_bends_are_spread_over_nodes_around_without_a_change_of_the_even() -> None:
    """Away from the rim the mean of even energy is that energy, and a single one is shared with its six neighbours."""
    level = solve_levels(ball(500), Smoothing(step=0.06, length=0.01))[-1]
    system = _System(
        level, torch.ones(len(level.keys), dtype=torch.bool), level.keys.new_zeros(0, 3).float(), dense=False
    )
    even = torch.ones(system.bending.shape[0])
    torch.testing.assert_close(system._spread(even, level.step), even)
    single = torch.zeros_like(even)
    single[len(single) // 2] = 1.0
    spread = system._spread(single, level.step)
    assert 0.02 < float(spread.max()) < 0.5
    assert int((spread > 1e-7).sum()) > 7
    assert float(spread.min()) >= 0


def test_filtered_normals_keep_edges_of_a_noisy_box_and_flatten_its_sides() -> None:
    draw = np.random.default_rng(7)
    count = 6000
    points = draw.uniform(-0.4, 0.4, (count, 3))
    side, rows = draw.integers(0, 6, count), np.arange(count)
    normals = np.zeros((count, 3))
    normals[rows, side % 3] = np.where(side < 3, -1.0, 1.0)
    points[rows, side % 3] = 0.4 * normals[rows, side % 3]
    true = torch.from_numpy(points).float()
    noisy = torch.from_numpy(points + 0.008 * normals * draw.normal(size=(count, 1))).float()
    rough = torch.nn.functional.normalize(
        torch.from_numpy(normals + 0.3 * draw.normal(size=(count, 3))).float(), dim=-1
    )
    area = torch.full((count,), 6 * 0.64 / count)
    sample = Sample(points=noisy, normals=rough, areas=area, weights=torch.ones(count))
    plain, filtered = (
        evaluate_levels(solve_levels(sample, Smoothing(step=0.025, length=0.014, filtered=on)), true).square().mean()
        for on in (False, True)
    )
    assert float(filtered) < 0.8 * float(plain)


def test_outliers_lose_their_weight() -> None:
    sample = ball(2000)
    points = sample.points.clone()
    points[::50] *= 1.15
    bent = Sample(points=points, normals=sample.normals, areas=sample.areas, weights=sample.weights)
    spread = []
    for scale in (0.0, 3.0):
        levels = solve_levels(bent, Smoothing(step=0.035, length=0.01, outlier_scale=scale))
        spread.append(float(evaluate_levels(levels, sample.points).square().mean().sqrt()))
    assert spread[1] < 0.7 * spread[0]


def test_solving_stops_where_it_is_told_to() -> None:
    seen: list[int] = []

    def once(levels: list[Level]) -> bool:
        seen.append(len(levels))
        return len(levels) < 2

    assert len(solve_levels(ball(500), Smoothing(step=0.02, length=0.01), on_level=once)) == 2
    assert seen == [1, 2]


def test_known_coarse_levels_are_gone_on_from() -> None:
    smoothing = Smoothing(step=0.03, length=0.01)
    whole = solve_levels(ball(800), smoothing)
    rest = solve_levels(ball(800), smoothing, coarse=whole[:-1])
    assert [level.step for level in rest] == [level.step for level in whole]
    torch.testing.assert_close(rest[-1].values, whole[-1].values, rtol=0, atol=1e-6)


def test_thinning_keeps_areas_and_means() -> None:
    sample = ball(4000)
    thin = thinned(sample, 0.1)
    assert len(thin.points) < 1000
    assert float(thin.areas.sum()) == pytest.approx(float(sample.areas.sum()), rel=1e-4)
    torch.testing.assert_close(
        (thin.areas[:, None] * thin.points).sum(0), (sample.areas[:, None] * sample.points).sum(0), atol=1e-4, rtol=1e-3
    )
    assert thinned(sample, 1e-5) is sample


def test_levels_that_another_length_leaves_as_they_are_need_no_second_solve() -> None:
    sample = ball(1500)
    before, after = Smoothing(step=0.02, length=0.01), Smoothing(step=0.02, length=0.02)
    known = solve_levels(sample, before)
    shared = shared_levels(known, before, after, sample)
    # half a step smooths more than either length on both levels that reach everywhere
    assert [level.step for level in shared] == pytest.approx([0.08, 0.04])
    for one, other in zip(solve_levels(sample, after, coarse=shared), solve_levels(sample, after), strict=True):
        assert torch.equal(one.values, other.values)
    assert len(shared_levels(known, before, Smoothing(step=0.02, length=0.03), sample)) == 1
    assert not shared_levels(known, before, Smoothing(step=0.02, length=0.02, rounds=2), sample)
