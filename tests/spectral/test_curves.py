"""Band errors along closed curves. Oracle: circles with ripples, whose Fourier coefficients are known."""

import math

import numpy as np
import pytest

from nfield.core.checks import UserError
from nfield.spectral.curves import CurveBandErrors, evenly


def circle(radius: float, count: int = 512) -> tuple[np.ndarray, np.ndarray, float]:
    """Points, outward normals and spacing."""
    angle = 2 * np.pi * np.arange(count) / count
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    return radius * normals, normals, 2 * np.pi * radius / count


def rippled(radius: float, ripples: dict[int, float], count: int = 512) -> tuple[np.ndarray, float]:
    """`r(θ) = R + Σ a_k cos kθ`, sampled evenly by arc length on a fine polygon."""
    angle = 2 * np.pi * np.arange(1 << 16) / (1 << 16)
    r = radius + sum(a * np.cos(k * angle) for k, a in ripples.items())
    loop = np.stack([r * np.cos(angle), r * np.sin(angle), 0 * angle], 1)
    around = np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum()
    return evenly(loop, count), around / count


def test_evenly_spaced_points_of_a_square() -> None:
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 3, 0], [0, 3, 0]])
    places = evenly(square, 8)
    assert np.array_equal(places[:4], [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 2, 0]])


def test_bands_are_one_cycle_and_octaves_below_nyquist() -> None:
    points, _, spacing = circle(1 / (2 * np.pi))  # one unit long: 512 samples, Nyquist 256
    errors = CurveBandErrors([points], [spacing])
    assert errors.nyquist == pytest.approx(256)
    assert errors.bands == ((0.0, 1.0), *((2.0**i, 2.0 ** (i + 1)) for i in range(8)))
    # A frequency of exactly 1 cycle per unit lies in the second band.
    assert errors.energy == pytest.approx([0, 1] + [0] * 7)
    assert errors.size == pytest.approx(1 / (2 * np.pi))
    assert CurveBandErrors([points], [100 * spacing]).bands == ((0.0, 1.0), (1.0, 2.0))


@pytest.mark.parametrize(("k", "band"), [(10, 3), (22, 4)])
def test_a_missing_ripple_is_an_error_of_its_own_band(k: int, band: int) -> None:
    """Closed form: to first order in a, the ripple moves the curve by `a cos kφ` across and `−(a/k) sin kφ` along it.

    What goes back to the circle is the first part alone. Their energies are `a²/2` and `a²/2k²`: E² = 1 / (1 + 1/k²).
    """
    radius, a = 1 / 4, 5e-4
    points, spacing = rippled(radius, {k: a})
    errors = CurveBandErrors([points], [spacing])
    low, high = errors.bands[band]
    assert low < (k - 1) / (2 * np.pi * radius) < (k + 1) / (2 * np.pi * radius) < high
    away = np.linalg.norm(points, axis=1)
    found = errors((radius / away - 1)[:, None] * points)
    assert found[band] == pytest.approx(1 / math.sqrt(1 + k**-2), rel=2e-3)
    assert found[0] == pytest.approx(0, abs=2e-4)
    assert [one for i, one in enumerate(found) if i not in (0, band)] == [None] * (len(found) - 2)
    assert errors.size * errors.energy[band] ** 0.5 == pytest.approx(a / math.sqrt(2) * math.sqrt(1 + k**-2), rel=5e-3)


def test_curves_without_any_surface_near_have_error_one() -> None:
    points, spacing = rippled(0.3, {6: 0.01, 20: 0.002})
    errors = CurveBandErrors([points + 5], [spacing])
    found = errors(points.mean(0) - points)
    assert all(one is None or one == pytest.approx(1) for one in found)
    assert sum(one is not None for one in found) >= 4


def test_curves_are_pooled_by_length() -> None:
    """Circles of radius R and 2R in the band 0–1, of which the displacement shrinks the larger one by half.

    Energies per length are R² and 4R², lengths go as 1 and 2, so E² = 2·R² / (1·R² + 2·4R²).
    """
    small, large = circle(0.2, 256), circle(0.4, 300)
    errors = CurveBandErrors([small[0], large[0]], [small[2], large[2]])
    found = errors(np.concatenate([0 * small[0], -large[0] / 2]))
    assert found[0] == pytest.approx(math.sqrt(2 / 9))


def test_a_moved_curve_is_wrong_in_the_lowest_band() -> None:
    points, _, spacing = circle(0.3)
    found = CurveBandErrors([points], [spacing])(np.full(points.shape, 0.1) * [1.0, 0, 0])
    assert found[0] == pytest.approx(1 / 3)


def test_displacements_that_are_not_finite_are_infinitely_wrong() -> None:
    points, _, spacing = circle(0.3)
    assert CurveBandErrors([points], [spacing])(np.full(points.shape, np.nan))[0] == math.inf


@pytest.mark.parametrize(
    ("curves", "spacings", "message"),
    [
        ([], [], "at least one"),
        ([np.zeros((8, 3))], [0.1, 0.1], "one for each"),
        ([np.zeros((2, 3))], [0.1], "at least 3 samples"),
        ([np.full((8, 3), np.inf)], [0.1], "finite"),
        ([np.zeros((8, 3))], [0.0], "positive"),
    ],
)
def test_what_is_no_curve_is_refused(curves: list[np.ndarray], spacings: list[float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        CurveBandErrors(curves, spacings)


def test_as_many_displacements_as_samples() -> None:
    points, _, spacing = circle(0.3)
    with pytest.raises(UserError, match="511 displacements for 512"):
        CurveBandErrors([points], [spacing])(points[1:])
