"""Sinusoidal encodings against their formulas and spectra."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings import (
    BasicConfig,
    GaussianConfig,
    MultiscaleGaussianConfig,
    NeRFConfig,
    PositionalConfig,
)

X = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
DRAW = generator(0)


def test_basic_with_frequency_one_is_the_formula() -> None:
    features = BasicConfig(frequency=1.0).build(1, DRAW).double()(X)
    expected = torch.cat([(2 * math.pi * X).cos(), (2 * math.pi * X).sin()], -1)
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-14)


def test_default_of_basic_tells_all_of_the_domain_apart() -> None:
    """Over [-1, 1) a frequency of 1 would make x and x + 1 look alike."""
    features = BasicConfig().build(1, DRAW)(torch.arange(-1, 1, 0.25)[:, None])
    assert torch.cdist(features, features).add(torch.eye(8)).min() > 0.5


@pytest.mark.parametrize(
    ("config", "frequencies"),
    [
        (PositionalConfig(frequencies=4, lowest=1.0), [1, 2, 4, 8]),
        (PositionalConfig(frequencies=4, spacing="geometric", scale=81.0, lowest=1.0), [1, 3, 9, 27]),
        (PositionalConfig(frequencies=2), [0.5, 1]),
        (NeRFConfig(octaves=4), [0.5, 1, 2, 4]),
        (BasicConfig(), [0.5]),
    ],
)
def test_spectrum_over_a_period_holds_exactly_the_stated_frequencies(config, frequencies: list[float]) -> None:
    """The DFT over [-1, 1) without its end point has one line for each feature: cosine real, sine imaginary."""
    count, m = 128, len(frequencies)
    x = -1 + 2 * torch.arange(count, dtype=torch.float64) / count
    encoding = config.build(1, DRAW).double()
    # A grid from -1 shifts the phase of bin k by (-1)^k.
    sign = (-1.0) ** torch.arange(count // 2 + 1, dtype=torch.float64)
    spectrum = torch.fft.rfft(encoding(x[:, None]), dim=0) / count * sign[:, None]
    expected = torch.zeros(count // 2 + 1, 2 * m, dtype=torch.complex128)
    for j, b in enumerate(frequencies):
        expected[round(2 * b), j] = 0.5
        expected.imag[round(2 * b), m + j] = -0.5
    torch.testing.assert_close(spectrum, expected, rtol=0, atol=1e-5 if 3 in frequencies else 1e-12)
    assert encoding.band_limit == pytest.approx(max(frequencies), rel=1e-6)


def test_axes_are_encoded_one_after_the_other() -> None:
    encoding = PositionalConfig(frequencies=3).build(2, DRAW)
    alone = PositionalConfig(frequencies=3).build(1, DRAW)
    x = torch.tensor([[0.3, -0.7]])
    torch.testing.assert_close(encoding(x), torch.cat([alone(x[:, :1]), alone(x[:, 1:])], -1))


def test_high_octaves_keep_their_precision_in_float32() -> None:
    """Removing whole turns keeps float32 within a few units of rounding of float64, even at 2^15 cycles."""
    encoding = NeRFConfig(octaves=17).build(1, DRAW)
    x = torch.rand(200, 1, generator=generator(1)) * 2 - 1
    torch.testing.assert_close(encoding(x).double(), encoding.double()(x.double()), rtol=0, atol=1e-6)


@given(scale=st.floats(0.05, 200.0), seed=st.integers(0, 100), d=st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_frequencies_have_the_scale_as_standard_deviation(scale: float, seed: int, d: int) -> None:
    encoding = GaussianConfig(scale=scale, frequencies=4096).build(d, generator(seed))
    assert encoding.frequencies.shape == (4096, d)
    assert float(encoding.frequencies.std()) == pytest.approx(scale, rel=0.06)  # over 5 standard errors
    assert abs(float(encoding.frequencies.mean())) < 0.1 * scale


def test_two_pi_is_part_of_the_gaussian_encoding() -> None:
    encoding = GaussianConfig(scale=3.0, frequencies=5).build(1, generator(4)).double()
    phase = 2 * math.pi * X * encoding.frequencies[:, 0]
    torch.testing.assert_close(encoding(X), torch.cat([phase.cos(), phase.sin()], -1), rtol=0, atol=1e-13)


@pytest.mark.parametrize("scales", [(2.0,), (1.0, 30.0), (0.5, 4.0, 32.0, 100.0)])
def test_every_scale_of_a_multiscale_encoding_is_its_own(scales: tuple[float, ...]) -> None:
    encoding = MultiscaleGaussianConfig(scales=scales, frequencies=2000).build(2, generator(0))
    assert encoding.out_dim == 2 * 2000 * len(scales)
    for scale, part in zip(scales, encoding.frequencies.split(2000), strict=True):
        assert float(part.std()) == pytest.approx(scale, rel=0.08)


def test_one_scale_equals_the_single_scale_encoding() -> None:
    single = GaussianConfig(scale=7.0, frequencies=16).build(2, generator(0))
    multi = MultiscaleGaussianConfig(scales=(7.0,), frequencies=16).build(2, generator(0))
    assert torch.equal(single.frequencies, multi.frequencies)


def test_gaussian_band_limit_is_the_longest_wave_vector() -> None:
    encoding = GaussianConfig(frequencies=9).build(3, generator(0)).double()
    assert encoding.band_limit == pytest.approx(max(math.hypot(*row) for row in encoding.frequencies.tolist()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BasicConfig(frequency=0.0), "frequency must be a positive number, but is 0.0"),
        (lambda: PositionalConfig(frequencies=0), "frequencies must be at least 1"),
        (lambda: PositionalConfig(scale=0.5), "scale must be at least 1"),
        (lambda: NeRFConfig(octaves=0), "octaves must be at least 1"),
        (lambda: GaussianConfig(scale=-1.0), "scale must be a positive number"),
        (lambda: GaussianConfig(scale=math.nan), "scale must be a positive number"),
        (lambda: MultiscaleGaussianConfig(scales=()), "scales must be one or more positive numbers"),
        (lambda: MultiscaleGaussianConfig(scales=(1.0, 0.0)), "one or more positive numbers"),
    ],
)
def test_bad_settings_are_refused(make, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
