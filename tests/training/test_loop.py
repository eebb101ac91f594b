"""The loop: stops, history, moving average, rollback, and what comes out."""

import json
import math
import time

import pytest
import torch

from nfield.core.checks import RunError
from nfield.core.device import available_devices
from nfield.core.seeding import generator
from nfield.io.run_folder import NfieldWarning, RunFolder
from nfield.training import session
from nfield.training.evaluation_plan import evaluation_steps
from nfield.training.loop import fit
from nfield.training.optimizers import Updater
from nfield.training.progress import SilentProgress
from nfield.training.settings import TrainingSettings
from nfield.training.state import TrainingState
from nfield.training.task import Task, move


def options(**changes):
    return TrainingSettings(**{"steps": 30, "precision": "float32", "learning_rate": 0.01, **changes})


def train(toys, settings, task=None, **arguments):
    field = arguments.pop("field", None) or toys.Toy()
    result = fit(field, task or toys.Sine(), settings, generator=generator(1, "batches"), **arguments)
    return field, result


def without_time(history):
    return [{key: value for key, value in line.items() if key != "seconds"} for line in history]


@pytest.mark.parametrize("device", available_devices())
def test_history_holds_what_was_measured_and_stands_in_the_folder(toys, tmp_path, device):
    folder = RunFolder.create(tmp_path / "run")
    task = toys.Sine()
    field, result = train(toys, options(evaluations=6), task, folder=folder, run="baseline", device=device)
    assert result.history == folder.read_history("baseline") == folder.read_history()
    assert [line["step"] for line in result.history] == evaluation_steps(30, 6)
    first, last = result.history[0], result.history[-1]
    assert list(last) == ["run", "step", "seconds", "loss", "losses", "psnr", "bands", "learning_rate", "numbers"]
    assert first["loss"] is None
    assert first["losses"] == {}
    assert first["learning_rate"] == 0.01
    assert last["run"] == "baseline"
    assert last["loss"] == last["losses"]["mse"] > 0
    assert last["bands"] == [last["numbers"]["mse"], None]
    with torch.no_grad():
        assert task.evaluate(field.eval()).quality == last["psnr"]
    assert [step for step, _ in folder.list_snapshots("baseline")] == evaluation_steps(30, 6)
    step, weights = folder.load_weights("baseline")
    assert step == 30
    for name, value in field.state_dict().items():
        assert torch.equal(weights[name], value.cpu())
    assert (result.steps, result.finished, result.precision) == (30, True, "float32")
    seconds = [line["seconds"] for line in result.history]
    assert seconds == sorted(seconds)
    assert result.seconds >= seconds[-1]
    assert result.elapsed_seconds >= result.seconds + result.diagnostics_seconds


def test_runs_of_steps_repeat_bit_for_bit(toys):
    one, first = train(toys, options(optimizer="muon"))
    two, second = train(toys, options(optimizer="muon"))
    assert without_time(first.history) == without_time(second.history)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_evaluations_change_nothing_in_the_course_of_training(toys):
    one, _ = train(toys, options(evaluations=2, ema=0.9))
    two, _ = train(toys, options(evaluations=30, ema=0.9))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_rate_follows_schedule_and_warmup(toys):
    _, result = train(toys, options(steps=8, warmup_steps=4, final_rate=0.0, evaluations=100))
    # The rate of a line is that of the step before it; the first line has the one to come.
    expected = [0.01 * min(1, (s + 1) / 4) * 0.5 * (1 + math.cos(math.pi * s / 8)) for s in range(8)]
    assert [line["learning_rate"] for line in result.history] == pytest.approx([expected[0], *expected])


def test_no_steps_only_evaluate(toys):
    field, result = train(toys, options(steps=0))
    assert [line["step"] for line in result.history] == [0]
    for a, b in zip(field.parameters(), toys.Toy().parameters(), strict=True):
        assert torch.equal(a, b)


def test_stops_at_the_target_quality(toys):
    _, full = train(toys, options(steps=200, evaluations=20))
    target = full.history[-5]["psnr"]
    first = next(line for line in full.history if line["psnr"] >= target)
    _, result = train(toys, options(steps=200, evaluations=20, target_quality=target))
    assert without_time(result.history)[-1] == {k: v for k, v in first.items() if k != "seconds"}
    assert result.steps == first["step"] < 200
    assert result.finished


def test_stops_at_the_end_of_the_time_budget(toys):
    fractions = []

    class Watch:
        def start(self, run): ...

        def update(self, *, step, fraction, loss, quality):
            fractions.append(fraction)

        def warn(self, text): ...

        def info(self, text): ...

        def finish(self): ...

    _, result = train(toys, options(steps=None, seconds=0.3, evaluations=5), progress=Watch())
    assert result.finished
    assert result.steps > 0
    assert fractions[-1] == 1.0
    assert result.history[-1]["step"] == result.steps
    assert 2 <= len(result.history) <= 6
    assert result.history[-1]["learning_rate"] < 0.01


def test_the_last_evaluation_is_kept_within_the_budget(toys, monkeypatch):
    # Of 10 seconds 2 are set aside for it: 4 seconds are half of the way.
    training = session.TrainingSession(
        toys.Toy(),
        toys.Sine(),
        options(steps=None, seconds=10.0),
        generator(1),
        "field",
        None,
        SilentProgress(),
        None,
        None,
    )
    training.begin()
    monkeypatch.setattr(training, "elapsed", lambda: 4.0)
    for evaluation_seconds, expected in ((2.0, 0.5), (0.0, 0.4), (100.0, 0.8)):
        training.state.counters.evaluation_seconds = evaluation_seconds
        assert training.fraction() == pytest.approx(expected)


def test_a_budget_that_setting_up_has_used_up_still_gives_a_result(toys):
    started = time.perf_counter() - 100.0
    _, result = train(toys, options(steps=None, seconds=50.0), started=started)
    assert result.steps == 0
    assert len(result.history) == 1
    assert result.elapsed_seconds > 100


def test_whichever_of_steps_and_seconds_comes_first(toys):
    _, result = train(toys, options(steps=10, seconds=1000.0))
    assert result.steps == 10
    _, result = train(toys, options(steps=10**9, seconds=0.2))
    assert 0 < result.steps < 10**9
    assert result.history[-1]["step"] == result.steps


def test_the_moving_average_is_evaluated_saved_and_left_in_the_field(toys, tmp_path):
    plain, _ = train(toys, options(steps=3))
    folder = RunFolder.create(tmp_path / "run")
    field, result = train(toys, options(steps=3, ema=0.999), folder=folder)
    # Oracle: the weights after each step from plain runs of 1 to 3 steps of a constant schedule.
    trail = [toys.Toy()]
    for steps in (1, 2, 3):
        trail.append(train(toys, options(steps=steps, schedule="constant"))[0])
    averaged, _ = train(toys, options(steps=3, schedule="constant", ema=0.999))
    expected = trail[0].hidden.detach().double()
    for step in (1, 2, 3):
        decay = (1 + step) / (10 + step)
        expected = decay * expected + (1 - decay) * trail[step].hidden.detach().double()
    torch.testing.assert_close(averaged.hidden.detach().double(), expected, rtol=0, atol=1e-6)
    assert not torch.equal(plain.hidden, field.hidden)
    assert torch.equal(folder.load_weights()[1]["hidden"], field.hidden)
    with torch.no_grad():
        assert toys.Sine().evaluate(field.eval()).quality == result.history[-1]["psnr"]


def injected(bad):
    """A factor on the loss that is NaN for the given batches, counted from 0."""
    batches = []

    def factor(batch):
        if not batches or not torch.equal(batch, batches[-1]):
            batches.append(batch.clone())
        return math.nan if len(batches) - 1 in bad else 1.0

    return factor


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_non_finite_loss_rolls_back_and_halves_the_rate(toys, optimizer):
    settings = options(steps=20, evaluations=100, schedule="constant", ema=0.5, optimizer=optimizer)
    with pytest.warns(NfieldWarning, match="going back to step") as caught:
        field, result = train(toys, settings, toys.Sine(on_batch=injected({12})))
    assert len(caught) == 1
    assert all(torch.isfinite(p).all() for p in field.parameters())
    assert result.steps == 20
    assert [line["step"] for line in result.history] == evaluation_steps(20, 100)
    rates = [line["learning_rate"] for line in result.history]
    assert rates[0] == 0.01
    assert rates[-1] == 0.005
    assert all(line["loss"] is None or math.isfinite(line["loss"]) for line in result.history)


@pytest.mark.parametrize("optimizer", ["adam", "muon", "lbfgs"])
def test_the_state_after_a_rollback_is_the_last_good_one(toys, optimizer):
    field = toys.Toy()
    updater = Updater(field.parameter_groups(), optimizer)
    state = TrainingState(field, updater, None)

    def step(seed):
        x = torch.rand(8, 1, generator=generator(seed))
        updater.step(lambda: {"mse": (field(x) - x).square().mean()}, 0.01)
        return [p.detach().clone() for p in field.parameters()]

    step(0)
    state.counters.step = 1
    state.mark_good()
    expected = [step(seed) for seed in (1, 2)]
    state.counters.step = 3
    for _ in range(2):
        state.roll_back()
        assert state.counters.step == 1
        for seed, weights in zip((1, 2), expected, strict=True):
            for a, b in zip(step(seed), weights, strict=True):
                assert torch.equal(a, b)


def test_gives_up_after_three_times(toys):
    rates = []

    def poisoned(batch):
        rates.append(1)
        return math.nan

    with pytest.raises(RunError, match="for the third time, at step 1"), pytest.warns(NfieldWarning) as caught:
        train(toys, options(), toys.Sine(on_batch=poisoned))
    assert len(caught) == 2
    assert len(rates) == 3


def test_devices_that_run_ahead_are_checked_now_and_then(toys, monkeypatch):
    # The rarer checks of an accelerator, forced here: NaN weights never reach an evaluation.
    monkeypatch.setattr(session, "ACCELERATOR_CHECK_STEPS", 4)
    settings = options(steps=30, evaluations=4)
    field = toys.Toy()
    training = session.TrainingSession(
        field,
        toys.Sine(on_batch=injected({11})),
        settings,
        generator(1),
        "field",
        None,
        SilentProgress(),
        None,
        None,
    )
    training.begin()
    training.device = torch.device("meta")
    training._batch = lambda source: training.task.batch(source)
    monkeypatch.setattr(session, "autocast", lambda precision, device: session.nullcontext())
    checked, warned = [], 0
    while (fraction := training.fraction()) < 1:
        training.step(fraction)
        if training.check_due():
            checked.append(training.state.counters.step)
            if not training.is_healthy():
                with pytest.warns(NfieldWarning):
                    training.roll_back()
                warned += 1
                continue
        training.after_step()
    training.finish()
    assert warned == 1
    assert checked[:6] == [1, 4, 5, 8, 12, 8]
    assert all(line["psnr"] is not None for line in training.history)
    assert len(training.history) == 4


def test_the_good_state_is_renewed_between_far_evaluations(toys, monkeypatch):
    monkeypatch.setattr(session, "GOOD_STATE_STEPS", 5)
    with pytest.warns(NfieldWarning, match="at step 19: going back to step 16"):
        train(toys, options(steps=30, evaluations=3), toys.Sine(on_batch=injected({18})))


def test_infinite_quality_is_null_in_the_history_and_reaches_any_target(toys, tmp_path):
    class Perfect(toys.Sine):
        def evaluate(self, field):
            evaluation = super().evaluate(field)
            return type(evaluation)(quality=math.inf, band_errors=[math.nan], numbers={"a": math.inf})

    folder = RunFolder.create(tmp_path / "run")
    _, result = train(toys, options(target_quality=1e9), Perfect(), folder=folder)
    assert result.steps == 0
    assert result.history[0]["psnr"] is None
    assert result.history[0]["bands"] == [None]
    assert json.loads(folder.history_path.read_text()) == result.history[0]


def test_several_loss_terms_are_summed_and_listed(toys):
    matrix, vector = torch.ones(2, 2), torch.ones(3)
    field = toys.Parameters(torch.zeros(2, 2), torch.zeros(3))
    _, result = train(toys, options(steps=1), toys.Distance(matrix, vector), field=field)
    assert result.history[-1]["losses"] == {"matrix": 2.0, "vector": 3.0}
    assert result.history[-1]["loss"] == 5.0


def test_batches_of_any_nesting_are_moved():
    from collections import namedtuple

    Pair = namedtuple("Pair", ["a", "b"])
    batch = {"a": [torch.zeros(2, dtype=torch.float16)], "b": (torch.zeros(1, dtype=torch.int32), None, "x")}
    moved = move(Pair(batch, 3), torch.device("cpu"), torch.float64)
    assert isinstance(moved, Pair)
    assert moved.a["a"][0].dtype == torch.float64
    assert moved.a["b"][0].dtype == torch.int32
    assert moved.a["b"][1:] == (None, "x")
    assert moved.b == 3


def test_toy_tasks_are_tasks(toys):
    assert isinstance(toys.Sine(), Task)
