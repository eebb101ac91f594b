"""A field of stages: the scaled sum, its weights in a file, and where its first frequencies lie."""

import math

import pytest
import safetensors.torch
import torch

from nfield.backbones.multistage import MultistageConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.fields.staged import StageConfig, StagedField

SCALES = (2.0, 3e-5, 7e-11)


def staged(dimension=2):
    field = StagedField(dimension, 3)
    for number, scale in enumerate(SCALES):
        config = StageConfig(kappa=5.0 * 3**number, width=8 + number, depth=1 + number)
        field.append(config, config.build(dimension, 3, generator(number, "weights")), scale)
    return field


def test_the_sum_of_the_stages_is_the_field():
    """Oracle: a sum in integers of 2^-1074, exact but for the last rounding, by fsum."""
    field = staged()
    x = torch.rand(40, 2, generator=generator(0), dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        parts = [scale * stage(x) for scale, stage in zip(SCALES, field.stages, strict=True)]
        found = field(x)
    exact = [math.fsum(values) for values in zip(*[part.reshape(-1).tolist() for part in parts], strict=True)]
    assert found.dtype == torch.float64
    assert torch.allclose(found.reshape(-1), torch.tensor(exact, dtype=torch.float64), rtol=3e-16, atol=1e-17)


def test_a_field_without_stages_is_zero_and_stages_come_and_go():
    field, x = StagedField(1, 2), torch.zeros(4, 1)
    assert torch.equal(field(x), torch.zeros(4, 2, dtype=torch.float64))
    assert field.on_grid((x[:, 0],)).shape == (4, 2)
    config = StageConfig(kappa=5.0, width=4)
    field.append(config, config.build(1, 2, generator(0)), 0.5)
    one = field(x)
    field.append(config, config.build(1, 2, generator(1)), 1e-3)
    assert not torch.equal(field(x), one)
    field.drop()
    assert torch.equal(field(x), one)
    assert field.configs == [config]
    assert field.scales.tolist() == [0.5]


def test_grids_and_points_give_the_same():
    field = staged()
    axes = (torch.linspace(-1, 1, 5, dtype=torch.float64), torch.linspace(-0.5, 1, 4, dtype=torch.float64))
    with torch.no_grad():
        assert torch.allclose(field.on_grid(axes), field(torch.cartesian_prod(*axes).reshape(5, 4, 2)), atol=1e-14)


def test_weights_go_through_a_file_bit_for_bit():
    field = staged()
    data = safetensors.torch.save({name: value.contiguous() for name, value in field.state_dict().items()})
    again = StagedField(2, 3, field.configs)
    again.load_state_dict(safetensors.torch.load(data))
    x = torch.rand(9, 2, generator=generator(3), dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(again(x), field(x))
    assert again.count_parameters() == field.count_parameters()
    assert field.count_parameters() == sum(config.parameters(2, 3) for config in field.configs)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_first_frequencies_reach_kappa_along_every_axis(dimension):
    config = StageConfig(kappa=40.0, width=4000)
    siren = config.build(dimension, 1, generator(0)).backbone
    angular = siren.omegas[0] * siren.hidden[0].weight.detach().abs()
    assert angular.max() <= 40 + 1e-5
    assert (angular.max(0).values > 39).all()
    assert angular.mean().item() == pytest.approx(20, rel=0.05)


def test_stages_of_one_run_are_the_same_networks():
    """Oracle: `Multistage` with the same weights, ε and κ; its phases are spread by π and not by κ."""
    options = {"width": 12, "depth": 2, "hidden_omega": 1.0}
    network = MultistageConfig(stages=3, kappa=5.0, **options).build(2, 1, generator(0)).double()
    for number in (1, 2):
        network.open(SCALES[number], 5.0 * 3**number)
    field = StagedField(2, 1)
    for stage, scale, kappa in zip(network.stages, network.scales.tolist(), network.kappas.tolist(), strict=True):
        config = StageConfig(kappa=kappa, width=12, depth=2)
        same = config.build(2, 1, generator(1))
        same.backbone.load_state_dict(stage.state_dict())
        with torch.no_grad():
            same.backbone.hidden[0].bias.mul_(math.pi / kappa)
        field.append(config, same, scale)
    x = torch.rand(30, 2, generator=generator(2), dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(network(x), field(x), rtol=1e-12, atol=1e-15)


def test_impossible_networks_are_refused():
    for wrong in ({"kappa": 0.0, "width": 4}, {"kappa": 1.0, "width": 0}, {"kappa": 1.0, "width": 4, "depth": 0}):
        with pytest.raises(UserError):
            StageConfig(**wrong)
