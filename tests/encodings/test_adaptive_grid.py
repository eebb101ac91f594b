"""The adaptive grid's allocation: budget, best choice, storage, and equality with a dense grid of zeros."""

import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings.adaptive_grid import AdaptiveGridConfig


def grid(**settings):
    return AdaptiveGridConfig(**settings).build(2, generator(0, "weights"))


def detail_of(module, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return [torch.rand(module.tiles(level), generator=draw) for level in range(len(module.nodes))]


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_parameters_stay_within_the_budget_and_use_it(interpolation, share) -> None:
    module = grid(resolution=(37, 50), interpolation=interpolation, features=3)
    budget = int(share * sum(v.numel() for v in module.values))
    module.allocate(detail_of(module), budget)
    used = sum(v.numel() for v in module.values)
    assert budget - 3 * 16 < used <= budget  # at most one tile of 4 x 4 nodes is left over


def test_tiles_with_most_energy_per_parameter_are_kept() -> None:
    module = grid(resolution=16, levels=1, features=1)
    energy = torch.arange(16.0).reshape(4, 4)
    module.allocate([energy], 5 * 16)
    assert torch.equal(module.kept_0, energy >= 11)


def test_left_out_tiles_are_zero_and_kept_ones_are_unchanged() -> None:
    module = grid(resolution=(20, 30), levels=3)
    before = [module.dense(level).detach().clone() for level in range(3)]
    module.allocate(detail_of(module), 500)
    for level in range(3):
        after = module.dense(level).detach()
        same = after == before[level]
        assert torch.equal(after[~same], torch.zeros_like(after[~same]))
        assert int(same.sum()) == module.values[level].numel()


def test_weights_carry_their_tiles() -> None:
    module = grid(resolution=(20, 30), levels=3)
    module.allocate(detail_of(module), 500)
    fresh = AdaptiveGridConfig(resolution=(20, 30), levels=3).build(2, generator(9, "weights"))
    fresh.load_state_dict(module.state_dict())
    points = torch.rand(50, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(fresh(points), module(points))


def test_on_grid_equals_forward_after_allocation() -> None:
    module = grid(resolution=(20, 30), levels=3)
    module.allocate(detail_of(module), 700)
    axes = (torch.linspace(-1, 1, 9), torch.linspace(-0.7, 0.9, 11))
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    torch.testing.assert_close(module.on_grid(axes), module(points), atol=1e-7, rtol=1e-5)


def test_finest_nodes_stand_where_they_were_put() -> None:
    module = grid(resolution=(4, 6), levels=1, features=1, first=(-0.5, -1.0), last=(0.25, 0.5))
    axes = (torch.linspace(-0.5, 0.25, 4), torch.linspace(-1.0, 0.5, 6))
    torch.testing.assert_close(module.on_grid(axes)[..., 0], module.dense(0)[:, 0])


def test_levels_halve_about_the_same_places() -> None:
    """A node of a coarse level stands in the middle of the four finer ones that it covers."""
    module = grid(resolution=(8, 8), levels=3)
    for level in range(2):
        middle = module.origin[level + 1] + module.spacing[level + 1] / 2
        torch.testing.assert_close(module.origin[level], middle)
        torch.testing.assert_close(module.spacing[level], 2 * module.spacing[level + 1])


def test_second_derivatives_of_linear_interpolation_are_refused() -> None:
    module = grid(resolution=8)
    x = torch.full((3, 2), 0.3, requires_grad=True)
    (first,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
    with pytest.raises(UserError, match="no second derivatives"):
        torch.autograd.grad(first.square().sum(), x)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resolution": 0}, "resolution"),
        ({"resolution": (8, 8, 8)}, "3 numbers"),
        ({"features": 0}, "features"),
        ({"tile": -1}, "tile"),
        ({"first": (0.0, 0.0)}, "both first and last"),
    ],
)
def test_bad_settings_are_named(settings, message) -> None:
    with pytest.raises(UserError, match=message):
        grid(**settings)
