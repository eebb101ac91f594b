"""How finely a stage is sampled. Oracle: the distances of the points themselves."""

import math

import pytest

from nfield.fields.stage_plan import (
    PER_HALF_WAVE,
    PER_PARAMETER,
    chebyshev_per_half_wave,
    chebyshev_points,
    samples_per_axis,
)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("frequency", [0.5, 6.0, 40.0])
def test_more_than_three_points_per_half_wave(dimension, frequency):
    """Where Chebyshev's points are farthest apart, in the middle."""
    side = samples_per_axis(frequency, 1.0, 10, dimension)
    line = chebyshev_points(side, 1)[:, 0].sort().values
    widest = float(line.diff().max())
    half_wave = 1 / (2 * frequency)
    assert chebyshev_per_half_wave(side, frequency) == pytest.approx(half_wave / widest, rel=0.05)
    assert half_wave / widest > 0.98 * PER_HALF_WAVE or side == 8
    assert samples_per_axis(0.0, 2 * math.pi * frequency, 10, dimension) == side
    assert samples_per_axis(0.1, 0.1, 1000, dimension) ** dimension >= PER_PARAMETER * 1000
