"""The periodic grid against transposition, trilinear exactness and derivatives of waves."""

import math

import pytest
import torch

from nfield.points.box import Box

DRAW = torch.Generator().manual_seed(0)
POINTS = torch.rand(200, 3, generator=DRAW, dtype=torch.float64)


def nodes_of(box: Box) -> torch.Tensor:
    axis = torch.arange(box.nodes, dtype=torch.float64) * box.step
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1) + box.origin


@pytest.mark.parametrize("nodes", [8, 9])
def test_spread_is_the_transpose_of_sample(nodes: int) -> None:
    box = Box(POINTS, nodes)
    field, values = torch.randn(nodes, nodes, nodes, generator=DRAW), torch.randn(200, generator=DRAW)
    torch.testing.assert_close((box.sample(field) * values).sum(), (field * box.spread(values)).sum())


def test_sampling_is_exact_for_linear_functions_and_spreading_keeps_sums() -> None:
    box = Box(POINTS, 12)
    slope = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(box.sample((nodes_of(box) @ slope).float()), (POINTS @ slope).float(), atol=1e-5, rtol=0)
    assert float(box.spread(torch.ones(200)).sum()) == pytest.approx(200, rel=1e-5)


@pytest.mark.parametrize("nodes", [16, 15])
def test_waves_differentiate_sinusoids(nodes: int) -> None:
    box = Box(POINTS, nodes)
    k = 2 * math.pi / box.edge
    x, y, z = nodes_of(box).float().unbind(-1)
    f = torch.sin(2 * k * x) * torch.cos(k * y) + torch.sin(3 * k * z)
    expected = (
        2 * k * torch.cos(2 * k * x) * torch.cos(k * y),
        -k * torch.sin(2 * k * x) * torch.sin(k * y),
        3 * k * torch.cos(3 * k * z),
    )
    for wave, derivative in zip(box.waves, expected, strict=True):
        torch.testing.assert_close(box.back(1j * wave * box.transform(f)), derivative, atol=1e-3, rtol=0)


def test_the_margin_surrounds_the_points() -> None:
    box = Box(POINTS * torch.tensor([1.0, 0.1, 0.1]), 10, margin=2.0)
    low, high = POINTS[:, 0].min(), POINTS[:, 0].max()
    assert box.edge == pytest.approx(2 * float(high - low))
    assert float(box.origin[0]) == pytest.approx(float(low - (high - low) / 2))
