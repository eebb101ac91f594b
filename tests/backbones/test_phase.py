"""PhaseDNN's coupled form. Oracle: the written-out sum, network by network."""

import itertools
import math
from typing import Any

import pytest
import torch

from nfield.backbones import PhaseConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator


def test_values_are_slow_networks_times_waves() -> None:
    """`Σ_m A_m(x) cos(ω_m·x) + B_m(x) sin(ω_m·x)`; the zero vector has no sine and so no B."""
    shifts = ((0.0, 0.0), (3.0, -1.0), (0.0, 7.0))
    net: Any = PhaseConfig(shifts=shifts, width=6, depth=2, scale=2.0).build(2, 3, generator(0)).double()
    x = torch.rand(10, 2, dtype=torch.float64, generator=generator(1)) * 2 - 1
    assert net.networks.count == 5
    slow = []
    for i in range(5):
        h = 2 * x
        for layer in range(2):
            h = (h @ net.networks.weights[layer][i] + net.networks.biases[layer][i]).sin()
        slow.append(h @ net.networks.weights[2][i] + net.networks.biases[2][i])
    angles = [(x @ torch.tensor(shift, dtype=torch.float64))[:, None] for shift in shifts]
    total = sum(a * angle.cos() for a, angle in zip(slow[:3], angles, strict=True))
    total = total + sum(b * angle.sin() for b, angle in zip(slow[3:], angles[1:], strict=True))
    torch.testing.assert_close(net(x), total)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_default_shifts_fit_any_dimension(d: int) -> None:
    net: Any = PhaseConfig(width=4, depth=1).build(d, 1, generator(0))
    assert net.shifts.shape == (1 + 4 * d, d)
    assert not net.shifts[0].any()
    for one, other in itertools.combinations(net.shifts, 2):
        assert not torch.equal(one, other)
        assert not torch.equal(one, -other)


def test_one_row_of_numbers_is_cut_into_vectors() -> None:
    """As the command line gives them."""
    net: Any = PhaseConfig(shifts=((0.0, 0.0, 5.0, 1.0),), width=4, depth=1).build(2, 1, generator(0))
    assert net.shifts.tolist() == [[0.0, 0.0], [5.0, 1.0]]


@pytest.mark.parametrize(
    ("shifts", "told"),
    [
        (((1.0,),), "must have 2 numbers"),
        (((1.0, 2.0, 3.0),), "must have 2 numbers"),
        (((1.0, 2.0), (1.0, 2.0)), "stand for the same waves"),
        (((1.0, 2.0), (-1.0, -2.0)), "stand for the same waves"),
        (((0.0, 0.0), (0.0, -0.0)), "stand for the same waves"),
    ],
)
def test_shifts_that_do_not_fit_are_refused(shifts: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        PhaseConfig(shifts=shifts).build(2, 1, generator(0))


def test_features_that_are_no_coordinates_need_shifts() -> None:
    with pytest.raises(UserError, match="but here it gets 12 features"):
        PhaseConfig().build(12, 1, generator(0))
    assert PhaseConfig(shifts=((1.0,) * 12,), width=4).build(12, 1, generator(0))(torch.rand(3, 12)).shape == (3, 1)


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="finite wave vectors"):
        PhaseConfig(shifts=((math.inf, 0.0),))
    with pytest.raises(UserError, match="scale must be a positive number"):
        PhaseConfig(scale=0.0)
