"""The peers against their papers: sizes, initial statistics, and slow float64 twins of their formulas."""

import math

import numpy as np
import pytest
import torch

from nfield.bench.images.peers import PEERS, GaussianFeatures, PlainMLP, Siren, centred, unit
from nfield.core.device import available_devices
from nfield.core.seeding import generator


def draw(seed: int = 0) -> torch.Generator:
    return generator(seed, "test")


def points(count: int, low: float = -1.0) -> torch.Tensor:
    return low + (1 - low) * torch.rand(count, 2, generator=draw(5))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("name", "inputs"), [("siren", 2), ("gaussian", 512), ("mlp", 2)])
def test_layer_sizes(name: str, inputs: int, channels: int) -> None:
    # oracle: counted by hand; the features stand in the place of one hidden layer's weights
    hidden = 2 if name == "gaussian" else 3
    counted = (inputs + 1) * 256 + hidden * (256 + 1) * 256 + (256 + 1) * channels
    network = PEERS[name].network(channels, draw())
    assert sum(p.numel() for p in network.parameters()) == counted
    assert network(points(7)).shape == (7, channels)


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("name", PEERS)
def test_runs_on_every_device_and_has_gradients(name: str, device: str) -> None:
    network = PEERS[name].network(1, draw()).to(device)
    network(points(9).to(device)).sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", PEERS)
def test_weights_come_from_the_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (PEERS[name].network(1, draw(seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first[next(iter(first))], other[next(iter(other))])
    assert torch.equal(torch.get_rng_state(), before)


def is_uniform(values: torch.Tensor, bound: float) -> bool:
    """Within the bound, reaching it, with the variance of U(±bound)."""
    values = values.detach()
    spread = float(values.std()) / (bound / math.sqrt(3))
    return bool(values.abs().max() <= bound) and bool(values.abs().max() > 0.97 * bound) and 0.9 < spread < 1.1


def test_siren_weights_have_the_papers_bounds() -> None:
    network = Siren(3, draw())
    assert is_uniform(network.layers[0].weight, 1 / 2)
    for layer in [*network.layers[1:], network.last]:
        assert is_uniform(layer.weight, math.sqrt(6 / 256) / 30)
    for layer in network.layers:
        assert is_uniform(layer.bias, 1 / math.sqrt(layer.in_features))


def test_siren_keeps_the_spread_of_its_activations() -> None:
    # oracle: theorem 1.8 of the paper: 30 W x has unit variance where x is the sine of an evenly spread phase
    network = Siren(1, draw())
    x = torch.sin(30 * network.layers[0](points(4000)))
    for layer in network.layers[1:]:
        before_bias = 30 * x @ layer.weight.T
        assert float(before_bias.detach().std()) == pytest.approx(1.0, rel=0.1)
        x = torch.sin(30 * layer(x))


def test_siren_formula() -> None:
    network = Siren(2, draw())
    x = points(11)
    twin = x.double().numpy()
    for layer in network.layers:
        twin = np.sin(30 * (twin @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()))
    twin = twin @ network.last.weight.detach().double().numpy().T + network.last.bias.detach().double().numpy()
    np.testing.assert_allclose(network(x).detach().numpy(), (twin + 1) / 2, atol=1e-4)


def test_fourier_features_formula() -> None:
    # oracle: the paper's formula in float64, 2 pi included
    network = GaussianFeatures(1, draw())
    x = points(20, low=0.0)
    phase = 2 * np.pi * x.double().numpy() @ network.frequencies.double().numpy().T
    np.testing.assert_allclose(network.features(x).numpy(), np.hstack([np.cos(phase), np.sin(phase)]), atol=2e-4)


def test_fourier_frequencies_have_scale_10_and_are_not_trained() -> None:
    network = GaussianFeatures(1, draw())
    assert network.frequencies.shape == (256, 2)
    assert float(network.frequencies.std()) == pytest.approx(10, rel=0.1)
    assert float(network.frequencies.mean()) == pytest.approx(0, abs=2)
    assert "frequencies" not in dict(network.named_parameters())


def test_fourier_network_is_glorot_relu_sigmoid() -> None:
    network = GaussianFeatures(3, draw())
    kinds = [type(layer).__name__ for layer in network.network]
    assert kinds == ["Linear", "ReLU"] * 3 + ["Linear", "Sigmoid"]
    for layer in network.network[:6:2]:
        outputs, inputs = layer.weight.shape
        assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / (inputs + outputs)), rel=0.03)
        assert float(layer.bias.detach().std()) == pytest.approx(0.01, rel=0.2)


def test_plain_mlp_is_he_relu() -> None:
    network = PlainMLP(1, draw())
    assert [type(layer).__name__ for layer in network.network] == ["Linear", "ReLU"] * 4 + ["Linear"]
    for layer in network.network[2:8:2]:
        assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / 256), rel=0.03)
        assert not layer.bias.any()


def test_coordinates_by_hand() -> None:
    rows, columns = centred(3, 5).reshape(3, 5, 2).unbind(-1)
    torch.testing.assert_close(rows[:, 2], torch.tensor([-0.5, 0.0, 0.5]))
    torch.testing.assert_close(columns[1], torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]))
    rows, columns = unit(2, 4).reshape(2, 4, 2).unbind(-1)
    torch.testing.assert_close(rows[:, 3], torch.tensor([0.0, 0.25]))
    torch.testing.assert_close(columns[1], torch.tensor([0.0, 0.25, 0.5, 0.75]))
    assert torch.equal(centred(1, 1), torch.zeros(1, 2))
