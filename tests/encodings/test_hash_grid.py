"""The hash grid against closed forms, a slow twin, and the refusal of derivatives it does not have."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings.base import AbstractEncoding
from nfield.encodings.hash_grid import PRIMES, HashGrid, HashGridConfig


def random_grid(d: int, **settings) -> HashGrid:
    return HashGridConfig(initial_scale=1.0, **settings).build(d, generator(0)).double()


def points(n: int, d: int) -> torch.Tensor:
    return torch.rand(n, d, generator=generator(1), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("d", [1, 2, 3])
def test_dense_levels_reproduce_linear_functions(d: int) -> None:
    grid = random_grid(d, levels=3, coarsest=2, finest=5, features=1, table_size=2**10)
    assert grid.dense_levels == 3
    slopes = torch.tensor([0.7, -1.3, 2.1], dtype=torch.float64)[:d]
    start = 0
    with torch.no_grad():
        for n in grid.cells.tolist():
            # Row of a node: its first coordinate counts fastest.
            nodes = torch.tensor([c[::-1] for c in itertools.product(range(n + 1), repeat=d)])
            size = len(nodes)
            grid.features[start : start + size, 0] = (2 * nodes.double() / n - 1) @ slopes + 0.4
            start += size
    assert start == len(grid.features)
    x = points(50, d)
    expected = (x @ slopes + 0.4)[:, None].expand(-1, 3)
    torch.testing.assert_close(grid(x), expected, rtol=0, atol=1e-13)


def slow_twin(grid: HashGrid, x: torch.Tensor) -> torch.Tensor:
    """Point by point and corner by corner in plain integers, the hash within 64 bits as in the paper."""
    size, smooth = grid.config.table_size, grid.smooth
    out = torch.zeros(len(x), grid.config.levels, grid.config.features, dtype=torch.float64)
    for p, point in enumerate(x.tolist()):
        start = 0
        for level, n in enumerate(grid.config.resolutions()):
            width = n + (2 if smooth else 1)
            dense = width ** len(point) <= size
            at = [(c + 1) / 2 * n + (0.5 if smooth else 0.0) for c in point]
            cell = [min(math.floor(a), width - 2) for a in at]
            for corner in itertools.product((0, 1), repeat=len(point)):
                node = [c + k for c, k in zip(cell, corner, strict=True)]
                if dense:
                    row = sum(k * width**axis for axis, k in enumerate(node))
                else:
                    row = 0
                    for k, prime in zip(node, PRIMES, strict=False):
                        row ^= k * prime
                    row %= size
                weight = 1.0
                for a, c, k in zip(at, cell, corner, strict=True):
                    t = a - c
                    t = 6 * t**5 - 15 * t**4 + 10 * t**3 if smooth else t
                    weight *= t if k else 1 - t
                out[p, level] += weight * grid.features.detach()[start + row]
            start += min(width ** len(point), size)
    assert start == len(grid.features)
    return out.flatten(1)


@pytest.mark.parametrize("interpolation", ["linear", "smooth"])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_equals_the_slow_twin(d: int, interpolation: str) -> None:
    grid = random_grid(d, levels=4, coarsest=3, finest=200, table_size=128, interpolation=interpolation)
    assert 0 < grid.dense_levels < 4
    x = torch.cat([points(20, d), torch.full((1, d), -1.0).double(), torch.ones(1, d).double()])
    torch.testing.assert_close(grid(x), slow_twin(grid, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("wide", [False, True])
def test_index_width_changes_nothing(wide: bool) -> None:
    grid = random_grid(2, levels=3, coarsest=3, finest=60, table_size=32)
    grid.index_dtype = torch.int64 if wide else torch.int32
    x = points(20, 2)
    torch.testing.assert_close(grid(x), slow_twin(grid, x), rtol=0, atol=1e-12)


def test_collisions_only_in_hashed_levels() -> None:
    """On the nodes themselves a dense level reads every row once; a hashed one shares rows, all within its table."""
    grid = random_grid(2, levels=2, coarsest=7, finest=40, features=1, table_size=64)
    assert grid.dense_levels == 1
    with torch.no_grad():
        grid.features.copy_(torch.arange(len(grid.features), dtype=torch.float64)[:, None])
    for level, n in enumerate([7, 40]):
        axis = torch.linspace(-1, 1, n + 1, dtype=torch.float64)
        rows = grid.on_grid((axis, axis))[..., level].round().flatten().tolist()
        expected = 64 if level == 0 else len(set(rows))
        assert len(set(rows)) == expected
        assert (len(set(rows)) == len(rows)) == (level == 0)
        assert min(rows) >= 64 * level
        assert max(rows) < 64 * (level + 1)


def test_resolutions_grow_geometrically_between_the_bounds() -> None:
    assert HashGridConfig(levels=6, coarsest=16, finest=512).resolutions() == [16, 32, 64, 128, 256, 512]
    assert HashGridConfig(levels=1, coarsest=16, finest=512).resolutions() == [16]
    assert HashGridConfig(levels=3, coarsest=10, finest=25).resolutions() == [10, 15, 25]


@given(levels=st.integers(2, 20), coarsest=st.integers(1, 64), factor=st.floats(1, 64))
@settings(deadline=None, max_examples=25)
def test_finest_is_reached_exactly(levels: int, coarsest: int, factor: float) -> None:
    finest = int(coarsest * factor)
    resolutions = HashGridConfig(levels=levels, coarsest=coarsest, finest=finest).resolutions()
    assert resolutions[0] == coarsest
    assert resolutions[-1] == finest
    assert resolutions == sorted(resolutions)


@pytest.mark.parametrize("interpolation", ["linear", "smooth"])
def test_features_are_constant_beyond_the_domain(interpolation: str) -> None:
    grid = random_grid(2, levels=2, coarsest=4, finest=9, interpolation=interpolation)
    outside = torch.tensor([[1.5, 0.2], [-3.0, -7.0]], dtype=torch.float64)
    torch.testing.assert_close(grid(outside), grid(outside.clamp(-1, 1)))


@pytest.mark.parametrize("interpolation", ["linear", "smooth"])
def test_fast_gradients_equal_autograd_of_plain_operations(interpolation: str) -> None:
    """On the grid path, made of ordinary operations only, torch's own derivatives are the oracle."""
    grid = random_grid(2, levels=4, coarsest=3, finest=30, table_size=64, interpolation=interpolation)
    axes = [points(6, 1)[:, 0].requires_grad_() for _ in range(2)]
    results = []
    for features in (grid.on_grid(axes), AbstractEncoding.on_grid(grid, axes)):
        loss = (features**3).sum()
        results.append(torch.autograd.grad(loss, [grid.features, *axes]))
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-11)


def test_weight_gradients_are_the_same_bit_for_bit() -> None:
    grid = HashGridConfig(levels=4).build(2, generator(0))
    x = points(3000, 2).float()
    first, second = (torch.autograd.grad((grid(x) ** 2).sum(), grid.features)[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("interpolation", ["linear", "smooth"])
def test_torch_func_gives_the_jacobian(interpolation: str) -> None:
    """The output is linear in the features: the Jacobian times the features is the output."""
    grid, x = random_grid(2, levels=2, coarsest=3, finest=9, interpolation=interpolation), points(5, 2)

    def output(table: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(grid, {"features": table}, (at,))

    jacobian = torch.func.jacrev(output)(grid.features.detach(), x)
    torch.testing.assert_close((jacobian * grid.features.detach()).sum((-2, -1)), grid(x).detach())
    slopes = torch.func.jacrev(output, argnums=1)(grid.features.detach(), x)
    (row,) = torch.autograd.grad(grid(x.requires_grad_())[2, 1], x)
    torch.testing.assert_close(slopes[2, 1], row)


@pytest.mark.parametrize("d", [1, 2])
def test_second_derivatives_of_the_linear_grid_are_refused(d: int) -> None:
    grid = random_grid(d, levels=2, coarsest=4, finest=9)
    x = points(5, d).requires_grad_()
    (slope,) = torch.autograd.grad((grid(x) ** 2).sum(), x, create_graph=True)
    with pytest.raises(UserError, match="hash grid with linear interpolation has no second derivatives"):
        torch.autograd.grad(slope.sum(), x)


def test_gradients_of_slopes_reach_the_weights() -> None:
    """An eikonal loss needs d/dweights of d/dx: right for the linear grid, against finite differences."""
    grid = random_grid(2, levels=2, coarsest=4, finest=9)
    x = points(5, 2).requires_grad_()

    def eikonal() -> torch.Tensor:
        (slope,) = torch.autograd.grad(grid(x).sum(), x, create_graph=True)
        return ((slope.norm(dim=-1) - 1) ** 2).sum()

    eikonal().backward(inputs=[grid.features])
    exact = grid.features.grad
    assert exact is not None
    change = torch.randn(exact.shape, generator=generator(2), dtype=torch.float64)
    h, values = 1e-6, []
    for sign in (1, -1):
        grid.features.data += sign * h * change
        values.append(float(eikonal().detach()))
        grid.features.data -= sign * h * change
    assert float((exact * change).sum()) == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_smooth_grid_has_right_second_derivatives(d: int) -> None:
    grid = random_grid(d, levels=3, coarsest=3, finest=20, table_size=64, interpolation="smooth")
    assert grid.derivative_order == 2
    x = points(4, d).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda p: grid(p).sum(0), x, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"levels": 0}, "levels must be at least 1"),
        ({"finest": 3}, "finest must be at least 16"),
        ({"table_size": 1000}, "table_size must be a power of two, but is 1000. Try 1024"),
        ({"initial_scale": -1.0}, "initial_scale must be at least 0"),
        ({"rate": 0.0}, "rate must be a positive number"),
    ],
)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        HashGridConfig(**settings)


def test_four_dimensions_are_refused() -> None:
    with pytest.raises(UserError, match="dimension 1 to 3, but was asked for 4"):
        HashGridConfig().build(4, generator(0))
