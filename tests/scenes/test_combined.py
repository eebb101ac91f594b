"""Shapes moved and put together. Oracles: the formula of the moved shape, Monte Carlo, distances at known points."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.scenes.combined import Transformed, Union
from nfield.scenes.shape import gradients
from nfield.scenes.shapes import Box, Capsule, Gyroid, Sphere, Torus


def cube(count: int, size: float) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return size * (2 * torch.rand(count, 3, generator=draw, dtype=torch.float64) - 1)


def test_a_moved_sphere_is_the_sphere_there() -> None:
    moved = Transformed(shape=Sphere(radius=0.5), scale=3.0, rotation=(10.0, 20.0, 30.0), shift=(1.0, -2.0, 0.5))
    points = cube(500, 4.0)
    wanted = (points - torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)).norm(dim=-1) - 1.5
    assert torch.allclose(moved(points), wanted)
    assert moved.area == pytest.approx(Sphere(radius=1.5).area)
    assert moved.volume == pytest.approx(Sphere(radius=1.5).volume)
    assert moved.exact


def test_a_turn_goes_counter_clockwise_about_its_axis() -> None:
    """90° about z takes the long side from x to y; the scale comes first, the shift last."""
    turned = Transformed(shape=Box(half=(3.0, 1.0, 1.0)), scale=2.0, rotation=(0.0, 0.0, 90.0), shift=(10.0, 0.0, 0.0))
    low, high = turned.bounds
    assert np.allclose(low, [8, -6, -2])
    assert np.allclose(high, [12, 6, 2])
    points = torch.tensor([[10.0, 7.0, 0.0], [13.0, 0.0, 0.0], [10.0, 0.0, 0.0]], dtype=torch.float64)
    assert turned(points).tolist() == pytest.approx([1, 1, -2])


def test_turned_capsules_tell_the_direction_of_the_turn() -> None:
    """90° about x takes z to -y: of two balls on z, the one above goes to the negative side of y."""
    upper = Transformed(shape=Sphere(radius=0.1), shift=(0.0, 0.0, 1.0))
    turned = Transformed(shape=upper, rotation=(90.0, 0.0, 0.0))
    assert turned(torch.tensor([[0.0, -1.0, 0.0]], dtype=torch.float64)).item() == pytest.approx(-0.1)


def test_far_from_the_origin_digits_are_kept() -> None:
    far = Transformed(shape=Torus(), shift=(1e7, -1e7, 1e7))
    points = cube(200, 1.0)
    shifted = points + torch.tensor([1e7, -1e7, 1e7], dtype=torch.float64)
    assert torch.allclose(far(shifted), Torus()(points), atol=1e-8)


@pytest.mark.parametrize("shape", [Box(), Torus(), Capsule(), Gyroid()], ids=lambda shape: type(shape).__name__)
def test_moved_shapes_stay_bounds_on_the_distance_inside_their_box(shape) -> None:
    moved = Transformed(shape=shape, scale=0.7, rotation=(15.0, -25.0, 35.0), shift=(0.2, 0.1, -0.3))
    points = cube(4000, 1.5)
    assert gradients(moved, points)[1].norm(dim=-1).max() <= 1 + 1e-12
    low, high = (torch.from_numpy(bound) for bound in moved.bounds)
    inside = points[moved(points) < 0]
    assert len(inside)
    assert ((inside >= low) & (inside <= high)).all()


def test_a_union_of_shapes_apart_is_exact_and_sums_up() -> None:
    pair = Union(shapes=(Sphere(radius=0.5), Transformed(shape=Sphere(radius=0.25), shift=(1.0, 0.0, 0.0))))
    points = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.6, 0.0, 0.0]], dtype=torch.float64)
    assert pair(points).tolist() == pytest.approx([-0.5, -0.25, 0.1])
    assert pair.exact
    assert pair.area == pytest.approx(4 * math.pi * (0.25 + 0.0625))
    assert pair.volume == pytest.approx(4 / 3 * math.pi * (0.125 + 0.015625))
    assert np.allclose(pair.bounds, [[-0.5, -0.5, -0.5], [1.25, 0.5, 0.5]])
    assert pair.curvatures(points) is None


def test_the_volume_of_a_union_by_monte_carlo() -> None:
    """Within four standard errors of the binomial distribution."""
    pair = Union(shapes=(Torus(), Transformed(shape=Sphere(radius=0.2), shift=(0.0, 0.0, 0.7))))
    share = (pair(cube(200_000, 1.0)) < 0).double().mean().item()
    wanted = pair.volume / 8
    assert abs(share - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / 200_000)


def test_what_overlaps_has_no_sum_and_is_no_distance() -> None:
    overlapping = Union(shapes=(Sphere(), Box(half=(2.0, 0.1, 0.1))))
    assert not overlapping.exact
    assert overlapping.area is None
    assert overlapping.volume is None
    unknown = Union(shapes=(Sphere(), Transformed(shape=Gyroid(), shift=(9.0, 0.0, 0.0))))
    assert unknown.apart
    assert not unknown.exact
    assert unknown.area is None


def test_impossible_combinations_are_refused() -> None:
    with pytest.raises(UserError, match="scale"):
        Transformed(shape=Sphere(), scale=0.0)
    with pytest.raises(UserError, match="finite"):
        Transformed(shape=Sphere(), shift=(math.nan, 0.0, 0.0))
    with pytest.raises(UserError, match="at least one"):
        Union(shapes=())
