"""The comparison that all cures share. Oracles: targets whose spectrum is known, and curves made by hand."""

import math

import numpy as np
import pytest
import torch

from nfield.backbones.mlp import MLPConfig
from nfield.backbones.mscale2 import Mscale2Config
from nfield.core.seeding import generator
from nfield.encodings.hash_grid import HashGridConfig
from nfield.lab import Setting
from nfield.lab.cures.mscale import data_scales
from nfield.lab.cures.targets import OCTAVES, SIZES, photograph, signal
from nfield.lab.cures.training import (
    Encoded,
    Trained,
    largest_of,
    median_times,
    parameters_of,
    plain_settings,
    speed_ups,
)
from nfield.lab.ensemble import Ensemble

QUICK = SIZES.of("quick")


def test_the_signal_has_one_wave_of_equal_energy_in_each_band() -> None:
    target = signal(Setting(), QUICK)
    spectrum = np.abs(np.fft.rfft(target.truth)) / len(target.truth)
    assert np.flatnonzero(spectrum > 1e-3).tolist() == list(OCTAVES)
    np.testing.assert_allclose(target.bands.energy, 1 / len(OCTAVES), rtol=1e-5)
    assert target.upper == [3, 4, 5]
    # Samples that were trained on are every other one of those looked at.
    np.testing.assert_allclose(target.truth[::2], target.values[:, 0].numpy())
    np.testing.assert_allclose(target.probe[::2].numpy(), target.points.numpy())
    assert not np.array_equal(signal(Setting(seed=1), QUICK).truth, target.truth)


def test_the_photograph_is_within_one() -> None:
    target = photograph(Setting(), QUICK)
    assert target.truth.shape == (16, 16)
    assert abs(target.truth.mean()) < 1e-6
    assert np.abs(target.truth).max() == pytest.approx(1)
    assert target.points[1].tolist() == pytest.approx([-1 + 1 / 16, -1 + 3 / 16])


def test_pooled_errors_weigh_by_energy() -> None:
    target = photograph(Setting(), QUICK)
    prediction = 0.7 * target.truth
    errors = np.array([math.nan if e is None else e for e in target.bands(prediction)])
    assert target.pooled(errors) == pytest.approx(0.3, rel=1e-5)


def made(curve: list[float], members: int = 2) -> Trained:
    """A training whose error is the same in all bands."""
    steps = [0, 1, 10, 100]
    errors = np.array(curve)[:, None, None] * np.ones((1, members, len(OCTAVES)))
    return Trained(config=None, rate=1.0, parameters=1, steps=steps, errors=errors, final=np.zeros((members, 1)))


def test_speed_ups_of_curves_made_by_hand() -> None:
    target = signal(Setting(), QUICK)
    plain = made([1, 0.9, 0.8, 0.5])
    assert speed_ups(plain, plain, target) == [QUICK.signal_steps / 100] * 2
    assert speed_ups(plain, made([1, 0.9, 0.4, 0.3]), target) == [QUICK.signal_steps / 10] * 2
    # Below the level once, but not till the end.
    assert speed_ups(plain, made([1, 0.4, 0.8, 0.5]), target) == [QUICK.signal_steps / 100] * 2
    # Never: the ratio of the errors.
    assert speed_ups(plain, made([1, 0.9, 0.9, 0.8]), target) == pytest.approx([0.5 / 0.8] * 2)
    assert median_times(made([1, 0.1, 0.1, 0.1]), target) == [1] * 6
    assert median_times(plain, target) == [math.inf] * 6


def test_the_plain_network_is_never_the_smaller_one() -> None:
    rivals = {"a": [Mscale2Config(width=9, depth=2)], "b": [MLPConfig(width=5, depth=1)]}
    wanted = largest_of(rivals, 2)
    assert wanted == parameters_of(rivals["a"][0], 2)
    found = plain_settings(QUICK.width, QUICK.depth, 2, wanted)
    assert {config.activation for config in found} == {"relu", "tanh"}
    assert all(parameters_of(config, 2) >= wanted for config in found)
    small = plain_settings(QUICK.width, QUICK.depth, 2, 1)
    assert {config.width for config in small} == {QUICK.width}


@pytest.mark.parametrize(
    "config",
    [
        Encoded(encoding=HashGridConfig(levels=2, coarsest=4, finest=8, table_size=32), network=MLPConfig(width=6)),
        Mscale2Config(width=5, depth=2, activation="phi"),
    ],
)
def test_networks_that_torch_cannot_stack_by_itself(config) -> None:
    """Oracle: the members alone, values and gradients."""
    x = torch.rand(13, 2, generator=generator(0)) * 2 - 1
    ensemble = Ensemble(config, 2, 1, range(3))
    ensemble(x).square().sum().backward()
    names = list(ensemble.parameters)
    for row in range(3):
        network = config.build(2, 1, generator(row, "weights"))
        values = network(x)
        torch.testing.assert_close(ensemble.in_blocks(x)[row], values.detach())
        values.square().sum().backward()
        own = dict(network.named_parameters())
        for name in names:
            gradient = ensemble.parameters[name].grad
            assert gradient is not None
            torch.testing.assert_close(gradient[row], own[name].grad, rtol=1e-4, atol=1e-5)
    own_points = torch.stack([x, -x, x / 2])
    assert ensemble(own_points).shape == (3, 13, 1)
    torch.testing.assert_close(ensemble(own_points)[0], ensemble(x)[0])


def test_scales_of_mscale_follow_the_samples() -> None:
    """The signal's highest wave has 32 cycles, its lowest one, and a window smears each over its neighbours."""
    scales = data_scales(signal(Setting(), SIZES.of("default")))
    assert list(scales) == sorted(scales)
    assert 1 < scales[0] < 4
    assert scales[-1] == pytest.approx(32, abs=1.5)
    photo = data_scales(photograph(Setting(), QUICK))
    assert 0 < photo[0] < photo[-1] <= QUICK.side / 2 + 1
