"""Where rays meet shapes. Oracles: closed forms for spheres and boxes, and for others a fine search along the ray."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.scenes.placed import Placed
from nfield.scenes.shape import Ground, Shape
from nfield.scenes.shapes import Box, Capsule, Gyroid, Sphere, Torus

FAR = 10.0


def rays(count: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rays from a sphere of radius 3 towards places in the unit ball."""
    draw = torch.Generator().manual_seed(seed)
    starts = torch.nn.functional.normalize(torch.randn(count, 3, generator=draw, dtype=dtype), dim=-1) * 3
    aims = 0.7 * torch.randn(count, 3, generator=draw, dtype=dtype).clamp(-1, 1)
    return starts, torch.nn.functional.normalize(aims - starts, dim=-1)


def met(placed: Placed, origins: torch.Tensor, directions: torch.Tensor, tolerance: float = 1e-9) -> torch.Tensor:
    return placed.meet(origins, directions, torch.full_like(origins[:, 0], torch.inf), tolerance)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.float64, 1e-7)])
def test_spheres_are_met_where_the_quadratic_says(dtype: torch.dtype, close: float) -> None:
    origins, directions = rays(2000, dtype)
    centre = torch.tensor([0.2, -0.1, 0.3], dtype=dtype)
    found = met(Placed(shape=Sphere(radius=0.4), scale=1.5, shift=(0.2, -0.1, 0.3)), origins, directions, close / 10)
    away = (origins - centre).double()
    b = (away * directions).sum(-1)
    squared = b.square() - away.square().sum(-1) + 0.36
    wanted = torch.where(squared >= 0, -b - squared.clamp(min=0).sqrt(), torch.inf)
    # Rays that graze the surface differ by more, as the distance is flat there.
    clear = squared.abs() > 0.01
    assert 300 < int((clear & wanted.isfinite()).sum()) < 1900
    assert torch.equal(found[clear].isfinite(), wanted[clear].isfinite())
    hits = clear & wanted.isfinite()
    assert (found[hits] - wanted[hits]).abs().max() < close


def test_turned_boxes_are_met_at_their_faces() -> None:
    origins, directions = rays(2000)
    placed = Placed(shape=Box(half=(0.5, 0.3, 0.2)), rotation=(30.0, 50.0, -20.0), scale=1.3, shift=(0.1, 0.2, 0.0))
    found = met(placed, origins, directions)
    turn = torch.from_numpy(placed.moved.matrix)
    start, along = (origins - torch.tensor([0.1, 0.2, 0.0])) @ turn, directions @ turn
    half = 1.3 * torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    one, two = (-half - start) / along, (half - start) / along
    near, far = torch.minimum(one, two).amax(-1), torch.maximum(one, two).amin(-1)
    hits = near < far
    assert torch.equal(found.isfinite(), hits)
    assert torch.allclose(found[hits], near[hits], atol=1e-6)


@pytest.mark.parametrize(
    "shape", [Torus(large=0.7, small=0.2), Torus(large=0.8, small=0.012), Capsule(), Gyroid(period=0.9, thickness=0.1)]
)
def test_no_surface_is_stepped_over(shape: Shape) -> None:
    """A fine search finds the first place inside; the ray must stop before it, and stand on the surface there."""
    origins, directions = rays(300)
    found = met(Placed(shape=shape), origins, directions)
    steps = torch.linspace(0, 6, 6001, dtype=torch.float64)
    points = origins[:, None] + steps[None, :, None] * directions[:, None]
    inside = shape(points.reshape(-1, 3)).reshape(len(origins), -1) < 0
    first = torch.where(inside.any(-1), steps[inside.int().argmax(-1)], torch.inf)
    assert (found <= first).all()
    hits = found.isfinite()
    assert int(hits.sum()) > 5
    # It may also graze what the search steps over, but never stops in free space.
    assert shape(origins[hits] + found[hits, None] * directions[hits]).abs().max() < 1e-7


@given(height=st.floats(0.1, 50), slope=st.floats(-0.99, 0.99), scale=st.floats(0.1, 10))
@settings(max_examples=50, deadline=None)
def test_the_ground_is_met_where_the_height_is_used_up(height: float, slope: float, scale: float) -> None:
    direction = torch.tensor([[math.sqrt(1 - slope**2), 0.0, -slope]], dtype=torch.float64)
    origin = torch.tensor([[0.3, 0.1, height - 2]], dtype=torch.float64)
    found = met(Placed(shape=Ground(), shift=(5.0, 5.0, -2.0), scale=scale), origin, direction).item()
    if 0 < slope < 1e-300:  # level but for rounding
        assert found > 1e290
    else:
        assert found == pytest.approx(height / slope if slope > 0 else math.inf)


def test_limits_cut_rays_off() -> None:
    origin, direction = torch.tensor([[0.0, 0.0, 3.0]]), torch.tensor([[0.0, 0.0, -1.0]])
    ball = Placed(shape=Sphere(radius=1.0))
    assert ball.meet(origin, direction, torch.tensor([1.9]), 1e-6).item() == math.inf
    assert ball.meet(origin, direction, torch.tensor([2.1]), 1e-6).item() == pytest.approx(2)


def test_rays_from_behind_and_along_a_face_miss() -> None:
    ball = Placed(shape=Sphere(radius=1.0))
    box = Placed(shape=Box(half=(1.0, 1.0, 1.0)))
    up = torch.tensor([[0.0, 0.0, 1.0]])
    assert met(ball, torch.tensor([[0.0, 0.0, 3.0]]), up, 1e-6).item() == math.inf
    assert met(box, torch.tensor([[1.01, 0.0, -3.0]]), up, 1e-6).item() == math.inf


@pytest.mark.parametrize("shape", [Sphere(radius=0.5), Box(), Capsule(), Torus()])
def test_boxes_and_balls_hold_the_surface_tightly(shape: Shape) -> None:
    """Points found on the surface by tracing from all sides: none outside, and some close to the limits."""
    placed = Placed(shape=shape, scale=0.8, rotation=(20.0, 40.0, 60.0), shift=(0.1, -0.2, 0.3))
    draw = torch.Generator().manual_seed(1)
    out = torch.nn.functional.normalize(torch.randn(20000, 3, generator=draw, dtype=torch.float64), dim=-1)
    aims = torch.tensor([0.1, -0.2, 0.3]) + 0.9 * (torch.rand(20000, 3, generator=draw, dtype=torch.float64) - 0.5) * 2
    found = met(placed, aims + 3 * out, -out)
    hits = found.isfinite()
    points = (aims + (3 - found[:, None]) * out)[hits].numpy()
    low, high = placed.bounds
    assert (points >= low - 1e-6).all()
    assert (points <= high + 1e-6).all()
    corner = torch.tensor([1.0, 0.5, -0.3]).double().numpy()
    reach, found_reach = placed.reach(corner), ((points - corner) ** 2).sum(1).max() ** 0.5
    assert found_reach - 1e-6 <= reach < found_reach + 0.05
