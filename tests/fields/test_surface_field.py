"""What can be asked of a surface, against a ball far from the origin in units of its own."""

import pytest
import torch

from nfield.fields.surface import SurfaceField


class Ball(torch.nn.Module):
    """Distance from a sphere of radius 0.4."""

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return points.norm(dim=-1, keepdim=True) - 0.4


CENTRE, SCALE = torch.tensor([1e6, -20.0, 3.0], dtype=torch.float64), 50.0
RADIUS = 20.0


@pytest.fixture
def field() -> SurfaceField:
    return SurfaceField(Ball(), CENTRE, SCALE)


def directions(count: int = 60) -> torch.Tensor:
    drawn = torch.randn(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.nn.functional.normalize(drawn, dim=-1)


@pytest.mark.parametrize("radius", [5.0, 20.0, 31.0])
def test_distances_and_normals_are_in_input_units(field: SurfaceField, radius: float) -> None:
    points = CENTRE + radius * directions()
    torch.testing.assert_close(field(points), torch.full((60,), radius - RADIUS).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(field.distance(points), torch.full((60,), radius - RADIUS).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(field.normal(points), directions(), atol=1e-5, rtol=0)
    torch.testing.assert_close(field.closest_point(points), CENTRE + RADIUS * directions(), atol=1e-3, rtol=0)
    assert field.inside(CENTRE + 0.99 * radius * directions()).tolist() == [radius <= RADIUS] * 60


def test_mean_curvature_is_one_over_the_radius(field: SurfaceField) -> None:
    found = field.curvature(CENTRE + RADIUS * directions())
    torch.testing.assert_close(found, torch.full((60,), 1 / RADIUS).double(), atol=0.002, rtol=0)


def test_rays_meet_the_sphere_or_miss_it(field: SurfaceField) -> None:
    origins = CENTRE + torch.tensor([[-100.0, 0, 0], [-100.0, 15, 0], [-100.0, 25, 0], [0.0, 0, 0]]).double()
    hits = field.intersect(origins, torch.tensor([[2.0, 0, 0]]).double().expand(4, 3))
    assert hits.hit.tolist() == [True, True, False, True]
    expected = [80.0, 100 - (RADIUS**2 - 15**2) ** 0.5, torch.inf, 20.0]
    torch.testing.assert_close(hits.distance, torch.tensor(expected).double(), atol=0.05, rtol=0)
    assert torch.isnan(hits.point[2]).all()
    torch.testing.assert_close(hits.point[0], CENTRE + torch.tensor([-20.0, 0, 0]).double(), atol=0.05, rtol=0)


def test_any_batch_shape_is_taken(field: SurfaceField) -> None:
    points = (CENTRE + 10 * directions(24)).reshape(2, 3, 4, 3)
    assert field(points).shape == (2, 3, 4)
    assert field.normal(points).shape == (2, 3, 4, 3)
    assert field.curvature(points).shape == (2, 3, 4)
    assert field(points.float()).dtype == torch.float32
