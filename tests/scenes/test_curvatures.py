"""Curvatures of shapes, against second derivatives of their distances by finite differences.

Of an exact distance d the mean curvature is half its Laplacian, and the Gaussian one the sum of the three principal
two-by-two minors of its Hessian: one eigenvalue is zero, the others are the principal curvatures.
"""

import math

import numpy as np
import pytest
import torch

from nfield.scenes.combined import Transformed
from nfield.scenes.shape import Shape, gradients, outward_normals
from nfield.scenes.shapes import Box, Capsule, Gyroid, Sphere, Torus

CURVED = [
    Sphere(radius=0.7),
    Torus(large=0.8, small=0.3),
    Capsule(radius=0.4, half_length=0.5),
    Transformed(shape=Torus(large=0.8, small=0.3), scale=3.0, rotation=(20.0, -70.0, 40.0), shift=(5.0, -2.0, 1.0)),
]


def surface_points(shape: Shape, count: int = 500) -> torch.Tensor:
    """Points of the surface: of an exact distance, one step along the gradient leads there."""
    low, high = (torch.from_numpy(bound) for bound in shape.bounds)
    draw = torch.Generator().manual_seed(0)
    points = low + (high - low) * torch.rand(count, 3, generator=draw, dtype=torch.float64)
    values, slopes = gradients(shape, points)
    return points - values[:, None] * slopes


def hessians(shape: Shape, points: torch.Tensor, step: float) -> torch.Tensor:
    offsets = step * torch.eye(3, dtype=torch.float64)
    return torch.stack(
        [(gradients(shape, points + o)[1] - gradients(shape, points - o)[1]) / (2 * step) for o in offsets], dim=-1
    )


@pytest.mark.parametrize("shape", CURVED, ids=lambda shape: type(shape).__name__)
def test_curvatures_are_those_of_the_distance(shape: Shape) -> None:
    points = surface_points(shape)
    step = 1e-5 * shape.diagonal
    if isinstance(shape, Capsule):
        # Where the cylinder meets the half balls the curvature jumps, and differences across mean nothing.
        points = points[(points[:, 2].abs() - shape.half_length).abs() > 2 * step]
    found = shape.curvatures(points)
    assert found is not None
    second = hessians(shape, points, step)
    trace = second.diagonal(dim1=-2, dim2=-1).sum(-1)
    minors = (trace**2 - (second @ second).diagonal(dim1=-2, dim2=-1).sum(-1)) / 2
    assert torch.allclose(found[0], trace / 2, atol=1e-6)
    assert torch.allclose(found[1], minors, atol=1e-6)


def test_curvatures_by_hand() -> None:
    """On the outer circle of a torus 1/r and 1/(R + r), on the inner one 1/r and -1/(R - r)."""
    points = torch.tensor([[1.25, 0.0, 0.0], [0.0, -0.75, 0.0], [0.0, 1.0, 0.25]], dtype=torch.float64)
    found = Torus(large=1.0, small=0.25).curvatures(points)
    assert found[0].tolist() == pytest.approx([(4 + 0.8) / 2, (4 - 1 / 0.75) / 2, 2])
    assert found[1].tolist() == pytest.approx([4 * 0.8, -4 / 0.75, 0])
    assert Box().curvatures(points) is None
    assert Gyroid().curvatures(points) is None
    assert Transformed(shape=Box()).curvatures(points) is None


def test_the_gaussian_curvature_of_a_sphere_sums_to_four_pi() -> None:
    """Gauss-Bonnet, with the area of the moved shape."""
    moved = Transformed(shape=Sphere(radius=0.5), scale=4.0, shift=(1.0, 2.0, 3.0))
    _, gaussian = moved.curvatures(surface_points(moved))
    assert gaussian.mean().item() * moved.area == pytest.approx(4 * math.pi)


def test_normals_point_outward_and_leave_the_graph_alone() -> None:
    points = surface_points(Sphere(radius=0.7))
    with torch.no_grad():
        normals = outward_normals(Sphere(radius=0.7), points)
    assert not normals.requires_grad
    assert not points.requires_grad
    assert torch.allclose(normals, points / 0.7)
    assert np.allclose(Sphere(radius=0.7).diagonal, 1.4 * math.sqrt(3))
