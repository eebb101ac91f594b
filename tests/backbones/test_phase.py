"""PhaseDNN's coupled form. Oracle: the written-out sum, network by network."""

import itertools
import math
from typing import Any

import pytest
import torch

from nfield.backbones import PhaseConfig
from nfield.backbones.phase import lattice
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


def test_one_network_may_give_all_amplitudes() -> None:
    """The same sum, A_m and B_m the outputs of a tanh network one after the other, linear in its last layer."""
    shifts = ((0.0, 0.0), (3.0, -1.0), (0.0, 7.0))
    config = PhaseConfig(shifts=shifts, shared=True, width=6, depth=1, scale=2.0, activation="tanh")
    net: Any = config.build(2, 3, generator(0)).double()
    x = torch.rand(10, 2, dtype=torch.float64, generator=generator(1)) * 2 - 1
    first, last = net.trunk.hidden[0], net.output
    slow = ((2 * x @ first.weight.T + first.bias).tanh() @ last.weight.T + last.bias).split(3, 1)
    angles = [(x @ torch.tensor(shift, dtype=torch.float64))[:, None] for shift in shifts]
    waves = [angle.cos() for angle in angles] + [angle.sin() for angle in angles[1:]]
    assert len(slow) == 5
    torch.testing.assert_close(net(x), sum(a * wave for a, wave in zip(slow, waves, strict=True)))
    assert PhaseConfig(shifts=shifts).build(2, 3, generator(0)).output is None


@pytest.mark.parametrize("per_axis", [[[3.0]], [[2.0, 5.0], [1.0]], [[2.0], [], [3.0, 4.0]]])
def test_a_lattice_spans_all_products_of_waves_along_the_axes(per_axis: list[list[float]]) -> None:
    """Oracle: the products themselves, and least squares; as many waves as products, so that none is there twice."""
    shifts = torch.tensor(lattice(per_axis), dtype=torch.float64)
    x = torch.rand(200, len(per_axis), dtype=torch.float64, generator=generator(1)) * 2 - 1
    angles = x @ shifts.T
    waves = torch.cat([angles.cos(), angles[:, shifts.any(1)].sin()], 1)
    products = torch.ones(200, 1, dtype=torch.float64)
    for axis, frequencies in enumerate(per_axis):
        turns = x[:, axis : axis + 1] * torch.tensor(frequencies, dtype=torch.float64)
        factors = torch.cat([torch.ones(200, 1, dtype=torch.float64), turns.cos(), turns.sin()], 1)
        products = (products[:, :, None] * factors[:, None]).flatten(1)
    assert waves.shape == products.shape
    found = torch.linalg.lstsq(waves, products).solution
    torch.testing.assert_close(waves @ found, products, rtol=0, atol=1e-9)


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
