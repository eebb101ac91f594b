"""Each backbone against its own formula."""

import math
from typing import Any

import pytest
import torch

from nfield.backbones import FourierConfig, MLPConfig, Mscale1Config, Mscale2Config, SIRENConfig
from nfield.backbones.activations import ACTIVATIONS, phi
from nfield.backbones.dense import dense, spread_bias
from nfield.core.checks import UserError
from nfield.core.seeding import generator


def points(n: int, d: int = 2) -> torch.Tensor:
    return torch.rand(n, d, generator=generator(5), dtype=torch.float64) * 2 - 1


def test_mlp_is_the_plain_chain_of_layers() -> None:
    mlp: Any = MLPConfig(width=8, depth=2, activation="tanh").build(2, 1, generator(0)).double()
    x = points(10)
    h = (x @ mlp.hidden[0].weight.T + mlp.hidden[0].bias).tanh()
    h = (h @ mlp.hidden[1].weight.T + mlp.hidden[1].bias).tanh()
    torch.testing.assert_close(mlp(x), h @ mlp.output.weight.T + mlp.output.bias)


@pytest.mark.parametrize("fan_in", [2, 64, 500])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_dense_layers_have_the_stated_spread(fan_in: int, gain: float) -> None:
    layer = dense(fan_in, 2000, gain, generator(0))
    assert float(layer.weight.detach().std()) == pytest.approx(gain / math.sqrt(fan_in), rel=0.06)
    assert float(layer.bias.detach().abs().max()) == pytest.approx(1 / math.sqrt(fan_in), rel=0.01)
    assert float(layer.bias.detach().std()) == pytest.approx(1 / math.sqrt(3 * fan_in), rel=0.06)


def test_relu_network_keeps_the_mean_square_through_many_layers() -> None:
    mlp: Any = MLPConfig(width=512, depth=10).build(512, 1, generator(0))
    h = torch.randn(200, 512, generator=generator(1))
    for i, layer in enumerate(mlp.hidden):
        h = layer(h)
        assert 0.5 < float((h**2).detach().mean()) / 2 < 2, i
        h = h.relu()


def test_siren_starts_with_the_published_distributions() -> None:
    siren: Any = SIRENConfig(width=512, depth=4).build(2, 1, generator(0))
    first, *rest = siren.hidden
    assert float(first.weight.detach().abs().max()) == pytest.approx(1 / 2, rel=0.01)
    assert float(first.weight.detach().std()) == pytest.approx(1 / 2 / math.sqrt(3), rel=0.06)
    bound = math.sqrt(6 / 512) / 30
    for layer in [*rest, siren.output]:
        assert float(layer.weight.detach().abs().max()) == pytest.approx(bound, rel=0.02)
    h = torch.rand(500, 2, generator=generator(1)) * 2 - 1
    for i, layer in enumerate(siren.hidden):
        if i:  # the paper's claim: before the bias, arguments of the sines are standard normal in every layer
            assert float((30 * h @ layer.weight.T).detach().std()) == pytest.approx(1, abs=0.1), i
        h = (30 * layer(h)).sin()
        assert float((h**2).detach().mean()) == pytest.approx(0.5, abs=0.1), i


def test_siren_omegas_stand_where_the_formula_has_them() -> None:
    siren: Any = SIRENConfig(width=4, depth=2, first_omega=7.0, hidden_omega=3.0).build(1, 1, generator(0)).double()
    x = points(6, 1)
    h = (3 * siren.hidden[1]((7 * siren.hidden[0](x)).sin())).sin()
    torch.testing.assert_close(siren(x), siren.output(h))
    bound = math.sqrt(6 / 4) / 3
    assert float(siren.hidden[1].weight.detach().abs().max()) <= bound


def test_fourier_branches_share_the_trunk_and_join_before_the_output() -> None:
    net: Any = (
        FourierConfig(scales=(1.0, 9.0), frequencies=5, width=4, depth=2, activation="relu")
        .build(2, 3, generator(0))
        .double()
    )
    x = points(6)
    joined = []
    for branch in net.branches:
        phase = 2 * math.pi * x @ branch.frequencies.T
        h = torch.cat([phase.cos(), phase.sin()], -1)
        for layer in net.trunk:
            h = layer(h).relu()
        joined.append(h)
    torch.testing.assert_close(net(x), net.output(torch.cat(joined, -1)))


@pytest.mark.parametrize("scales", [(3.0,), (1.0, 8.0), (0.5, 2.0, 8.0, 32.0, 128.0)])
def test_fourier_branches_have_their_own_scales(scales: tuple[float, ...]) -> None:
    net: Any = FourierConfig(scales=scales, frequencies=3000, width=4, depth=1).build(2, 1, generator(0))
    assert len(net.branches) == len(scales)
    for scale, branch in zip(scales, net.branches, strict=True):
        assert float(branch.frequencies.std()) == pytest.approx(scale, rel=0.06)


def copy_mlp(source: Any, target: Any) -> None:
    with torch.no_grad():
        for i, layer in enumerate([*source.hidden, source.output]):
            target.weights[i].copy_(layer.weight.T[None])
            target.biases[i].copy_(layer.bias[None, None])


@pytest.mark.parametrize("activation", ["phi", "relu"])
def test_mscale_with_one_scale_of_one_equals_the_mlp(activation: str) -> None:
    mlp: Any = MLPConfig(width=8, depth=3, activation=activation).build(2, 3, generator(0)).double()
    one: Any = Mscale1Config(scales=(1.0,), width=8, depth=3, activation=activation).build(2, 3, generator(1)).double()
    two: Any = Mscale2Config(scales=(1.0,), width=8, depth=3, activation=activation).build(2, 3, generator(2)).double()
    one.first, one.output, one.hidden = mlp.hidden[0], mlp.output, mlp.hidden[1:]
    copy_mlp(mlp, two)
    x = points(20)
    torch.testing.assert_close(one(x), mlp(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(two(x), mlp(x), rtol=1e-12, atol=1e-12)


def test_mscale1_scales_groups_of_first_neurons_before_the_bias() -> None:
    net: Any = Mscale1Config(scales=(1.0, 4.0, 16.0), width=9, depth=1).build(2, 1, generator(0)).double()
    x = points(10)
    k = torch.tensor([1.0] * 3 + [4.0] * 3 + [16.0] * 3, dtype=torch.float64)
    torch.testing.assert_close(net(x), net.output(phi(k * (x @ net.first.weight.T) + net.first.bias)))


def test_mscale1_takes_fewer_neurons_than_scales() -> None:
    net: Any = Mscale1Config(scales=(1.0, 2.0, 4.0), width=2, depth=1).build(1, 1, generator(0))
    assert net.group.tolist() == [0, 1]


def test_mscale2_is_the_sum_of_separate_networks_on_scaled_inputs() -> None:
    scales = (1.0, 3.0, 10.0)
    net: Any = Mscale2Config(scales=scales, width=6, depth=2).build(2, 2, generator(0)).double()
    x = points(10)
    total = torch.zeros(10, 2, dtype=torch.float64)
    for i, scale in enumerate(scales):
        h = scale * x
        for layer in range(2):
            h = phi(h @ net.weights[layer][i] + net.biases[layer][i])
        total += h @ net.weights[2][i] + net.biases[2][i]
    torch.testing.assert_close(net(x), total)


def test_first_activation_is_that_of_the_first_layer_alone() -> None:
    x = points(10)
    one: Any = (
        Mscale1Config(scales=(2.0,), width=6, depth=2, first_activation="sine").build(2, 1, generator(0)).double()
    )
    h = (2 * x @ one.first.weight.T + one.first.bias).sin()
    torch.testing.assert_close(one(x), one.output(phi(one.hidden[0](h))))
    two: Any = (
        Mscale2Config(scales=(2.0,), width=6, depth=2, first_activation="sine").build(2, 1, generator(0)).double()
    )
    h = (2 * x @ two.weights[0][0] + two.biases[0][0]).sin()
    h = phi(h @ two.weights[1][0] + two.biases[1][0])
    torch.testing.assert_close(two(x), h @ two.weights[2][0] + two.biases[2][0])
    assert one.derivative_order == two.derivative_order == 2


def test_unknown_first_activation_is_refused() -> None:
    with pytest.raises(UserError, match=r"Unknown first_activation 'sinus'\. Did you mean 'sine'\?"):
        Mscale2Config(first_activation="sinus")


@pytest.mark.parametrize("kind", [Mscale1Config, Mscale2Config])
def test_scales_are_trained_only_where_asked(kind) -> None:
    fixed: Any = kind(width=12, depth=1).build(2, 1, generator(0))
    assert "scales" not in dict(fixed.named_parameters())
    assert "scales" in fixed.state_dict()
    free: Any = kind(width=12, depth=1, trainable_scales=True).build(2, 1, generator(0))
    free(points(50).float()).sum().backward()
    assert free.scales.grad is not None
    assert bool((free.scales.grad != 0).any())


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("activation", ["srelu", "phi", "s2relu"])
def test_large_scales_start_with_active_neurons_everywhere(d: int, activation: str) -> None:
    """At scale 100 a compact neuron sees a sliver; without spread biases nearly no point would be seen by any."""
    net: Any = Mscale2Config(scales=(100.0,), width=4000, depth=1, activation=activation).build(d, 1, generator(0))
    h = torch.baddbmm(net.biases[0], 100 * points(300, d).float()[None], net.weights[0])
    active = (ACTIVATIONS[activation].function(h[0]) != 0).sum(-1)
    assert int(active.min()) >= 1


def test_spread_biases_put_the_centre_into_the_domain() -> None:
    weights = torch.randn(3, 2, 500, generator=generator(0)) * 50
    bias = spread_bias(weights, 1.5, generator(1))
    assert bias.shape == (3, 1, 500)
    # w·x + b = centre for some x in the square exactly where |centre - b| <= |w|_1.
    assert bool(((1.5 - bias).abs() <= weights.abs().sum(1, keepdim=True)).all())
    assert float(bias.std()) > 10


def test_unknown_activation_names_the_nearest() -> None:
    with pytest.raises(UserError, match="Unknown activation 'sRELU'"):
        MLPConfig(activation="sRELU")
