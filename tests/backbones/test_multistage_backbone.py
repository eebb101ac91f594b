"""Networks that learn one after the other. Oracle: the sum written out, finite differences, what must not move."""

import copy
import math

import pytest
import torch

from nfield.backbones.multistage import Multistage, MultistageConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator

SCALES, KAPPAS = (1.0, 0.1, 0.02), (4.0, 15.0, 60.0)


def build(stages: int = 3, opened: int = 3, **settings: float) -> Multistage:
    config = MultistageConfig(stages=stages, width=12, depth=2, kappa=KAPPAS[0], **settings)  # type: ignore[arg-type]
    network = config.build(2, 3, generator(0, "multistage"))
    for number in range(1, opened):
        network.open(SCALES[number], KAPPAS[number])
    return network


def points(count: int = 20) -> torch.Tensor:
    return torch.rand(count, 2, generator=generator(0, "points"), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("opened", [1, 2, 3])
def test_values_are_the_sum_of_the_open_stages(opened: int) -> None:
    network, x = build(opened=opened).double(), points()
    expected = torch.zeros(len(x), 3, dtype=torch.float64)
    for number in range(opened):
        stage = network.stages[number]
        first, second = stage.hidden  # type: ignore[union-attr]
        # d · (κ/π x · W + b) · π, as the first layer of SIREN has it with ω₀ = π d.
        h = torch.sin(2 * (KAPPAS[number] * x @ first.weight.T + math.pi * first.bias))  # type: ignore[union-attr]
        h = torch.sin(30 * second(h))  # type: ignore[operator]
        expected = expected + SCALES[number] * stage.output(h)  # type: ignore[operator, union-attr]
    torch.testing.assert_close(network(x), expected, rtol=1e-6, atol=1e-7)
    with torch.no_grad():
        torch.testing.assert_close(network(x), expected, rtol=1e-6, atol=1e-7)


def test_the_first_layer_reaches_kappa_along_each_axis() -> None:
    network = build(stages=2, opened=2)
    weight = network.stages[1].hidden[0].weight  # type: ignore[index, union-attr]
    reach = float((2 * KAPPAS[1] * weight.detach()).abs().max())  # type: ignore[operator, union-attr]
    assert 0.8 * KAPPAS[1] < reach <= KAPPAS[1]


def test_only_the_stage_opened_last_gets_a_gradient() -> None:
    network = build(opened=2)
    network(points().float()).square().sum().backward()
    for number, stage in enumerate(network.stages):
        for parameter in stage.parameters():
            assert (parameter.grad is not None) == (number == 1)
            if parameter.grad is not None:
                assert float(parameter.grad.abs().max()) > 0


def test_derivatives_by_the_coordinates_see_all_stages() -> None:
    """Also the second ones, which losses on slopes and curvature take."""
    network, x, h = build().double(), points().requires_grad_(True), 1e-5
    (slope,) = torch.autograd.grad(network(x)[:, 0].sum(), x, create_graph=True)
    step = torch.tensor([h, 0], dtype=torch.float64)
    with torch.no_grad():
        ahead, here, back = (network(x + s * step)[:, 0] for s in (1, 0, -1))
    torch.testing.assert_close(slope[:, 0], (ahead - back) / (2 * h), rtol=1e-5, atol=1e-6)
    (bend,) = torch.autograd.grad(slope[:, 0].sum(), x)
    torch.testing.assert_close(bend[:, 0], (ahead - 2 * here + back) / h**2, rtol=1e-3, atol=1e-3)


def test_weights_that_are_loaded_know_how_many_stages_are_open() -> None:
    network, other = build(opened=2), build(opened=1)
    other.load_state_dict(network.state_dict())
    assert other.opened == 2
    x = points().float()
    assert torch.equal(other(x), network(x))
    assert copy.deepcopy(other).opened == 2
    network.load_state_dict(build(opened=1).state_dict())
    assert network.opened == 1


def test_what_cannot_be_opened_is_told() -> None:
    with pytest.raises(UserError, match="All 3 stages are open"):
        build(opened=3).open(0.1, 10.0)
    for scale, kappa in ((0.0, 10.0), (0.1, -1.0), (math.nan, 10.0)):
        with pytest.raises(UserError):
            build(opened=1).open(scale, kappa)
    with pytest.raises(UserError):
        MultistageConfig(stages=0)
