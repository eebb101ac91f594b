"""Volume rendering against closed forms: constant slabs, empty space, contraction, spacing, and gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nfield.rendering import volume
from nfield.rendering.composite import Packed, composite, distortion, optical_depth_before, weights
from nfield.rendering.contraction import contract, same
from nfield.rendering.march import Rays, march, within_cube
from nfield.rendering.occupancy import OccupancyGrid, cell_centres
from nfield.rendering.spacing import Spacing, importance_samples, stratified_draws
from nfield.rendering.visual_hull import Silhouette, visual_hull
from nfield.rendering.volume import render_rays, samples_within


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def packed(counts: list[int], length: float = 0.1, dtype: torch.dtype = torch.float64) -> Packed:
    ray = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    distance = torch.cat([length * (torch.arange(n, dtype=dtype) + 0.5) for n in counts])
    return Packed(rays=len(counts), ray=ray, distance=distance, length=torch.full_like(distance, length))


def straight_rays(count: int = 5) -> Rays:
    """Rays along +x that enter the cube at x = -1, at different heights."""
    y = torch.linspace(-0.5, 0.5, count)
    origin = torch.stack([torch.full_like(y, -3.0), y, torch.zeros_like(y)], -1)
    return within_cube(origin, torch.tensor([1.0, 0.0, 0.0]).expand(count, 3))


def test_a_slab_of_constant_density_lets_through_what_the_law_of_beer_and_lambert_says() -> None:
    """σ over a length L: opacity 1 - exp(-σ L), whatever the number of samples; a ray without samples sees nothing."""
    for count in (1, 7, 40):
        samples = packed([count, 0], 2.0 / count)
        weight = weights(torch.full((count,), 0.8, dtype=torch.float64), samples)
        colour, opacity = composite(weight, torch.full((count, 3), 0.25, dtype=torch.float64), samples)
        expected = 1 - math.exp(-0.8 * 2.0)
        torch.testing.assert_close(opacity, torch.tensor([expected, 0.0], dtype=torch.float64))
        torch.testing.assert_close(colour[0], torch.full((3,), 0.25 * expected, dtype=torch.float64))


def test_two_slabs_hide_one_another() -> None:
    """Red before blue: red gives 1 - e^-a, blue e^-a (1 - e^-b)."""
    samples = packed([20])
    density = torch.where(samples.distance < 1, 1.5, 0.5)
    colour = torch.where(samples.distance[:, None] < 1, torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, 1.0])).double()
    seen, _ = composite(weights(density.double(), samples), colour, samples)
    first, second = 1 - math.exp(-1.5), math.exp(-1.5) * (1 - math.exp(-0.5))
    torch.testing.assert_close(seen[0], torch.tensor([first, 0.0, second], dtype=torch.float64))


def test_gradients_of_compositing_are_right_in_double_precision() -> None:
    samples = packed([3, 0, 4])
    density = torch.rand(7, generator=generator(), dtype=torch.float64, requires_grad=True)
    colour = torch.rand(7, 3, generator=generator(1), dtype=torch.float64, requires_grad=True)

    def seen(d: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return composite(weights(d, samples), c, samples)[0]

    assert torch.autograd.gradcheck(seen, (density, colour))


def test_depth_before_a_sample_counts_its_own_ray_alone() -> None:
    samples = packed([2, 3])
    before = optical_depth_before(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64), samples)
    assert before.tolist() == [0, 1, 0, 3, 7]


def test_distortion_is_the_double_sum() -> None:
    samples = packed([6])
    weight = torch.rand(6, generator=generator(), dtype=torch.float64)
    pairs = weight[:, None] * weight * (samples.distance[:, None] - samples.distance).abs()
    expected = pairs.sum() + (weight.square() * samples.length).sum() / 3
    found = distortion(weight, samples.distance, samples.length, samples)
    torch.testing.assert_close(found, expected[None])


@given(st.lists(st.floats(-50, 50), min_size=3, max_size=3))
def test_contraction_keeps_the_middle_draws_in_the_rest_and_can_be_undone(point: list[float]) -> None:
    x = torch.tensor(point, dtype=torch.float64)
    y = contract(x)
    assert float(y.abs().max()) < 1
    if float(x.abs().max()) <= 1:
        torch.testing.assert_close(y, x / 2)
    # Undone by hand: ‖y‖ = 1 − 1/(2‖x‖) beyond the middle.
    size = 1 / (2 - 2 * y.abs().max()) if float(x.abs().max()) > 1 else x.abs().max()
    torch.testing.assert_close(y / y.abs().max().clamp(min=1e-300) * size, x, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("growth", [0.0, 0.02])
def test_spacing_and_its_inverse(growth: float) -> None:
    """Steps are even up to the bend, grow as g t beyond, and the slope is the same on both sides of it."""
    spacing = Spacing(step=0.1, growth=growth)
    u = torch.linspace(0, 300, 601, dtype=torch.float64)
    t = spacing.distance(u)
    torch.testing.assert_close(spacing.steps(t), u)
    torch.testing.assert_close(t[:5], 0.1 * u[:5])
    if growth:
        ratio = (t[-1] - t[-3]) / t[-2]
        assert math.isclose(float(ratio), 2 * math.sinh(growth / 2 * 1), rel_tol=1e-3)


def test_importance_samples_follow_the_weights() -> None:
    """Three quarters of the weight in the last bin: three quarters of the samples; no weight at all: even samples."""
    edges = torch.tensor([[0.0, 1.0, 2.0]]).expand(2, 3)
    share = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    found = importance_samples(edges, share, stratified_draws(2, 400, generator()))
    assert ((found[0] > 1).float().mean() - 0.75).abs() < 0.01
    assert ((found[1] > 1).float().mean() - 0.5).abs() < 0.01
    assert (found.diff() >= 0).all()


def test_marching_finds_every_full_cell_on_its_way_and_no_other() -> None:
    """Against looking at every step of every ray."""
    grid = OccupancyGrid(32)
    grid.restrict(torch.rand(32**3, generator=generator()) < 0.02)
    direction = torch.nn.functional.normalize(torch.randn(40, 3, generator=generator(1)), dim=-1)
    rays = within_cube(-2 * direction + 0.3 * torch.randn(40, 3, generator=generator(2)), direction)
    spacing = Spacing(step=2 / 100)
    samples = march(rays, grid, spacing, contract=same)
    expected = 0
    for ray in range(40):
        length = max(0.0, float(rays.far[ray] - rays.near[ray]))
        t = rays.near[ray] + spacing.step * (torch.arange(math.ceil(length / spacing.step - 0.5)) + 0.5)
        expected += int(grid.at(rays.origin[ray] + t[:, None] * rays.direction[ray]).sum())
    assert samples.count == expected > 0
    assert grid.at(rays.at(samples)).all()


def test_rendering_in_rounds_gives_what_all_samples_together_do() -> None:
    grid, spacing = OccupancyGrid(16), Spacing(step=0.02)
    rays = straight_rays()

    def radiance(places: torch.Tensor, directions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 3 * (places[:, 1] + 0.5), torch.sigmoid(places)

    seen = render_rays(radiance, rays, lambda some: march(some, grid, spacing, contract=same), contract=same)
    samples = march(rays, grid, spacing, contract=same)
    density, colour = radiance(rays.at(samples), rays.direction[samples.ray])
    expected, opacity = composite(weights(density, samples), colour, samples)
    torch.testing.assert_close(seen.colour, expected, atol=2e-4, rtol=0)
    torch.testing.assert_close(seen.opacity, opacity, atol=2e-4, rtol=0)
    assert seen.depth[0] == torch.inf
    torch.testing.assert_close(seen.over(torch.ones(3))[0], torch.ones(3))


def test_no_block_holds_more_samples_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rays of 100 samples each, at most 300 together: three rays a block, and the picture is the same."""
    grid, rays, told = OccupancyGrid(16), straight_rays(8), []

    def sample(some: Rays) -> Packed:
        found = march(some, grid, Spacing(step=0.02), contract=same)
        told.append(found.count)
        return found

    def radiance(places: torch.Tensor, directions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return 3 * (places[:, 1] + 0.5), torch.sigmoid(places)

    whole = render_rays(radiance, rays, sample, contract=same, samples_per_ray=100)
    monkeypatch.setattr(volume, "SAMPLES_PER_BLOCK", 300)
    parts = render_rays(radiance, rays, sample, contract=same, samples_per_ray=100)
    assert told == [800, 300, 300, 200]
    torch.testing.assert_close(parts.colour, whole.colour)
    torch.testing.assert_close(parts.depth, whole.depth)


def test_a_wall_is_seen_where_it_stands() -> None:
    """A wall that starts at x = 0, three units before the cameras: the depth is 3 to within a step."""
    grid = OccupancyGrid(16)

    def wall(places: torch.Tensor, directions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.where(places[:, 0] > 0, 1e4, 0.0), torch.ones_like(places)

    seen = render_rays(
        wall, straight_rays(), lambda some: march(some, grid, Spacing(step=0.01), contract=same), contract=same
    )
    torch.testing.assert_close(seen.depth, torch.full((5,), 3.0), atol=0.01, rtol=0)
    torch.testing.assert_close(seen.opacity, torch.ones(5), atol=1e-4, rtol=0)


def test_a_budget_of_samples_ends_with_a_whole_ray() -> None:
    grid, rays = OccupancyGrid(16), straight_rays(9)
    taken, samples = samples_within(
        rays.take, grid, Spacing(step=0.1), contract=same, jitter=torch.full((9,), 0.5), budget=65, block=2
    )
    assert taken.count == samples.rays == 3
    assert torch.bincount(samples.ray).tolist() == [20, 20, 20]
    one, _ = samples_within(rays.take, grid, Spacing(step=0.1), contract=same, jitter=torch.full((9,), 0.5), budget=1)
    assert one.count == 1


def test_the_grid_empties_where_there_is_nothing_and_fills_again() -> None:
    grid, draw = OccupancyGrid(16), generator()

    def ball(places: torch.Tensor) -> torch.Tensor:
        return torch.where(places.norm(dim=-1) < 0.5, 50.0, 0.0)

    grid.update(ball, draw, step=0.05, share=0.1)
    assert grid.share > 0.8, "cells that were never asked for count as full"
    grid.update(ball, draw, step=0.05)
    assert 0.02 < grid.share < 0.15
    inside = cell_centres(grid.full.nonzero()[:, 0], 16).norm(dim=-1)
    assert float(inside.max()) < 0.5 + 0.125 * 3**0.5
    grid.restrict(torch.zeros(16**3, dtype=torch.bool))
    assert not grid.near(torch.zeros(1, 3)).any()


def test_the_hull_of_a_ball_holds_it_and_little_more() -> None:
    """Silhouettes of a ball of radius 0.4 by six parallel cameras along the axes: a cell of the ball is never lost."""
    side, radius = 64, 0.4
    places = torch.stack(torch.meshgrid(*[(torch.arange(side) + 0.5) * 2 / side - 1] * 2, indexing="ij"), -1)
    covered = places.norm(dim=-1) <= radius

    def look(axis: int, sign: float) -> Silhouette:
        others = [i for i in range(3) if i != axis]
        position = torch.zeros(3)
        position[axis] = sign * 1000
        return Silhouette(
            covered=covered,
            project=lambda p: (p[:, others].flip(-1) + 1) * side / 2,
            pixels_per_angle=1000 * side / 2,
            position=position,
        )

    hull = visual_hull([look(axis, sign) for axis in range(3) for sign in (1.0, -1.0)], 32)
    centres = cell_centres(torch.arange(32**3), 32)
    assert hull[centres.norm(dim=-1) <= radius].all()
    assert float(centres[hull].abs().max()) < radius + 0.2
