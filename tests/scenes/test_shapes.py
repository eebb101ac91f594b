"""Shapes by formula, against Monte Carlo, meshes that converge, and the eikonal equation."""

import math

import numpy as np
import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.mesh import Mesh
from nfield.meshing.extraction import extract_surface
from nfield.scenes.shapes import SHAPES, Box, Capsule, Gyroid, Sphere, Torus

EXACT = ["sphere", "torus", "box", "capsule"]


def cube(count: int, size: float, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return size * (2 * torch.rand(count, 3, generator=draw, dtype=torch.float64) - 1)


def meshed(shape, cells: int) -> Mesh:
    low, high = shape.bounds
    return extract_surface(shape, 1.1 * low, 1.1 * high, cells, slope=1.0, dtype=torch.float64)


def gradients(shape, points: torch.Tensor) -> torch.Tensor:
    points = points.clone().requires_grad_()
    return torch.autograd.grad(shape(points).sum(), points)[0]


@pytest.mark.parametrize("name", EXACT)
def test_volumes_agree_with_monte_carlo(name: str) -> None:
    """The share of uniform points inside, within four standard errors of the binomial distribution."""
    shape = SHAPES[name]()
    count = 200_000
    low, high = shape.bounds
    share = (shape(cube(count, 1.2) * torch.from_numpy(high)) < 0).double().mean().item()
    wanted = shape.volume / np.prod(1.2 * (high - low))
    assert abs(share - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / count)


@pytest.mark.parametrize("name", EXACT)
def test_areas_and_volumes_are_the_limits_of_meshes(name: str) -> None:
    """Smooth surfaces converge with the square of the cell; the box's cut edges cost a part of one cell."""
    shape = SHAPES[name]()
    errors = []
    for cells in (24, 48):
        mesh = meshed(shape, cells)
        errors.append([abs(mesh.area / shape.area - 1), abs(mesh.volume / shape.volume - 1)])
    assert np.max(errors[1]) < (0.03 if name == "box" else 0.005)
    if name != "box":
        assert (np.array(errors[1]) < np.array(errors[0]) / 3.5).all()


@pytest.mark.parametrize("name", EXACT)
def test_gradients_have_length_one(name: str) -> None:
    shape = SHAPES[name]()
    lengths = gradients(shape, cube(2000, 1.5)).norm(dim=-1)
    assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_a_step_along_the_gradient_ends_on_the_surface(name: str) -> None:
    """Of an exact distance d, x - d grad d is the closest point: there d is zero."""
    shape = SHAPES[name]()
    points = cube(2000, 1.5)
    landed = points - shape(points)[:, None] * gradients(shape, points)
    assert shape(landed).abs().max() < 1e-12


@pytest.mark.parametrize("name", list(SHAPES))
def test_gradients_are_finite_at_singular_points(name: str) -> None:
    lines = torch.zeros(3, 5, 3, dtype=torch.float64)
    for axis in range(3):
        lines[axis, :, axis] = torch.linspace(-1, 1, 5, dtype=torch.float64)
    ring = torch.tensor([[0.6, 0, 0], [0.7, 0.5, 0.4]], dtype=torch.float64)
    assert gradients(SHAPES[name](), torch.cat([lines.reshape(-1, 3), ring])).isfinite().all()


@pytest.mark.parametrize(
    ("shape", "point", "distance"),
    [
        (Sphere(radius=2.0), (3.0, 0.0, 4.0), 3.0),
        (Sphere(radius=2.0), (0.0, 0.0, 0.0), -2.0),
        (Torus(large=3.0, small=1.0), (0.0, 0.0, 0.0), 2.0),
        (Torus(large=3.0, small=1.0), (0.0, 3.0, 0.0), -1.0),
        (Torus(large=3.0, small=1.0), (0.0, 6.0, 4.0), 4.0),
        (Box(half=(1.0, 2.0, 3.0)), (0.0, 0.0, 0.0), -1.0),
        (Box(half=(1.0, 2.0, 3.0)), (4.0, 6.0, 0.0), 5.0),
        (Box(half=(1.0, 2.0, 3.0)), (2.0, 4.0, -5.0), 3.0),
        (Capsule(half_length=2.0, radius=1.0), (0.0, 5.0, 1.0), 4.0),
        (Capsule(half_length=2.0, radius=1.0), (3.0, 0.0, -6.0), 4.0),
        (Gyroid(radius=1.0), (3.0, 0.0, 0.0), 2.0),
        (Gyroid(thickness=0.2), (0.0, 0.0, 0.0), -0.1),
    ],
)
def test_known_distances(shape, point: tuple[float, float, float], distance: float) -> None:
    assert shape(torch.tensor([point], dtype=torch.float64)).item() == pytest.approx(distance, abs=1e-12)


@pytest.mark.parametrize("thickness", [None, 0.1])
def test_the_gyroid_never_says_more_than_the_distance(thickness: float | None) -> None:
    """Values change by no more than the way between two points, near or far."""
    shape = Gyroid(thickness=thickness)
    points = cube(20_000, 1.2)
    for near in (cube(20_000, 1.2, seed=1), points + 1e-3 * cube(20_000, 1.0, seed=2)):
        change = (shape(points) - shape(near)).abs()
        assert (change <= (points - near).norm(dim=-1) + 1e-12).all()
    assert shape.area is None
    assert shape.volume is None


def test_the_solid_gyroid_fills_half_of_its_ball() -> None:
    """g(-x) = -g(x): what is inside on one side is outside on the other."""
    points = cube(4000, 0.5)
    shape = Gyroid()
    assert torch.equal(shape(points) < 0, shape(-points) > 0)


@pytest.mark.parametrize("name", list(SHAPES))
def test_shapes_touch_the_box_told(name: str) -> None:
    """A mesh's vertices lie on the surface up to the square of a cell, the box's corners up to a cell."""
    low, high = SHAPES[name]().bounds
    vertices = meshed(SHAPES[name](), 32).vertices
    cell = 2.2 * high.max() / 32
    assert (vertices.min(0) >= low - 1e-9).all()
    assert (vertices.max(0) <= high + 1e-9).all()
    assert (vertices.max(0) >= high - cell).all()


@pytest.mark.parametrize("name", list(SHAPES))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_is_kept(name: str, dtype: torch.dtype) -> None:
    for count in (0, 4):
        values = SHAPES[name]()(torch.ones(count, 3, dtype=dtype))
        assert values.shape == (count,)
        assert values.dtype == dtype


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Sphere, {"radius": 0.0}),
        (Sphere, {"radius": math.nan}),
        (Torus, {"large": 1.0, "small": 1.0}),
        (Torus, {"small": -1.0}),
        (Torus, {"large": math.inf}),
        (Box, {"half": (1.0, 0.0, 1.0)}),
        (Capsule, {"half_length": -1.0}),
        (Gyroid, {"period": 0.0}),
    ],
)
def test_impossible_shapes_are_refused(kind, settings: dict) -> None:
    with pytest.raises(UserError):
        kind(**settings)
