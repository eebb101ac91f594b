"""Precisions: what is computed in which type, and that the choice is measured and leaves no trace."""

import itertools

import pytest
import torch

from nfield.core.device import available_devices
from nfield.core.seeding import generator
from nfield.training import precision
from nfield.training.loop import fit
from nfield.training.optimizers import Updater
from nfield.training.settings import TrainingSettings


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16", "float64"])
def test_each_precision_learns_and_keeps_its_types(toys, name, device):
    if device == "mps" and name == "float64":
        pytest.skip("MPS has no float64")
    seen = set()

    class Watched(toys.Sine):
        def losses(self, field, batch):
            assert batch.dtype == field.first.dtype
            seen.add(torch.result_type(field(batch), torch.zeros(1, dtype=torch.bfloat16)))
            product = batch @ field.first.T
            seen.add(product.dtype)
            return super().losses(field, batch)

        def evaluate(self, field):
            assert not torch.is_autocast_enabled(device)
            return super().evaluate(field)

    field = toys.Toy()
    options = TrainingSettings(steps=150, precision=name, learning_rate=0.01, evaluations=2, clip=10.0)
    result = fit(field, Watched(), options, generator=generator(0), device=device)
    assert result.precision == name
    assert getattr(torch, name) in seen
    assert field.first.dtype == (torch.float64 if name == "float64" else torch.float32)
    assert field.offset.dtype == field.first.dtype
    assert result.history[-1]["psnr"] > result.history[0]["psnr"] + 6


def test_float16_leaves_out_steps_with_infinite_gradients_and_lowers_its_scale():
    parameter = torch.nn.Parameter(torch.ones(1))
    scaler = precision.loss_scaler("float16", torch.device("cpu"))
    groups = [{"name": "network", "params": [parameter], "rate": 1.0}]
    updater = Updater(groups, "adam", clip=1.0, scaler=scaler)
    terms, health = updater.step(lambda: {"loss": (parameter * 1e36).sum()}, 0.1)
    assert parameter.item() == 1.0
    assert health.item() == terms["loss"].item() == pytest.approx(1e36)
    lowered = updater.state_dict()["scaler"]["scale"]
    assert lowered == 0.5 * 65536
    updater.step(lambda: {"loss": 2 * parameter.sum()}, 0.1)
    assert parameter.item() == pytest.approx(0.9)
    assert parameter.grad.item() == pytest.approx(1.0)
    another = Updater(groups, "adam", scaler=precision.loss_scaler("float16", torch.device("cpu")))
    another.load_state_dict(updater.state_dict())
    assert another.state_dict()["scaler"]["scale"] == lowered


def test_float64_differs_from_float32_only_by_rounding(toys):
    fields = []
    for name in ("float32", "float64"):
        fields.append(toys.Toy())
        options = TrainingSettings(steps=3, precision=name, optimizer="muon")
        fit(fields[-1], toys.Sine(), options, generator=generator(0))
    for single, double in zip(fields[0].parameters(), fields[1].parameters(), strict=True):
        torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-3)
        assert not torch.equal(single.double(), double)


@pytest.mark.parametrize(
    ("plain", "low", "expected"), [(2.0, 1.0, "bfloat16"), (1.99, 1.0, "float32"), (1.0, 5.0, "float32")]
)
def test_bfloat16_is_chosen_only_for_a_clear_gain(monkeypatch, plain, low, expected):
    seconds = {"float32": plain, "bfloat16": low}
    monkeypatch.setattr(precision, "_product_gain", lambda device: 3.0)
    monkeypatch.setattr(precision, "_fastest", lambda step, device, patience: step())
    chosen = precision.choose_precision(torch.device("cpu"), lambda name: lambda: seconds[name])
    assert chosen == expected


def test_where_products_do_not_gain_no_step_is_tried(monkeypatch):
    def refuse(name):
        raise AssertionError("measured all the same")

    monkeypatch.setattr(precision, "_product_gain", lambda device: 1.9)
    assert precision.choose_precision(torch.device("cpu"), refuse) == "float32"
    monkeypatch.setattr(precision, "_product_gain", lambda device: 9.0)
    assert precision.choose_precision(torch.device("cpu"), None) == "float32"


def test_a_slow_first_step_is_not_repeated(monkeypatch):
    clock = itertools.count(step=10.0)
    monkeypatch.setattr(precision.time, "perf_counter", lambda: next(clock))
    calls = []
    step = lambda: calls.append(1)  # noqa: E731
    assert precision._fastest(step, torch.device("cpu"), patience=9.0) == 10.0
    assert len(calls) == 1
    assert precision._fastest(step, torch.device("cpu"), patience=11.0) == 10.0
    assert len(calls) == 2 + precision.TIMED_STEPS


@pytest.mark.parametrize("winner", ["float32", "bfloat16"])
def test_measuring_leaves_no_trace(toys, monkeypatch, winner):
    # Oracle: the same run with the winner named beforehand, bit for bit.
    measured = []

    def fastest(step, device, patience):
        step()
        step()
        measured.append(1)
        return 1.0 if (winner == "float32") == (len(measured) == 1) else 10.0

    monkeypatch.setattr(precision, "_product_gain", lambda device: 3.0)
    monkeypatch.setattr(precision, "_fastest", fastest)
    fields, results = [], []
    for name in ("auto", winner):
        fields.append(toys.Toy())
        # Time is no limit here, but has it measured.
        options = TrainingSettings(
            steps=5, seconds=3600.0, precision=name, ema=0.5, optimizer="muon", schedule="constant"
        )
        results.append(fit(fields[-1], toys.Sine(), options, generator=generator(0)))
    assert len(measured) == 2
    assert [result.precision for result in results] == [winner, winner]
    for one, other in zip(fields[0].parameters(), fields[1].parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("device", available_devices())
def test_auto_measures_on_this_machine(toys, device):
    limited = TrainingSettings(steps=2, seconds=3600.0)
    result = fit(toys.Toy(), toys.Sine(), limited, generator=generator(0), device=device)
    assert result.precision in ("float32", "bfloat16")
    limited = TrainingSettings(steps=2, seconds=3600.0, optimizer="lbfgs")
    result = fit(toys.Toy(), toys.Sine(), limited, generator=generator(0))
    assert result.precision == "float32"


def test_runs_of_so_many_steps_repeat_whatever_the_clock_says(toys, monkeypatch):
    def refuse(device):
        raise AssertionError("measured all the same")

    monkeypatch.setattr(precision, "_product_gain", refuse)
    result = fit(toys.Toy(), toys.Sine(), TrainingSettings(steps=2), generator=generator(0))
    assert result.precision == "float32"
