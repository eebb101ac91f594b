"""Interpolation on grids against its scattered twin, closed forms and scipy's B-splines."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from nfield.kernels.interpolation import PADDING, interpolate_grid, interpolate_points, spline_weights


def random_values(nodes: tuple[int, ...], order: int, features: int, seed: int) -> torch.Tensor:
    stored = [n + 2 * PADDING[order] for n in nodes]
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(stored[0], features, *stored[1:], generator=draw, dtype=torch.float64)


@settings(deadline=None, max_examples=30)
@given(
    nodes=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    order=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_tensor_product_equals_scattered_points(nodes, order, seed, data) -> None:
    positions = [
        torch.tensor(data.draw(st.lists(st.floats(-1, n + 1), min_size=1, max_size=5)), dtype=torch.float64)
        for n in nodes
    ]
    values = random_values(tuple(nodes), order, 2, seed).requires_grad_()
    on_grid = interpolate_grid(values, positions, nodes, order).movedim(1, -1)
    points = torch.stack(torch.meshgrid(*positions, indexing="ij"), -1)
    scattered = interpolate_points(values, points.reshape(-1, len(nodes)), nodes, order).reshape(on_grid.shape)
    torch.testing.assert_close(on_grid, scattered)
    weight = torch.sin(torch.arange(on_grid.numel(), dtype=torch.float64)).reshape(on_grid.shape)
    (one,) = torch.autograd.grad((on_grid * weight).sum(), values)
    (two,) = torch.autograd.grad((scattered * weight).sum(), values)
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("order", [1, 3])
def test_affine_functions_are_reproduced(order: int) -> None:
    nodes, pad = (5, 7), PADDING[order]
    y = torch.arange(-pad, nodes[0] + pad, dtype=torch.float64)
    x = torch.arange(-pad, nodes[1] + pad, dtype=torch.float64)
    values = (2 * y[:, None] - 3 * x[None] + 1)[:, None]
    positions = [torch.linspace(0, n - 1, 23, dtype=torch.float64) for n in nodes]
    found = interpolate_grid(values, positions, nodes, order)[:, 0]
    torch.testing.assert_close(found, 2 * positions[0][:, None] - 3 * positions[1][None] + 1)


def test_cubic_weights_are_those_of_the_b_spline() -> None:
    positions = torch.linspace(0, 4, 41, dtype=torch.float64)
    first, weights = spline_weights(positions, 5, 3)
    for k in range(4):
        centre = (first + k - 1).numpy()  # stored nodes begin one before node 0
        basis = BSpline.basis_element(np.arange(-2, 3))
        expected = np.where(np.abs(positions.numpy() - centre) < 2, basis(positions.numpy() - centre), 0)
        np.testing.assert_allclose(weights[k].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("order", [1, 3])
def test_outside_continues_the_border(order: int) -> None:
    values = random_values((4,), order, 3, 0)
    found = interpolate_points(values, torch.tensor([[-5.0], [0.0], [3.0], [9.0]], dtype=torch.float64), (4,), order)
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[2], found[3])
