"""Distances from zeros on a grid against spheres, and against functions with the same zeros."""

import numpy as np
import pytest

from nfield.jobs.surface.task import PROBE_EDGE, PROBE_NODES, VolumeProbe
from nfield.meshing.redistance import redistanced

SPACING = PROBE_EDGE / PROBE_NODES
REACH = 0.12
AXIS = (np.arange(PROBE_NODES) + 0.5) * SPACING - PROBE_EDGE / 2
X, Y, Z = np.meshgrid(AXIS, AXIS, AXIS, indexing="ij")
SPHERE = np.sqrt(X**2 + Y**2 + Z**2) - 0.4
SAME_ZEROS = {
    "cubed": lambda f: 20 * f**3 + f,
    "saturated": lambda f: np.tanh(5 * f),
    "wavy": lambda f: f * (1 + 0.4 * np.sin(5 * X)),
    "small": lambda f: 0.4 * f,
}


@pytest.mark.parametrize("name", SAME_ZEROS)
def test_only_the_zeros_count(name: str) -> None:
    near = np.abs(SPHERE) < 0.08
    found = redistanced(SAME_ZEROS[name](SPHERE), SPACING, REACH)
    assert np.abs(found - SPHERE)[near].max() < 0.1 * SPACING
    assert (np.sign(found) == np.sign(SPHERE)).all()


@pytest.mark.parametrize("name", SAME_ZEROS)
def test_band_errors_are_those_of_the_surface(name: str) -> None:
    ripple = 0.006 * np.sin(6 * np.arctan2(Y, X)) * np.hypot(X, Y) / 0.4
    probe = VolumeProbe(1.0)
    probe.set_truth(probe.indicator((SPHERE + ripple).reshape(-1)))
    plain, other = (probe.errors(probe.indicator(f.reshape(-1))) for f in (SPHERE, SAME_ZEROS[name](SPHERE)))
    for expected, error in zip(plain[:4], other[:4], strict=True):
        assert expected is not None
        assert error == pytest.approx(expected, rel=0.1, abs=0.004)


def test_a_ripple_shows_from_its_own_frequency_upwards() -> None:
    # Six waves around a sphere of radius 0.4 are 6 / (2 pi 0.4) = 2.4 cycles per unit; its shell has all higher ones.
    probe = VolumeProbe(1.0)
    probe.set_truth(probe.indicator(SPHERE.reshape(-1)))
    ripple = 0.006 * np.sin(6 * np.arctan2(Y, X)) * np.hypot(X, Y) / 0.4
    assert probe.bands is not None
    errors = np.array(probe.errors(probe.indicator((SPHERE + ripple).reshape(-1))), float)
    # Errors are relative to each band's energy, which falls: what is added is the error times the amplitude.
    added = errors * np.sqrt(probe.bands.energy)
    below = [band.high < 2.4 for band in probe.bands.report([None] * len(errors), "")]
    assert 0 < sum(below) < len(errors)
    assert added[below].max() < 0.05 * added.max()


def test_a_grid_without_zeros_keeps_its_sign() -> None:
    assert (redistanced(np.full((6, 6, 6), 2.0), SPACING, REACH) > 0).all()
    assert (redistanced(-np.ones((6, 6, 6)) * np.nextafter(0, 1), SPACING, REACH) <= 0).all()
