"""Runs that are killed, interrupted or damaged, and taken up again."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.io.run_folder import NfieldWarning, RunFolder
from nfield.training.loop import deferred_interrupt, fit
from nfield.training.settings import TrainingSettings


def options(**changes):
    return TrainingSettings(
        **{"steps": 24, "precision": "float32", "learning_rate": 0.01, "ema": 0.8, "evaluations": 6, **changes}
    )


def train(toys, path, settings=None, task=None, **arguments):
    folder = RunFolder.create(path, resume=True)
    field = toys.Toy()
    try:
        result = fit(
            field,
            task or toys.Sine(),
            settings or options(),
            generator=generator(1, "batches"),
            folder=folder,
            resume=True,
            **arguments,
        )
    finally:
        folder.lock.release()
    return field, result, folder


def same(one, other):
    (field, result, folder), (field2, result2, folder2) = one, other
    for a, b in zip(field.parameters(), field2.parameters(), strict=True):
        assert torch.equal(a, b)
    drop = [[{k: v for k, v in line.items() if k != "seconds"} for line in r.history] for r in (result, result2)]
    assert drop[0] == drop[1]
    pictures = [[path.name for _, path in f.list_snapshots("field")] for f in (folder, folder2)]
    assert pictures[0] == pictures[1]
    name = "field-00000024.safetensors"
    assert (folder.checkpoints / name).read_bytes() == (folder2.checkpoints / name).read_bytes()


def at_batch(number, action):
    """A factor of one on the loss, with `action` at one call."""
    calls = iter(range(1, 10**9))

    def on_batch(batch):
        if next(calls) == number:
            action()
        return 1.0

    return on_batch


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_a_run_goes_on_as_if_it_had_not_been():
    # Oracle: the unbroken run, bit for bit: weights file, history (times aside), snapshots.
    script = Path(__file__).with_name("killed_runs.py")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report) == 10
    for name, case in report.items():
        assert case["lives"] == 8, name
        assert case["killed"] == case["unbroken"], name
        assert case["unbroken"]["left over"] == []
        assert case["unbroken"]["failures"] == (1 if "not-finite" in name else 0), name


@pytest.mark.parametrize("step", [1, 7, 24])
def test_an_interrupted_run_is_saved_and_goes_on_exactly(toys, tmp_path, step):
    expected = train(toys, tmp_path / "unbroken")
    task = toys.Sine(on_batch=at_batch(step, lambda: signal.raise_signal(signal.SIGINT)))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", task=task)
    assert signal.getsignal(signal.SIGINT) is before
    folder = RunFolder(tmp_path / "run")
    assert folder.load_checkpoint("field").step == step
    same(train(toys, tmp_path / "run"), expected)


def test_the_state_to_fall_back_to_outlives_an_interrupt(toys, tmp_path):
    # Evaluations are at 0, 1, 2, 5, 11 and 24: a NaN at step 15 leads back to 11, before the interrupt.
    def factor(nan, interrupt=None):
        calls = iter(range(1, 10**9))

        def on_batch(batch):
            call = next(calls)
            if call == interrupt:
                signal.raise_signal(signal.SIGINT)
            return math.nan if call == nan else 1.0

        return toys.Sine(on_batch=on_batch)

    with pytest.warns(NfieldWarning, match="at step 15: going back to step 11"):
        expected = train(toys, tmp_path / "unbroken", task=factor(nan=15))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", task=factor(nan=None, interrupt=13))
    with pytest.warns(NfieldWarning, match="at step 15: going back to step 11"):
        same(train(toys, tmp_path / "run", task=factor(nan=2)), expected)


def test_a_second_interrupt_while_saving_leaves_the_older_checkpoint(toys, tmp_path, monkeypatch):
    expected = train(toys, tmp_path / "unbroken")
    task = toys.Sine(on_batch=at_batch(9, lambda: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", task=task)
    replace = os.replace

    def interrupted(source, target):
        signal.raise_signal(signal.SIGINT)
        replace(source, target)

    def interrupt_now():
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(os, "replace", interrupted)

    task = toys.Sine(on_batch=at_batch(3, interrupt_now))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", task=task)
    monkeypatch.undo()
    folder = RunFolder(tmp_path / "run")
    assert not list(folder.path.rglob("*temporary*"))
    assert folder.load_checkpoint("field").step == 9
    same(train(toys, tmp_path / "run"), expected)


def test_a_second_interrupt_is_not_held_back():
    with deferred_interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_other_threads_can_train_too(toys, tmp_path):
    expected = train(toys, tmp_path / "main")
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(train(toys, tmp_path / "thread")))
    thread.start()
    thread.join()
    same(outcome[0], expected)


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
@pytest.mark.parametrize("count", [1, 2])
def test_damaged_checkpoints_are_passed_over(toys, tmp_path, damage, count):
    expected = train(toys, tmp_path / "unbroken")
    task = toys.Sine(on_batch=at_batch(9, lambda: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", options(checkpoint_seconds=0.0), task)
    paths = sorted((tmp_path / "run" / "checkpoint").glob("*.state.pt"))
    assert [path.name for path in paths] == ["field-00000008.state.pt", "field-00000009.state.pt"]
    for path in paths[-count:]:
        content = path.read_bytes()
        if damage == "truncate":
            path.write_bytes(content[: len(content) // 2])
        elif damage == "flip":
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        else:
            path.unlink()
    with warnings.catch_warnings(record=True, category=NfieldWarning) as caught:
        warnings.simplefilter("always", NfieldWarning)
        resumed = train(toys, tmp_path / "run")
    told = [str(one.message) for one in caught]
    # What cannot be taken up at all is told as such.
    assert [text for text in told if "damaged" not in text] == (
        ["No training state of 'field' is intact: it starts anew."] if count == 2 else []
    )
    assert len([text for text in told if "damaged" in text]) == (0 if damage == "remove" else count)
    same(resumed, expected)


def test_a_finished_run_is_returned_at_once(toys, tmp_path):
    first = train(toys, tmp_path / "run")
    task = toys.Sine(on_batch=at_batch(1, lambda: pytest.fail("trained again")))
    second = train(toys, tmp_path / "run", task=task)
    assert task.evaluated == 0
    same(first, second)
    assert second[1].finished
    assert second[1].seconds == first[1].seconds
    assert second[1].elapsed_seconds == second[2].load_checkpoint("field").state["training"]["counters"]["elapsed"]


def test_a_finished_run_goes_on_with_more_steps(toys, tmp_path):
    settings = {"schedule": "constant", "evaluations": 2}
    train(toys, tmp_path / "run", options(steps=10, **settings))
    resumed = train(toys, tmp_path / "run", options(**settings))
    assert [line["step"] for line in resumed[1].history] == [0, 10, 24]
    expected = train(toys, tmp_path / "unbroken", options(**settings))
    for a, b in zip(resumed[0].parameters(), expected[0].parameters(), strict=True):
        assert torch.equal(a, b)


def test_other_settings_are_refused(toys, tmp_path):
    train(toys, tmp_path / "run")
    for changes, message in (
        ({"optimizer": "muon"}, "optimizer = adam, and cannot be resumed with muon"),
        ({"learning_rate": 0.5}, "learning_rate = 0.01"),
        ({"ema": 0.0}, "ema"),
        ({"precision": "float64"}, "precision"),
    ):
        with pytest.raises(UserError, match=message):
            train(toys, tmp_path / "run", options(**changes))


def test_resuming_needs_a_folder(toys):
    with pytest.raises(UserError, match="nothing to resume"):
        fit(toys.Toy(), toys.Sine(), options(), generator=generator(0), resume=True)


def test_two_runs_share_a_folder(toys, tmp_path):
    field = train(toys, tmp_path / "run")
    task = toys.Sine(on_batch=at_batch(5, lambda: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", task=task, run="baseline")
    again = train(toys, tmp_path / "run")
    same(field, again)
    _, result, folder = train(toys, tmp_path / "run", run="baseline")
    assert folder.read_history("field") == field[1].history
    assert folder.read_history("baseline") == result.history
    assert len(folder.list_snapshots("baseline")) == len(folder.list_snapshots("field")) == len(result.history)


def test_what_changes_over_the_run_goes_on_where_it_was(toys, tmp_path):
    """A loss that depends on the share of the run that is done, interrupted and taken up."""

    class Fading(toys.Sine):
        def begin_step(self, fraction):
            self.heard = fraction

        def losses(self, field, batch):
            return {"mse": super().losses(field, batch)["mse"] * (1 - self.heard)}

    expected = train(toys, tmp_path / "unbroken", task=Fading())
    task = Fading(on_batch=at_batch(11, lambda: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", task=task)
    assert task.heard == pytest.approx(10 / 24)
    same(train(toys, tmp_path / "run", task=Fading()), expected)


def test_without_any_checkpoint_a_killed_run_starts_anew(toys, tmp_path):
    expected = train(toys, tmp_path / "unbroken")

    def stop():
        raise MemoryError

    with pytest.raises(MemoryError):
        train(toys, tmp_path / "run", task=toys.Sine(on_batch=at_batch(9, stop)))
    folder = RunFolder(tmp_path / "run")
    assert folder.read_history()
    folder.save_snapshot("field", 9999, torch.zeros(1, 1, dtype=torch.uint8).numpy())
    resumed = train(toys, tmp_path / "run")
    same(resumed, expected)
    assert len(folder.list_snapshots("field")) == len(resumed[1].history)


def test_a_time_budget_counts_on_after_a_resume(toys, tmp_path):
    settings = options(steps=None, seconds=1000.0)
    task = toys.Sine(on_batch=at_batch(5, lambda: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        train(toys, tmp_path / "run", settings, task)
    folder = RunFolder(tmp_path / "run")
    checkpoint = folder.load_checkpoint("field")
    checkpoint.state["training"]["counters"]["elapsed"] = 999.99
    folder.save_checkpoint("field", 5, weights=folder.load_weights()[1], state=checkpoint.state)
    _, result, _ = train(toys, tmp_path / "run", settings)
    assert result.finished
    assert result.elapsed_seconds >= 999.99
    assert result.history[-1]["step"] == result.steps >= 5
