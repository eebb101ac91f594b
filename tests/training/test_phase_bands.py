"""PhaseDNN's parallel form. Oracles: the written-out sum, the bands' own targets, and a plain network beside it."""

import math

import numpy as np
import pytest
import torch

from nfield.backbones import MLPConfig, PhaseParallelConfig
from nfield.core.checks import RunError, UserError
from nfield.core.seeding import generator
from nfield.io.run_folder import NfieldWarning
from nfield.lab.ensemble import Ensemble
from nfield.lab.experiment import Setting
from nfield.lab.learning import learn, tuned_rate
from nfield.spectral import dominant_shifts
from nfield.training.phase_bands import band_targets, fit_bands

SMALL = {"width": 12, "depth": 2}


def packets(n, spacing, origin):
    """Fast waves with slow amplitudes: 20, 47 and 90 cycles over [-1, 1)."""
    x = origin + spacing * np.arange(n)
    return sum((1 + 0.5 * np.cos(math.pi * x + k)) * np.sin(math.pi * k * x + k) for k in (20, 47, 90))


def relative(network, values, spacing, origin):
    x = torch.tensor(origin + spacing * np.arange(len(values)), dtype=torch.float32)[:, None]
    with torch.no_grad():
        found = network(x)[:, 0].double().numpy()
    return float(np.linalg.norm(found - values) / np.linalg.norm(values))


@pytest.mark.parametrize("shape", [(24,), (8, 12), (6, 5, 4)])
def test_targets_joined_are_the_values(shape):
    """If every network hit its target, the field would be the data: any dimension, two channels, any place."""
    d = len(shape)
    values = np.random.default_rng(0).normal(size=(*shape, 2))
    shifts = ((0.0,) * d, (3.0,) * d, (9.0,) + (0.0,) * (d - 1))
    network = PhaseParallelConfig(shifts=shifts, **SMALL).build(d, 2, generator(0)).double()
    x, targets = band_targets(network, values, 0.2, -0.5, channels_last=True)
    assert targets.shape == (math.prod(shape), 3, 2, 2)
    torch.testing.assert_close(network.joined(targets, x).numpy().reshape(values.shape), values, rtol=0, atol=1e-12)
    sizes = targets.square().sum(-1).mean((0, 2))
    torch.testing.assert_close(sizes, torch.ones(3, dtype=torch.float64))


def test_values_are_the_sum_of_waves_times_networks():
    shifts = ((0.0, 0.0), (3.0, -1.0))
    network = PhaseParallelConfig(shifts=shifts, **SMALL).build(2, 3, generator(0)).double()
    network.amplitudes.copy_(torch.tensor([2.0, 0.5]))
    x = torch.rand(4, 5, 2, dtype=torch.float64, generator=generator(1))
    total = torch.zeros(4, 5, 3, dtype=torch.float64)
    for j, (shift, amplitude) in enumerate(zip(shifts, (2.0, 0.5), strict=True)):
        band = torch.view_as_complex(network.bands(x.reshape(-1, 2))[:, j].contiguous()).reshape(4, 5, 3)
        wave = torch.exp(1j * (x @ torch.tensor(shift, dtype=torch.float64)))[..., None]
        total += (amplitude * wave * band).real
    torch.testing.assert_close(network(x), total)


def test_high_frequencies_are_learned_long_before_a_plain_network_does():
    """Equal steps, the wave vectors out of the data; the plain network is larger, and it alone may choose its rate."""
    n, steps = 256, 150
    values = packets(n, 2 / n, -1.0)
    x = torch.tensor(-1 + np.arange(n) * 2 / n, dtype=torch.float32)[:, None]
    y = torch.tensor(values, dtype=torch.float32)[:, None]
    plain = MLPConfig(width=32, depth=3)
    rate = tuned_rate(plain, x, y, Setting(), rates=(3e-3, 1e-2, 3e-2), steps=steps // 3, schedule="cosine").rate
    network = Ensemble(plain, 1, 1, [0])
    missed = float(learn(network, x, y, steps=steps, rate=rate, schedule="cosine").sqrt() / y.square().mean().sqrt())

    shifts = dominant_shifts(values, 4, 2 / n, radius=5 * math.pi)
    config = PhaseParallelConfig(shifts=tuple(map(tuple, shifts.tolist())), **SMALL)
    assert sum(p.numel() for p in config.build(1, 1, generator(0)).parameters()) < network.parameters_of_one
    parallel = config.build(1, 1, generator(0))
    training = fit_bands(parallel, values, 2 / n, -1.0, steps=steps, rate=3e-2)
    first, last = (training.history[i]["bands"] for i in (0, -1))
    assert training.steps == steps
    # Nothing is around zero; the others come down.
    assert len(last) == 4
    assert all(after < 0.1 * before for before, after in zip(first[1:], last[1:], strict=True))
    assert missed > 0.5
    assert relative(parallel, values, 2 / n, -1.0) < missed / 20


def test_batches_repeat_and_learn_a_plane_with_channels():
    axis = -1 + np.arange(32) / 16
    r, c = np.meshgrid(axis, axis, indexing="ij")
    values = np.stack([np.cos(30 * r - 20 * c), 0.3 + 0 * r], -1)
    config = PhaseParallelConfig(shifts=((0.0, 0.0), (30.0, -20.0)), **SMALL)
    errors = []
    for _ in range(2):
        network = config.build(2, 2, generator(0))
        where = {"steps": 120, "rate": 2e-2, "batch": 256, "channels_last": True}
        history = fit_bands(network, values, 1 / 16, -1.0, **where).history
        errors.append([line["bands"] for line in history])
        assert list(history[-1]["losses"]) == ["band_0", "band_1"]
    assert errors[0] == errors[1]
    assert all(after < 0.3 * before for before, after in zip(errors[0][0], errors[0][-1], strict=True))


def test_bands_without_energy_stay_at_zero():
    network = PhaseParallelConfig(shifts=((0.0,), (40.0,)), **SMALL).build(1, 1, generator(0))
    training = fit_bands(network, np.zeros(16), 0.1, 0.0, steps=2)
    assert training.history[-1]["bands"] == [None, None]
    assert network.amplitudes.tolist() == [0.0, 0.0]
    assert not network(torch.rand(5, 1)).any()


def test_bad_settings_are_refused():
    network = PhaseParallelConfig(shifts=((0.0,), (40.0,)), **SMALL).build(1, 1, generator(0))
    with pytest.raises(UserError, match="grid has axes"):
        fit_bands(network, np.zeros((4, 4)), 0.1, 0.0)
    with pytest.raises(UserError, match="rate must be a positive number"):
        fit_bands(network, np.zeros(4), 0.1, 0.0, rate=0.0)
    with pytest.raises(UserError, match="Each of the shifts must have 2 numbers"):
        PhaseParallelConfig(shifts=((0.0,),)).build(2, 1, generator(0))
    back = pytest.warns(NfieldWarning, match="half the learning rate")
    with back, pytest.raises(RunError, match="for the third time"):
        fit_bands(network, np.ones(4), 0.1, 0.0, rate=1e30, steps=60)
