"""Lenses: known corners by hand, and there and back in both directions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.lens import Lens, Lenses

PINHOLE = Lens(width=200, height=100, fx=150, fy=160, cx=99, cy=52)
OPENCV = Lens(
    width=200, height=100, fx=150, fy=160, cx=99, cy=52, model="opencv", distortion=(0.1, -0.05, 0.01, -0.02, 0.01)
)
FISHEYE = Lens(
    width=200, height=100, fx=60, fy=60, cx=99, cy=52, model="fisheye", distortion=(0.05, -0.01, 0.002, 0.001)
)


def places_of(lens: Lens) -> torch.Tensor:
    rows = torch.arange(0, lens.height + 1, 10, dtype=torch.float64)
    columns = torch.arange(0, lens.width + 1, 10, dtype=torch.float64)
    return torch.stack(torch.meshgrid(columns, rows, indexing="ij"), -1)


def test_a_pinhole_of_90_degrees_sees_known_corners() -> None:
    """By hand: at 90 degrees the picture's edges lie at slope 1; the upper left corner looks left and up."""
    lens = Lens.of_angle(80, 40, 90)
    corner, centre = lens.directions(torch.tensor([[0.0, 0.0], [40.0, 20.0]], dtype=torch.float64))
    torch.testing.assert_close(corner * 1.5, torch.tensor([-1.0, 0.5, -1.0], dtype=torch.float64))
    torch.testing.assert_close(centre, torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64))


def test_opencv_distortion_agrees_with_the_formula_worked_by_hand() -> None:
    """At (a, b) = (0.5, 0.25): r² = 0.3125, radial 1 + 0.1 r² - 0.05 r⁴ + 0.01 r⁶."""
    r = 0.3125
    radial = 1 + 0.1 * r - 0.05 * r**2 + 0.01 * r**3
    a = 0.5 * radial + 2 * 0.01 * 0.5 * 0.25 - 0.02 * (r + 2 * 0.25)
    b = 0.25 * radial + 0.01 * (r + 2 * 0.0625) - 2 * 0.02 * 0.5 * 0.25
    place = OPENCV.project(torch.tensor([0.5, -0.25, -1.0], dtype=torch.float64))
    torch.testing.assert_close(place, torch.tensor([150 * a + 99, 160 * b + 52], dtype=torch.float64))


@pytest.mark.parametrize("lens", [PINHOLE, OPENCV, FISHEYE], ids=lambda lens: lens.model)
def test_projecting_the_directions_gives_the_places_back(lens: Lens) -> None:
    places = places_of(lens)
    directions = lens.directions(places)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(places.shape[:-1], dtype=torch.float64))
    assert float((lens.project(3 * directions) - places).abs().max()) < 1e-6


@given(angle=st.floats(0.01, 3.0), turn=st.floats(0, 2 * math.pi))
def test_a_fisheye_sees_behind_itself(angle: float, turn: float) -> None:
    """An equidistant fisheye: the distance from the centre is focal length times angle, beyond 90 degrees too."""
    lens = Lens(width=400, height=400, fx=50, fy=50, cx=200, cy=200, model="fisheye")
    direction = torch.tensor(
        [math.sin(angle) * math.cos(turn), math.sin(angle) * math.sin(turn), -math.cos(angle)], dtype=torch.float64
    )
    place = lens.project(direction)
    assert math.isclose(float((place - 200).norm()), 50 * angle, rel_tol=1e-9)
    torch.testing.assert_close(lens.directions(place), direction, atol=1e-9, rtol=0)


def test_rays_of_several_lenses_are_those_of_each() -> None:
    lenses = [FISHEYE, PINHOLE, OPENCV]
    places = places_of(PINHOLE).reshape(-1, 2)
    index = torch.arange(len(places)) % 3
    together = Lenses(lenses).directions(index, places)
    for number, lens in enumerate(lenses):
        torch.testing.assert_close(together[index == number], lens.directions(places[index == number]))


def test_resizing_keeps_directions() -> None:
    half = OPENCV.resized(100, 50)
    places = places_of(OPENCV)
    torch.testing.assert_close(half.directions(places / 2), OPENCV.directions(places))


def test_points_behind_a_pinhole_have_no_place() -> None:
    assert PINHOLE.project(torch.tensor([0.1, 0.2, 1.0])).isnan().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fx": 0.0}, "focal length fx must be a positive number, but is 0"),
        ({"cy": math.nan}, "cy must be a finite number"),
        ({"width": 0}, "width of a picture must be at least 1"),
        ({"distortion": (0.1,)}, "has 0 coefficients at the most, but 1"),
    ],
)
def test_impossible_lenses_are_refused(change: dict, message: str) -> None:
    numbers = {"width": 4, "height": 4, "fx": 1.0, "fy": 1.0, "cx": 2.0, "cy": 2.0, **change}
    with pytest.raises(UserError, match=message):
        Lens(**numbers)
