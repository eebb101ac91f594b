"""The backbones made of waves, each against its own formula: WIRE, FINER, BACON."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.backbones import BACONConfig, FINERConfig, WIREConfig
from nfield.backbones.finer import rising_sine
from nfield.backbones.scales import bias_reaching
from nfield.core.checks import UserError
from nfield.core.seeding import generator


def points(n: int, d: int = 2) -> torch.Tensor:
    return torch.rand(n, d, generator=generator(5), dtype=torch.float64) * 2 - 1


def complex_numbers(pair: torch.Tensor) -> np.ndarray:
    real, imaginary = pair.detach().numpy()
    return real + 1j * imaginary


@given(omega=st.floats(1, 30), spread=st.floats(3, 40), d=st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_wire_is_the_published_formula_in_complex_numbers(omega: float, spread: float, d: int) -> None:
    """Oracle: NumPy's complex arithmetic in float64; some settings make most waves too faint to count."""
    net: Any = WIREConfig(width=7, depth=3, omega=omega, spread=spread).build(d, 2, generator(0)).double()
    x = points(30, d)
    z = net.first(x).detach().numpy()
    for layer in (*net.hidden, None):
        h = np.exp(1j * omega * z - np.abs(spread * z) ** 2)
        if layer is not None:
            z = h @ complex_numbers(layer.weight).T + complex_numbers(layer.bias)
    output = complex_numbers(torch.stack([net.output.weight[:, :7], -net.output.weight[:, 7:]]))
    expected = (h @ output.T).real + net.output.bias.detach().numpy()
    size = float(np.exp(max(0.0, omega / (2 * spread)) ** 2))
    torch.testing.assert_close(net(x), torch.from_numpy(expected), rtol=1e-9, atol=1e-11 * size)


def test_wire_makes_no_subnormal_numbers() -> None:
    """They slow processors down tenfold. Oracle: e^-40, with room for sines near 0, far above 1e-38."""
    net: Any = WIREConfig(width=64, depth=2).build(2, 1, generator(0))
    real = torch.linspace(-2, 2, 20001)
    waves = net._wave(real, -(net.spread**2) * real**2)
    assert bool((waves[waves != 0].abs() > 1e-26).all())
    assert 0.5 < float((waves == 0).double().mean()) < 0.9
    places = points(500).float().requires_grad_()
    (slope,) = torch.autograd.grad(net(places).sum(), places)
    assert bool(torch.isfinite(slope).all())


def test_wire_starts_with_waves_of_the_same_strength_in_every_layer() -> None:
    """The published start, U(±1/√n) for both parts; none of ten layers vanishes or explodes."""
    net: Any = WIREConfig(width=200, depth=10).build(2, 1, generator(0))
    assert float(net.hidden[0].weight.detach().abs().max()) == pytest.approx(200**-0.5, rel=0.01)
    strengths = []
    for layer in (net.first, *net.hidden):
        layer.register_forward_hook(lambda _, given, __: strengths.append(given[0]))
    net(points(500).float())
    means = [float(2 * (h.detach() ** 2).mean()) for h in strengths[1:]]
    assert len(means) == 9
    assert all(0.05 < mean < 0.3 for mean in means), means


def test_finer_is_its_formula_layer_by_layer() -> None:
    config = FINERConfig(width=5, depth=2, first_omega=7.0, hidden_omega=3.0, first_bias=2.0)
    net: Any = config.build(2, 1, generator(0)).double()
    x = points(20)
    z = net.hidden[0](x)
    z = net.hidden[1]((7 * (z.abs() + 1) * z).sin())
    torch.testing.assert_close(net(x), net.output((3 * (z.abs() + 1) * z).sin()))


@given(z=st.floats(-3, 3), omega=st.floats(0.5, 40))
@settings(deadline=None, max_examples=100)
def test_finer_has_the_derivatives_of_the_function_itself(z: float, omega: float) -> None:
    """Oracle: by hand, u = (|z| + 1)z, u' = 2|z| + 1, u'' = 2 sign z; and central differences of the value.

    With the factor |z| + 1 held constant u' would be |z| + 1.
    """
    x = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(rising_sine(x, omega), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope, x)
    inner, rise, turn = omega * (abs(z) + 1) * z, omega * (2 * abs(z) + 1), 2 * omega * np.sign(z)
    assert float(slope.detach()) == pytest.approx(rise * math.cos(inner), rel=1e-9, abs=1e-9)
    assert float(bend) == pytest.approx(turn * math.cos(inner) - rise**2 * math.sin(inner), rel=1e-9, abs=1e-8)
    h = 1e-6
    ahead, behind = (rising_sine(torch.tensor(z + s, dtype=torch.float64), omega) for s in (h, -h))
    assert float(slope.detach()) == pytest.approx(float((ahead - behind) / (2 * h)), rel=0, abs=1e-4 * omega)


def test_finer_starts_like_siren_with_wide_first_biases() -> None:
    net: Any = FINERConfig(width=512, depth=3, first_bias=4.0).build(2, 1, generator(0))
    first, *rest = net.hidden
    assert float(first.weight.detach().abs().max()) == pytest.approx(1 / 2, rel=0.01)
    assert float(first.bias.detach().abs().max()) == pytest.approx(4, rel=0.02)
    assert float(first.bias.detach().std()) == pytest.approx(4 / math.sqrt(3), rel=0.06)
    for layer in [*rest, net.output]:
        assert float(layer.weight.detach().abs().max()) == pytest.approx(math.sqrt(6 / 512) / 30, rel=0.02)
    with pytest.raises(UserError, match="first_bias must be a positive number"):
        FINERConfig(first_bias=0.0)


@pytest.mark.parametrize(("d", "frequency"), [(1, 20.0), (2, 12.0), (3, 9.0)])
def test_finer_starts_with_local_frequencies_up_to_the_one_asked_for(d: int, frequency: float) -> None:
    """Oracle: the derivative of the first sines' phases along an axis at x = 0, over 2π; the frequency is never passed
    and, with the weights' and biases' largest values in one neuron out of many, nearly reached."""
    omega = 20.0
    config = FINERConfig(width=20000, depth=1, first_omega=omega, first_bias=bias_reaching(frequency, d, omega))
    net: Any = config.build(d, 1, generator(0)).double()
    step = torch.zeros(2, d, dtype=torch.float64)
    step[:, 0] = torch.tensor([1e-6, -1e-6])
    z = net.hidden[0](step)
    ahead, behind = omega * (z * z.abs() + z)
    highest = float((ahead - behind).detach().abs().max()) / 2e-6 / (2 * math.pi)
    assert 0.97 * frequency < highest < 1.0001 * frequency
    assert bias_reaching(0.01, d, omega) == d**-0.5


def trained_anyhow(config: BACONConfig, d: int, seed: int) -> Any:
    """A network whose weights are far from those it starts with."""
    net: Any = config.build(d, 2, generator(seed)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator(seed, "weights"), dtype=torch.float64))
    return net


@given(
    d=st.integers(1, 2),
    depth=st.integers(1, 4),
    band_limit=st.floats(1, 6),
    period=st.sampled_from([1.0, 2.0, 3.0]),
    seed=st.integers(0, 9),
)
@settings(deadline=None, max_examples=25)
def test_bacon_stages_hold_nothing_above_their_band_limits(
    d: int, depth: int, band_limit: float, period: float, seed: int
) -> None:
    """Oracle: the FFT over one period, without its end point, twice as fine as Nyquist asks for; and the stated limits,
    equal shares of the greatest number of whole waves that the setting allows."""
    net = trained_anyhow(BACONConfig(width=24, depth=depth, band_limit=band_limit, period=period), d, seed)
    most = math.floor(band_limit * period)
    n = 4 * most + 4
    axis = torch.arange(n, dtype=torch.float64) / n * period - period / 2
    grid = torch.stack(torch.meshgrid(*[axis] * d, indexing="ij"), -1)
    frequencies = np.fft.fftfreq(n, period / n)
    highest = np.max(np.abs(np.stack(np.meshgrid(*[frequencies] * d, indexing="ij"))), 0)
    assert net.band_limits == tuple(most * (i + 1) // depth / period for i in range(depth))
    for limit, values in zip(net.band_limits, net.stages(grid), strict=True):
        power = np.abs(np.fft.fftn(values.detach().numpy(), axes=range(d))).max(-1)
        assert power[highest > limit * (1 + 1e-9)].max() < 1e-10 * power.max()


def test_bacon_reaches_its_band_limits() -> None:
    """The limits are the least: with many neurons each stage holds the highest frequency that it may."""
    net = trained_anyhow(BACONConfig(width=64, depth=3, band_limit=4.5, period=2.0), 1, 0)
    assert net.band_limits == (1.5, 3.0, 4.5)
    x = torch.arange(64, dtype=torch.float64)[:, None] / 32 - 1
    for waves, values in zip((3, 6, 9), net.stages(x), strict=True):
        power = np.abs(np.fft.rfft(values[:, 0].detach().numpy()))
        assert power[waves] > 1e-4 * power.max()


@pytest.mark.parametrize("period", [2.0, 2.5])
def test_bacon_repeats_after_its_period(period: float) -> None:
    net = trained_anyhow(BACONConfig(width=16, depth=3, band_limit=9.0, period=period), 2, 0)
    x = points(50)
    for step in ((period, 0.0), (0.0, -period), (2 * period, period)):
        torch.testing.assert_close(net(x + torch.tensor(step, dtype=torch.float64)), net(x), rtol=0, atol=1e-9)
    assert float((net(x + period / 2) - net(x)).detach().abs().max()) > 0.1


def test_bacon_is_its_formula_and_ends_with_its_last_stage() -> None:
    net = trained_anyhow(BACONConfig(width=5, depth=3, band_limit=7.0, period=1.5), 2, 1)
    x, total, z = points(20), net.constant, None
    for i, values in enumerate(net.stages(x)):
        sine = (2 * math.pi / 1.5 * x @ net.waves[i].T + net.phases[i]).sin()
        z = sine if i == 0 else (z @ net.weights[i - 1].T + net.biases[i - 1]) * sine
        total = total + z @ net.outputs[i].T
        torch.testing.assert_close(values, total)
    torch.testing.assert_close(net(x), total)


def test_bacon_frequencies_are_whole_fixed_and_within_their_bandwidths() -> None:
    net: Any = BACONConfig(width=4000, depth=4, band_limit=20.5, period=2.0).build(2, 1, generator(0))
    assert "waves" not in dict(net.named_parameters())
    assert torch.equal(net.waves, net.waves.round())
    # 41 waves per period: stages up to 10, 20, 30, 41, so bandwidths 10, 10, 10, 11, all values of which appear.
    for waves, bandwidth in zip(net.waves, (10, 10, 10, 11), strict=True):
        for axis in waves.T:
            assert sorted(set(axis.int().tolist())) == list(range(-bandwidth, bandwidth + 1))


def test_bacon_keeps_the_variance_through_many_filters() -> None:
    """The appendix's start: the linear layers' outputs have the variance 1, their products with sines 1/2."""
    net: Any = BACONConfig(width=512, depth=7, band_limit=200.0).build(2, 1, generator(0))
    x = points(2000).float()
    angles = 2 * math.pi / net.period * x @ net.waves.mT + net.phases[:, None]
    z = angles[0].sin()
    assert float(z.detach().var()) == pytest.approx(0.5, rel=0.05)
    for weight, bias, angle in zip(net.weights, net.biases, angles[1:], strict=True):
        linear = z @ weight.T + bias
        assert float(linear.detach().var()) == pytest.approx(1, rel=0.15)
        z = linear * angle.sin()
        assert float(z.detach().var()) == pytest.approx(0.5, rel=0.15)
    assert float(net(x).detach().std()) == pytest.approx(0.2, rel=0.4)


def test_bacon_refuses_a_band_limit_below_one_wave() -> None:
    with pytest.raises(
        UserError, match=r"band_limit 0\.4 is below one wave per period of 2\.0: set it to 0\.5 or more"
    ):
        BACONConfig(band_limit=0.4, period=2.0)
