"""Computations inside the experiments on order, rates and kernels. Oracles: closed forms, synthetic power laws."""

import itertools

import numpy as np
import pytest
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.core.seeding import generator
from nfield.lab.ensemble import Ensemble
from nfield.lab.learning import learn
from nfield.lab.order import decay_rate, gradient_flow, order_highdim, order_image, spectral_bias, tangent_kernel
from nfield.lab.order.two_layer import TwoLayerConfig
from nfield.lab.samples import pixel_centres
from nfield.spectral import filter_errors, fourier_coefficients, projection_spectrum, tangent_spectrum
from nfield.spectral import tangent_kernel as nfield_tangent_kernel

X = (torch.arange(64, dtype=torch.float64) / 64 * 2 - 1)[:, None]


# two layers


@pytest.mark.parametrize(("exponent", "width"), [(0.5, 9), (1.0, 16)])
def test_a_two_layer_network_is_the_sum_it_says(exponent: float, width: int) -> None:
    network = TwoLayerConfig(width=width, activation="tanh", exponent=exponent, inner=3.0, outer=0.5)
    module = network.build(1, 1, generator(2)).double()
    w, b, a = (value.detach().numpy() for value in (module.inner, module.bias, module.outer))
    wanted = np.tanh(X.numpy() @ w.T + b) @ a.T * width**-exponent
    assert np.allclose(module(X).detach().numpy(), wanted, rtol=1e-12)


def test_its_weights_have_the_deviations_and_its_kinks_lie_in_the_domain() -> None:
    module = TwoLayerConfig(width=20_000, inner=3.0, outer=0.5).build(1, 1, generator(0))
    assert float(module.inner.detach().std()) == pytest.approx(3.0, rel=0.03)
    assert float(module.outer.detach().std()) == pytest.approx(0.5, rel=0.03)
    kinks = (-module.bias / module.inner[:, 0]).detach()
    assert float(kinks.abs().max()) <= 1.001
    assert float(kinks.std()) == pytest.approx(1 / np.sqrt(3), rel=0.03)


# decay rate


def test_a_power_law_has_its_slope() -> None:
    x = np.geomspace(2, 50, 9)
    assert decay_rate.power(x, 7 * x**-3.5) == pytest.approx(-3.5, abs=1e-12)
    with_floor = np.maximum(x**-3.5, 1e-4)
    assert decay_rate.power(x, with_floor, 1.01e-4) == pytest.approx(-3.5, abs=1e-12)
    assert np.isnan(decay_rate.power(x, x, 48.0))


@pytest.mark.parametrize("n", [64, 65])
def test_shares_above_a_frequency_add_up_by_parseval(n: int) -> None:
    """r = Σ A_k cos 2πkx and dr/dt = Σ B_k cos 2πkx: each k adds A_k B_k, whatever the grid."""
    x = np.arange(n) / n * 2.0
    waves, a, b = [0, 3, 7, 11], [0.3, 1.0, 2.0, -0.5], [0.2, -1.0, 0.1, 0.4]
    residual = sum(c * np.cos(np.pi * k * x) for c, k in zip(a, waves, strict=True))
    change = sum(c * np.cos(np.pi * k * x) for c, k in zip(b, waves, strict=True))
    each = np.array(a) * np.array(b) * np.array([2, 1, 1, 1])
    found = decay_rate.shares_above(residual[None], change[None], 2.0, np.array([1.0, 2.0, 4.0, 8.0]))
    wanted = [abs(each[1:].sum()), abs(each[2:].sum()), abs(each[3:].sum()), 0.0]
    assert np.allclose(found[0], np.array(wanted) / abs(each.sum()), atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "phi", "tanh"])
def test_the_change_in_time_is_that_of_a_small_step_of_descent(activation: str) -> None:
    network = MLPConfig(width=9, depth=2, activation=activation)
    ensemble = Ensemble(network, 1, 1, range(2), dtype=torch.float64)
    values = torch.sin(3 * X)
    residual, change = decay_rate.flow(ensemble, X, values)
    assert np.allclose(residual, (ensemble.in_blocks(X) - values)[..., 0])
    weights = list(ensemble.parameters.values())
    gradients = torch.autograd.grad((ensemble(X) - values).square().mean((1, 2)).sum(), weights)
    step = 1e-6
    with torch.no_grad():
        for value, gradient in zip(weights, gradients, strict=True):
            value -= step * gradient
    moved = (ensemble.in_blocks(X) - values)[..., 0].numpy()
    assert np.allclose((moved - residual) / step, change, atol=2e-5 * np.abs(change).max())


def test_intervals_hold_the_mean_and_shrink_with_more_seeds() -> None:
    rng = np.random.default_rng(0)
    few, many = (rng.normal(-2, 0.5, n).tolist() for n in (10, 1000))
    low, high = decay_rate.interval(few, 0)
    assert low < np.mean(few) < high
    # 1.96 standard errors to each side.
    low, high = decay_rate.interval(many, 0)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(1000), rel=0.1)


def test_coefficients_of_an_exact_law_are_found() -> None:
    waves = np.array([2.0, 3.0, 5.0, 9.0])
    found = decay_rate._coefficients(waves, 4 * waves**-4 + 0.3 * waves**-2)
    assert found["c1"] == pytest.approx(4)
    assert found["c2"] == pytest.approx(0.3)
    assert found["greatest_relative_error"] < 1e-9


# tangent kernel


def test_the_correlation_leaves_out_the_start() -> None:
    predicted = np.array([[1.0, 1.0], [0.5, 0.8], [0.2, 0.7]])
    assert tangent_kernel.correlation(predicted, predicted) == pytest.approx(1)
    opposed = np.array([[1.0, 1.0], [0.8, 0.5], [1.1, 0.6]])
    assert tangent_kernel.correlation(predicted, 1 - opposed) == pytest.approx(
        np.corrcoef([0.5, 0.8, 0.2, 0.7], [0.2, 0.5, -0.1, 0.4])[0, 1]
    )


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_small_residuals_of_wide_networks_decay_as_predicted(activation: str) -> None:
    """A residual too small to move the kernel is the linear regime itself: the descent of it is known exactly."""
    network = TwoLayerConfig(width=256, activation=activation, inner=tangent_kernel.INNER[activation])
    ensemble = Ensemble(network, 1, 1, range(1), dtype=torch.float64)
    start = 1e-5 * tangent_kernel.target(X)
    values = ensemble.in_blocks(X)[0] - start
    kernel = nfield_tangent_kernel(ensemble.member(0), X, ensemble.parameters_of_member(0))
    spectrum = tangent_spectrum(kernel)
    rate = 0.02 * spectrum.greatest_rate()
    learn(ensemble, X, values, steps=100, rate=rate, optimizer="descent")
    left = spectrum.along((ensemble.in_blocks(X)[0] - values)[:, 0].numpy())
    predicted = spectrum.predicted_decay([100 * rate])[0] * spectrum.along(start[:, 0].numpy())
    # Descent and flow differ by t·(2ηλ/N)²/2·e^(−2ηλt/N), at most 1 % at this rate.
    assert np.abs(left - predicted).max() < 0.02 * np.abs(predicted).max()


# gradient flow


def test_crossings_are_interpolated_and_count_to_the_end() -> None:
    times = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    assert gradient_flow.crossing(times, np.array([1.0, 0.05, 0.2, 0.05, 0.01])) == pytest.approx(2 + 2 * 0.1 / 0.15)
    assert gradient_flow.crossing(times, np.array([1.0, 0.5, 0.2, 0.15, 0.12])) == np.inf
    assert gradient_flow.crossing(times, np.full(5, 0.01)) == 0


def test_the_distance_to_the_limit_is_the_worst_frequency() -> None:
    limit = np.array([[1.0, 10.0], [1.0, 10.0], [1.0, 12.0]])
    found = gradient_flow.distance(np.array([[1.0, 11.0], [1.0, 10.0]]), limit)
    assert found == pytest.approx(np.log(1.1) / 2)
    assert gradient_flow.distance(np.array([[1.0, np.inf]]), limit) == np.inf


def test_mean_field_networks_of_all_widths_take_the_same_step() -> None:
    """A network with every neuron doubled is the same function, and at the rate m·η stays so."""
    small = TwoLayerConfig(width=8, activation="tanh", exponent=1.0).build(1, 1, generator(0)).double()
    large = TwoLayerConfig(width=16, activation="tanh", exponent=1.0).build(1, 1, generator(0)).double()
    with torch.no_grad():
        for one, two in zip(small.parameters(), large.parameters(), strict=True):
            two.copy_(torch.cat([one, one], 1 if len(one) == 1 else 0))
    for network, width in ((small, 8), (large, 16)):
        optimizer = torch.optim.SGD(network.parameters(), lr=0.3 * width)
        for _ in range(20):
            optimizer.zero_grad()
            (network(X) - torch.sin(3 * X)).square().mean().backward()
            optimizer.step()
    assert torch.allclose(small(X), large(X), rtol=1e-9)


# images, waves, digits


def test_the_photograph_has_mean_0_and_variance_1_and_its_pixels_lie_in_order() -> None:
    picture = order_image.photograph(32)
    assert picture.shape == (32, 32)
    assert abs(picture.mean()) < 1e-12
    assert picture.std() == pytest.approx(1)
    points = pixel_centres(4)
    assert points[1].tolist() == [-0.75, -0.25]
    assert points[4].tolist() == [-0.25, -0.75]


@pytest.mark.parametrize("name", ["equal", "rising"])
def test_waves_have_the_amplitudes_they_say(name: str) -> None:
    amplitudes = spectral_bias.AMPLITUDES[name]
    signal = spectral_bias.waves(amplitudes, 4)
    assert signal.std() == pytest.approx(1)
    # |f̂_k| of A sin(2πkx + φ) is A/2.
    found = 2 * np.abs(fourier_coefficients(signal, spectral_bias.FREQUENCIES)[:, 0])
    assert np.allclose(found, amplitudes / np.sqrt((amplitudes**2).sum() / 2), rtol=1e-12)
    assert not np.allclose(signal, spectral_bias.waves(amplitudes, 5))


def test_rank_correlations_of_known_orders() -> None:
    assert spectral_bias.rank_correlation(np.array([1.0, 5.0, 7.0])) == pytest.approx(1)
    assert spectral_bias.rank_correlation(np.array([7.0, 5.0, 1.0])) == pytest.approx(-1)
    assert spectral_bias.rank_correlation(np.array([2.0, 2.0, 2.0])) is None


def test_split_errors_are_those_of_the_filter_one_by_one() -> None:
    rng = np.random.default_rng(0)
    points, truth = rng.normal(size=(40, 5)), rng.normal(size=(40, 3))
    outputs = truth + rng.normal(size=(2, 4, 40, 3)) * np.array([0.1, 1.0])[:, None, None, None]
    low, high, share = order_highdim.split_errors(points, truth, outputs, 1.3)
    for i, j in itertools.product(range(2), range(4)):
        alone = filter_errors(points, truth, outputs[i, j], 1.3)
        assert low[i, j] == pytest.approx(alone.low, rel=1e-10)
        assert high[i, j] == pytest.approx(alone.high, rel=1e-10)
    assert 0 < share < 1


def test_waves_of_random_labels_are_taken_for_noise_and_a_real_one_is_not() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.uniform(0, 4, (900, 1)), rng.normal(size=(900, 2)) * 0.1], 1)
    direction = np.array([1.0, 0.0, 0.0])
    labels = np.eye(3)[rng.integers(0, 3, 900)]
    assert len(order_highdim.waves_above_noise(points, labels - labels.mean(0), direction)) == 0
    extent = np.ptp(points[:, 0])
    clear = np.cos(2 * np.pi * 5 / extent * points[:, :1])
    found = order_highdim.waves_above_noise(points, clear, direction)
    assert 5 / extent in found
    strengths = np.abs(projection_spectrum(points, clear, found, direction)[:, 0])
    assert strengths.max() == pytest.approx(0.5, abs=0.05)


def test_digits_are_scaled() -> None:
    points, labels = order_highdim.digits(500)
    assert points.shape == (500, 64)
    assert points.min() == -1
    assert points.max() == 1
    assert np.allclose(labels.sum(1), 0)
    assert np.allclose(labels.mean(0), 0)
