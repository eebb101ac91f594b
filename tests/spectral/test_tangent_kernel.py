"""Oracles: linear models, a two-layer network by hand, finite differences, gradient descent on a linear model."""

import numpy as np
import pytest
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.lab.ensemble import Ensemble
from nfield.spectral import tangent_kernel, tangent_spectrum

POINTS = torch.linspace(-1, 1, 14, dtype=torch.float64).reshape(7, 2) ** 3


def network(out_dim: int = 1, activation: str = "tanh") -> torch.nn.Module:
    return MLPConfig(width=6, depth=2, activation=activation).build(2, out_dim, generator(0)).double()


@pytest.mark.parametrize("at_once", [1, 13, 1 << 20])
def test_a_linear_model_has_the_kernel_of_its_features(at_once):
    """h = X w: J = X and K = X Xᵀ; a bias adds one everywhere."""
    x = POINTS.numpy()
    model = torch.nn.Linear(2, 1).double()
    assert np.allclose(tangent_kernel(model, POINTS, numbers_at_once=at_once), x @ x.T + 1, rtol=1e-14)
    model.bias.requires_grad_(False)
    assert np.allclose(tangent_kernel(model, POINTS, numbers_at_once=at_once), x @ x.T, rtol=1e-14)


def test_channels_come_last():
    """h = X W with two channels: channels share no weights, so K is X Xᵀ for each and 0 between them."""
    x = POINTS.numpy()
    model = torch.nn.Linear(2, 2, bias=False).double()
    assert np.allclose(tangent_kernel(model, POINTS), np.kron(x @ x.T, np.eye(2)), rtol=1e-14)


def test_a_two_layer_network_by_hand():
    """h = Σ a_i tanh(w_i·x + b_i): K = Σ_i σσ' + a_i² σ̇σ̇' (x·x' + 1) + 1."""
    model = MLPConfig(width=9, depth=1, activation="tanh").build(2, 1, generator(3)).double()
    x = POINTS.numpy()
    w, b = (value.detach().numpy() for value in model.hidden[0].parameters())
    a = model.output.weight.detach().numpy()[0]
    s = np.tanh(x @ w.T + b)
    slope = (1 - s**2) * a
    wanted = s @ s.T + (slope @ slope.T) * (x @ x.T + 1) + 1
    assert np.allclose(tangent_kernel(model, POINTS), wanted, rtol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "phi"])
@pytest.mark.parametrize("at_once", [1, 300, 1 << 20])
def test_deep_networks_agree_with_finite_differences(activation, at_once):
    model = network(2, activation)
    flat = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    columns = []
    for i in range(len(flat)):
        ends = []
        for sign in (1, -1):
            moved = flat.clone()
            moved[i] += sign * 1e-6
            torch.nn.utils.vector_to_parameters(moved, model.parameters())
            ends.append(model(POINTS).detach().reshape(-1))
        columns.append((ends[0] - ends[1]) / 2e-6)
    torch.nn.utils.vector_to_parameters(flat, model.parameters())
    jacobian = torch.stack(columns, 1).numpy()
    assert np.allclose(
        tangent_kernel(model, POINTS, numbers_at_once=at_once), jacobian @ jacobian.T, rtol=1e-6, atol=1e-8
    )


def test_shares_of_the_parameters_add_up():
    model = network()
    shares = [tangent_kernel(model, POINTS, {name: value}) for name, value in model.named_parameters()]
    assert np.allclose(sum(shares), tangent_kernel(model, POINTS), rtol=1e-12)


def test_members_of_an_ensemble_have_the_kernels_of_their_networks():
    config = MLPConfig(width=5, depth=2, activation="tanh")
    ensemble = Ensemble(config, 2, 1, range(2), dtype=torch.float64)
    for row in range(2):
        alone = config.build(2, 1, generator(row, "weights")).double()
        found = tangent_kernel(ensemble.member(row), POINTS, ensemble.parameters_of_member(row))
        assert np.allclose(found, tangent_kernel(alone, POINTS), rtol=1e-12)


def test_the_residual_of_a_linear_model_decays_as_predicted():
    """Gradient descent on the mean squared error of h = X w multiplies component i by (1 − 2ηλ_i/N) each step."""
    model = torch.nn.Linear(2, 1, bias=False).double()
    spectrum = tangent_spectrum(tangent_kernel(model, POINTS))
    assert (np.diff(spectrum.eigenvalues) <= 0).all()
    assert np.allclose(spectrum.eigenvectors.T @ spectrum.eigenvectors, np.eye(7))
    rate = 1e-4 * spectrum.greatest_rate()
    truth = torch.sin(5 * POINTS.sum(1, keepdim=True))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    def components() -> np.ndarray:
        return spectrum.along((model(POINTS) - truth).detach()[:, 0].numpy())

    before = components()
    for _ in range(1000):
        optimizer.zero_grad()
        (model(POINTS) - truth).square().mean().backward()
        optimizer.step()
    predicted = spectrum.predicted_decay([1000 * rate])[0]
    # The step of descent is the flow's to first order: relative error t·(2ηλ/N)²/2 = 2e-5 here.
    assert np.allclose(components() / before, predicted, rtol=3e-5)
    assert predicted[0] == pytest.approx(np.exp(-0.2), rel=1e-12)
    assert np.allclose(predicted[2:], 1)


def test_beyond_the_greatest_rate_descent_diverges():
    spectrum = tangent_spectrum(np.diag([4.0, 1.0, 0.25]))
    factor = 1 - 2 * spectrum.greatest_rate() * spectrum.eigenvalues[0] / 3
    assert factor == pytest.approx(-1)


def test_bad_input_is_told():
    with pytest.raises(UserError, match="at least one point"):
        tangent_kernel(network(), POINTS[:0])
    with pytest.raises(UserError, match="no parameter 'weight'"):
        tangent_kernel(network(), POINTS, {"weight": torch.zeros(1)})
    with pytest.raises(UserError, match="hand them in"):
        tangent_kernel(lambda weights, points: points, POINTS)
