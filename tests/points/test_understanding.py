"""What is told of clouds whose facts are known."""

import numpy as np
import pytest

from nfield.points.neighbours import Neighbourhoods
from nfield.points.understanding import outliers, thinning, understand


def sphere(count: int) -> np.ndarray:
    points = np.random.default_rng(0).normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_spacing_is_the_edge_of_the_square_that_a_point_stands_for() -> None:
    known = understand(Neighbourhoods(sphere(5000)))
    assert known.spacing == pytest.approx(np.sqrt(4 * np.pi / 5000), rel=0.15)
    assert known.density_variation < 1.8


def test_a_sphere_is_closed_and_half_of_it_is_open() -> None:
    points = sphere(4000)
    assert understand(Neighbourhoods(points)).closed
    half = understand(Neighbourhoods(points[points[:, 2] > 0]))
    assert not half.closed
    # A strip one spacing wide along the edge holds about 2π / spacing points of the 2000.
    assert 0.02 < half.edge_share < 0.12


def test_uneven_density_is_told() -> None:
    points = sphere(6000)
    kept = np.random.default_rng(1).random(6000) < np.where(points[:, 0] > 0, 1.0, 0.25)
    assert understand(Neighbourhoods(points[kept])).density_variation > 2


def test_outliers_are_found_and_no_others() -> None:
    points = np.concatenate([sphere(3000), [[3.0, 0, 0], [0, 4.0, 0], [0, 0, 0.0]]])
    found = outliers(Neighbourhoods(points))
    assert found[-3:].all()
    assert found[:-3].mean() < 0.002


def test_thinning_is_even_and_bounded() -> None:
    points = sphere(5000)
    assert thinning(points, 5000) is None
    rows = thinning(points, 1000)
    assert rows is not None
    assert 500 < len(rows) <= 1000
    assert len(set(rows.tolist())) == len(rows)
    nearest = Neighbourhoods(points[rows]).distances(1)
    assert nearest.max() < 0.3
