"""The run folder: round trips, what is refused, and what damage and killed writers may do."""

import builtins
import errno
import json
import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.checks import RunError, UserError
from nfield.io import atomic
from nfield.io.lock import is_locked
from nfield.io.run_folder import NfieldWarning, RunFolder


def created(path: Path, *, resume: bool = False) -> RunFolder:
    """A run's folder whose writer has ended."""
    folder = RunFolder.create(path, resume=resume)
    folder.lock.release()
    return folder


def weights(value):
    return {"layer.weight": torch.full((3, 2), float(value)), "flag": torch.tensor(value > 1), "none": torch.zeros(0)}


def state(value):
    return {"step": value, "list": [torch.tensor(value)], "nested": {0: (0.9, None, "text")}}


@pytest.fixture
def folder(tmp_path):
    return created(tmp_path / "run")


# Atomic writing ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    old=st.none() | st.binary(max_size=20),
    new=st.binary(max_size=20),
    place=st.sampled_from(["open", "write", "fsync", "replace"]),
    failure=st.sampled_from([errno.ENOSPC, errno.EACCES, errno.EIO, errno.EROFS, "interrupt"]),
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path_factory, old, new, place, failure):
    target = tmp_path_factory.mktemp("atomic") / "file.bin"
    if old is not None:
        target.write_bytes(old)

    def fail(*_):
        raise KeyboardInterrupt if failure == "interrupt" else OSError(failure, os.strerror(failure))

    class FullDisk:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            self.file.write(data[: len(data) // 2])
            fail()

    original = builtins.open

    def opened(path, mode):
        file = original(path, mode)
        return FullDisk(file) if place == "write" and mode == "wb" else file

    with pytest.MonkeyPatch.context() as patch:
        if place == "open":
            patch.setattr(atomic, "open", fail, raising=False)
        elif place == "write":
            patch.setattr(atomic, "open", opened, raising=False)
        else:
            patch.setattr(os, place, fail)
        expected = {"interrupt": KeyboardInterrupt, errno.EIO: RunError}.get(failure, UserError)
        with pytest.raises(expected) as caught:
            atomic.write_bytes(target, new)
    if failure != "interrupt":
        assert str(target) in str(caught.value)
    assert [path.name for path in target.parent.iterdir()] == ([] if old is None else ["file.bin"])
    if old is not None:
        assert target.read_bytes() == old


def test_errors_say_what_is_wrong_with_the_target(tmp_path):
    with pytest.raises(UserError, match="folder does not exist"):
        atomic.write_text(tmp_path / "missing" / "file.txt", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="not a folder"):
        atomic.write_text(tmp_path / "file" / "file.txt", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        atomic.write_text(tmp_path / "folder", "x")
    error = atomic.writing_error("a.png", OSError(errno.ENOSPC, "no space"))
    assert str(error) == "Cannot write 'a.png': the disk is full. Choose another place, or make room there."
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_temporary_files_keep_the_suffix_and_vanish(tmp_path):
    with atomic.replacing(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.write_bytes(b"content")
        assert not (tmp_path / "picture.png").exists()
    assert (tmp_path / "picture.png").read_bytes() == b"content"
    assert len(list(tmp_path.iterdir())) == 1


def test_json_has_no_infinities(tmp_path):
    atomic.write_json(tmp_path / "a.json", {"a": math.inf, "b": [math.nan, 1.5], "c": None})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": [None, 1.5], "c": None}


# Creating and opening ---------------------------------------------------------------------------------


def test_a_new_run_may_use_missing_and_empty_folders(tmp_path):
    folder = created(tmp_path / "a" / "b")
    assert folder.checkpoints.is_dir()
    assert folder.snapshots.is_dir()
    assert not folder.holds_run
    # Killed before its config was written: nothing is lost by beginning anew.
    created(tmp_path / "a" / "b")


def test_another_run_is_never_overwritten(folder):
    folder.write_config({"seed": 1})
    with pytest.raises(UserError, match="already holds a run"):
        created(folder.path)
    again = created(folder.path, resume=True)
    assert again.read_config() == {"seed": 1}
    folder.config_path.unlink()
    folder.history_path.write_text("")
    with pytest.raises(UserError, match="already holds a run"):
        created(folder.path)


@pytest.mark.parametrize("resume", [False, True])
def test_foreign_files_are_refused(tmp_path, resume):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match=r"thesis\.tex"):
        created(tmp_path, resume=resume)
    with pytest.raises(UserError, match="is a file"):
        created(tmp_path / "thesis.tex", resume=resume)
    with pytest.raises(UserError, match="not a folder"):
        created(tmp_path / "thesis.tex" / "run", resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_notes_beside_a_run_do_not_stop_it(folder):
    folder.write_config({})
    (folder.path / "notes.txt").write_text("mine")
    created(folder.path, resume=True)
    assert (folder.path / "notes.txt").read_text() == "mine"


def test_leftovers_of_killed_writers_are_removed(folder):
    folder.write_config({})
    left = folder.checkpoints / f".field-00000001{atomic.TEMPORARY_MARK}-1-2.safetensors"
    left.write_bytes(b"half")
    created(folder.path, resume=True)
    assert not left.exists()


def test_open_needs_a_run(tmp_path, folder):
    with pytest.raises(UserError, match="not a folder"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no config\.json"):
        RunFolder.open(folder.path)
    folder.write_config({"a": [1, 2]})
    assert RunFolder.open(folder.path).read_config() == {"a": [1, 2]}


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\xff"])
def test_damaged_files_are_named(folder, text):
    folder.config_path.write_text(text)
    with pytest.raises(UserError, match=r"config\.json' is damaged"):
        folder.read_config()
    folder.checkpoints.mkdir(exist_ok=True)
    folder.write_config({"seed": 3})
    folder.config_path.write_text(text)
    with pytest.warns(NfieldWarning, match="Its copy in checkpoint/ is used"):
        assert folder.read_config() == {"seed": 3}


def test_metrics_round_trip(folder):
    assert folder.read_metrics() is None
    folder.write_metrics({"psnr": 31.25, "baseline": None})
    assert folder.read_metrics() == {"psnr": 31.25, "baseline": None}
    with pytest.raises(UserError, match="Cannot read"):
        folder.read_config()


# History ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_a_torn_last_line_is_dropped_and_written_over(tmp_path_factory, data):
    folder = RunFolder(tmp_path_factory.mktemp("history"))
    values = data.draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4))
    for value in values:
        folder.append_history({"run": "field", "loss": value})
    content = folder.history_path.read_bytes()
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    cut = data.draw(st.integers(last, len(content) - 1))
    folder.history_path.write_bytes(content[:cut])
    assert [line["loss"] for line in folder.read_history()] == values[:-1]
    folder.append_history({"run": "field", "loss": 7.0})
    assert [line["loss"] for line in folder.read_history()] == [*values[:-1], 7.0]


def test_histories_of_two_runs_are_truncated_apart(folder):
    assert folder.read_history() == []
    assert folder.truncate_history("field", 0) == []
    for step in range(3):
        folder.append_history({"run": "field", "step": step, "psnr": math.inf})
        folder.append_history({"run": "baseline", "step": step})
    kept = folder.truncate_history("field", 1)
    assert kept == [{"run": "field", "step": 0, "psnr": None}]
    assert folder.read_history("field") == kept
    assert [line["step"] for line in folder.read_history("baseline")] == [0, 1, 2]
    with pytest.warns(NfieldWarning, match="lost 1 of 2 lines of 'field'"):
        assert len(folder.truncate_history("field", 2)) == 1


def test_damage_within_the_history_is_named_by_line(folder):
    folder.history_path.write_text('{"run": "field"}\nnonsense\n{"run": "field"}\n')
    with pytest.warns(NfieldWarning, match="line 2: 1 line"):
        assert len(folder.read_history()) == 2


def test_an_unwritable_history_is_the_users_matter(folder):
    folder.history_path.mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        folder.append_history({})


# Snapshots --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 1), (5, 4, 3)])
def test_snapshots_come_back_as_they_were(folder, shape):
    from PIL import Image

    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path = folder.save_snapshot("field", 12, picture)
    assert path.name == "field-00000012.png"
    with Image.open(path) as image:
        np.testing.assert_array_equal(np.asarray(image), picture.squeeze())


def test_snapshots_are_listed_and_removed_by_run_and_step(folder):
    picture = np.zeros((1, 1), dtype=np.uint8)
    for run, step in (("field", 100), ("field", 3), ("baseline", 50), ("field-b", 70)):
        folder.save_snapshot(run, step, picture)
    assert [step for step, _ in folder.list_snapshots("field")] == [3, 100]
    folder.remove_snapshots("field", after_step=3)
    assert [step for step, _ in folder.list_snapshots("field")] == [3]
    assert [step for step, _ in folder.list_snapshots("baseline")] == [50]


# Checkpoints ------------------------------------------------------------------------------------------


def test_checkpoints_round_trip_and_the_newest_two_stay(folder):
    assert folder.load_checkpoint("field") is None
    for step in (1, 20, 300):
        folder.save_checkpoint("field", step, weights=weights(step), state=state(step))
    folder.save_checkpoint("baseline", 5, weights=weights(5), state=state(5))
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == [
        "baseline-00000005.safetensors",
        "baseline-00000005.state.pt",
        "field-00000020.safetensors",
        "field-00000020.state.pt",
        "field-00000300.safetensors",
        "field-00000300.state.pt",
    ]
    checkpoint = folder.load_checkpoint("field")
    assert checkpoint.step == 300
    assert checkpoint.state == state(300)
    step, loaded = folder.load_weights("field")
    assert step == 300
    assert loaded.keys() == weights(300).keys()
    for name, value in weights(300).items():
        torch.testing.assert_close(loaded[name], value, rtol=0, atol=0)


def test_equal_checkpoints_are_equal_files(folder):
    contents = set()
    for _ in range(5):
        folder.save_checkpoint("field", 1, weights=weights(1), state=state(1))
        contents.add((folder.checkpoints / "field-00000001.safetensors").read_bytes())
    assert len(contents) == 1


def test_tied_weights_and_views_can_be_saved(folder):
    shared = torch.arange(12.0).reshape(3, 4)
    folder.save_checkpoint("field", 1, weights={"a": shared, "b": shared, "c": shared.T[1:]}, state={})
    _, loaded = folder.load_weights()
    assert torch.equal(loaded["b"], shared)
    assert torch.equal(loaded["c"], shared.T[1:])


def test_a_given_up_course_of_training_leaves_no_later_checkpoints(folder):
    for step in (100, 200, 150):
        folder.save_checkpoint("field", step, weights=weights(step), state=state(step))
    assert folder.load_checkpoint("field").step == 150
    assert folder.load_weights()[0] == 150


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_any_damage_is_noticed_and_the_older_checkpoint_is_used(tmp_path_factory, data):
    folder = created(tmp_path_factory.mktemp("damage") / "run")
    for step in (1, 2):
        folder.save_checkpoint("field", step, weights=weights(step), state=state(step))
    for suffix in (".state.pt", ".safetensors"):
        path = folder.checkpoints / f"field-00000002{suffix}"
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content = content[:place]
        elif suffix == ".safetensors" and place < 8 + int.from_bytes(content[:8], "little"):
            # A flipped space of the header's padding changes nothing; an unreadable header does.
            content[8] ^= 0xFF
        else:
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
    with pytest.warns(NfieldWarning, match=r"field-00000002.state.pt' is damaged"):
        assert folder.load_checkpoint("field").step == 1
    with pytest.warns(NfieldWarning, match=r"field-00000002.safetensors' is damaged"):
        step, loaded = folder.load_weights("field")
    assert step == 1
    assert torch.equal(loaded["layer.weight"], weights(1)["layer.weight"])


def test_without_an_intact_checkpoint_weights_cannot_be_had(folder):
    folder.save_checkpoint("field", 1, weights=weights(1), state=state(1))
    for path in folder.checkpoints.iterdir():
        path.write_bytes(b"")
    with pytest.warns(NfieldWarning):
        assert folder.load_checkpoint("field") is None
    with pytest.warns(NfieldWarning), pytest.raises(UserError, match="no intact checkpoint"):
        folder.load_weights()


def test_a_checkpoint_that_cannot_be_read_is_passed_over(folder):
    folder.save_checkpoint("field", 1, weights=weights(1), state=state(1))
    for suffix in (".state.pt", ".safetensors"):
        (folder.checkpoints / f"field-00000002{suffix}").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert folder.load_checkpoint("field").step == 1
        assert folder.load_weights()[0] == 1
    assert len(caught) == 2


# One writer -------------------------------------------------------------------------------------------


def test_a_folder_has_one_writer_at_a_time(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path / "run")
    with pytest.raises(UserError, match="Another process is writing the run"):
        RunFolder.create(tmp_path / "run", resume=True)
    assert is_locked(tmp_path / "run")
    first.lock.release()
    assert not is_locked(tmp_path / "run")
    RunFolder.create(tmp_path / "run", resume=True).lock.release()
    assert not is_locked(tmp_path / "nowhere")


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom nfield.io.run_folder import RunFolder\n"
        "folder = RunFolder.create(sys.argv[1])\nprint('held', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert is_locked(tmp_path / "run")
        with pytest.raises(UserError, match="Another process"):
            RunFolder.create(tmp_path / "run", resume=True)
        process.kill()
    RunFolder.create(tmp_path / "run", resume=True).lock.release()


def test_what_another_run_left_is_never_taken_for_the_new_ones(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoint").mkdir(parents=True)
    (tmp_path / "run" / "checkpoint" / "field-00000001.safetensors").write_bytes(b"x")
    with pytest.raises(UserError, match="already holds a run"):
        RunFolder.create(tmp_path / "run")


def test_discarding_removes_nothing_that_was_there(tmp_path: Path) -> None:
    kept = tmp_path / "run" / "outputs" / "mine.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    folder = RunFolder.create(tmp_path / "run")
    folder.write_config({})
    folder.discard()
    assert kept.read_text() == "mine"
    assert not folder.config_path.exists()
