"""Neighbourhoods against brute force and against surfaces with known spacing and spread."""

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.points.neighbours import Neighbourhoods


def test_distances_equal_those_of_all_pairs() -> None:
    points = np.random.default_rng(0).normal(size=(60, 3))
    pairs = np.sort(np.linalg.norm(points[:, None] - points, axis=-1), axis=1)
    around = Neighbourhoods(points)
    for k in (1, 5, 59):
        np.testing.assert_allclose(around.distances(k), pairs[:, k])
    np.testing.assert_allclose(around.distances(1000), pairs[:, -1])


def test_nearest_begins_with_the_point_itself() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    nearest = Neighbourhoods(points).nearest(4)
    assert nearest[:, 0].tolist() == list(range(50))
    expected = np.argsort(np.linalg.norm(points[:, None] - points, axis=-1), axis=1)[:, :4]
    np.testing.assert_array_equal(nearest, expected)


@pytest.mark.parametrize("shift", [0.0, 1e7])
def test_areas_add_up_to_the_surface(shift: float) -> None:
    """Poisson-distributed points on a sphere: the expected π r_k² / k is the area of each."""
    points = np.random.default_rng(0).normal(size=(4000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    around = Neighbourhoods(points + shift)
    assert around.areas().sum() == pytest.approx(4 * np.pi, rel=0.12)
    assert around.spacing() == pytest.approx((4 * np.pi / 4000) ** 0.5, rel=0.1)


def test_a_point_in_empty_space_stands_for_little() -> None:
    points = np.random.default_rng(0).normal(size=(500, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points[0] = (5, 5, 5)
    areas = Neighbourhoods(points).areas()
    assert areas[0] == pytest.approx(4 * np.median(areas))


def test_spread_of_a_noisy_plane() -> None:
    """In a plane, thickness is the noise, and the width that of a disk of the neighbours' radius r, r / 2."""
    rng = np.random.default_rng(0)
    normal = np.array([1.0, 2.0, 2.0]) / 3
    axes = np.linalg.svd(normal[None])[2][1:]
    points = rng.uniform(-1, 1, (20_000, 2)) @ axes + 0.002 * rng.normal(size=(20_000, 1)) * normal
    around = Neighbourhoods(points)
    spread = around.spread(40)
    inside = np.abs(points @ axes.T).max(1) < 0.9
    assert np.median(spread.thickness) == pytest.approx(0.002, rel=0.05)
    assert np.median(spread.width[inside] / around.distances(40)[inside]) == pytest.approx(0.5, abs=0.06)
    assert np.abs(spread.normal @ normal).min() > 0.99


def test_too_few_points_are_refused() -> None:
    with pytest.raises(UserError, match="3 points span no surface"):
        Neighbourhoods(np.zeros((3, 3)))
