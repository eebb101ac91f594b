"""What is shown while a run lasts."""

import io

import pytest

from nfield.core.seeding import generator
from nfield.io.run_folder import NfieldWarning
from nfield.training.loop import fit
from nfield.training.progress import (
    BarProgress,
    LineProgress,
    Progress,
    SilentProgress,
    choose_progress,
)
from nfield.training.settings import TrainingSettings


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_stream_decides_what_is_shown():
    assert isinstance(choose_progress(stream=Terminal()), BarProgress)
    assert isinstance(choose_progress(stream=io.StringIO()), LineProgress)
    assert isinstance(choose_progress(quiet=True, stream=Terminal()), SilentProgress)
    assert isinstance(choose_progress(), LineProgress | BarProgress)
    assert all(isinstance(kind(), Progress) for kind in (BarProgress, LineProgress, SilentProgress))


def test_lines_come_with_each_tenth():
    stream = io.StringIO()
    lines = LineProgress(stream, every=1000.0)
    lines.start("field")
    for step in range(101):
        lines.update(step=step, fraction=step / 100, loss=0.5 if step else None, quality="psnr 31.2" if step else None)
    lines.warn("trouble")
    lines.finish()
    shown = stream.getvalue().splitlines()
    assert shown[0] == "field:   0 %, step 0"
    assert shown[1] == "field:  10 %, step 10, loss 0.5, psnr 31.2"
    assert shown[10:] == ["field: 100 %, step 100, loss 0.5, psnr 31.2", "trouble"]


def test_lines_come_after_some_time_too():
    stream = io.StringIO()
    lines = LineProgress(stream, every=0.0)
    for _ in range(3):
        lines.update(step=1, fraction=0.01, loss=None, quality=None)
    assert len(stream.getvalue().splitlines()) == 3


def test_the_bar_shows_loss_quality_and_time_left():
    stream = Terminal()
    bar = BarProgress(stream)
    bar.update(step=0, fraction=0.0, loss=None, quality=None)
    bar.start("baseline")
    bar.update(step=7, fraction=0.5, loss=0.125, quality="psnr 20.5")
    bar.warn("trouble")
    bar.update(step=9, fraction=1.2, loss=0.125, quality="psnr 20.5")
    bar.finish()
    bar.finish()
    text = stream.getvalue()
    for part in ("baseline", " 50%", "100%", "step 7, loss 0.125, psnr 20.5", "trouble\n", "<"):
        assert part in text


def test_quiet_tells_only_of_trouble():
    stream = io.StringIO()
    quiet = SilentProgress(stream)
    quiet.start("field")
    quiet.update(step=1, fraction=0.5, loss=1.0, quality=None)
    quiet.warn("trouble")
    quiet.info("goes on")
    quiet.finish()
    assert stream.getvalue() == "trouble\n"
    with pytest.warns(NfieldWarning, match="trouble"):
        SilentProgress().warn("trouble")


def test_a_run_is_shown_from_beginning_to_end(toys):
    stream = io.StringIO()
    settings = TrainingSettings(steps=20, precision="float32", evaluations=2)
    fit(toys.Toy(), toys.Sine(), settings, generator=generator(0), run="baseline", progress=LineProgress(stream))
    shown = stream.getvalue().splitlines()
    assert shown[0].startswith("baseline: ")
    assert shown[-1].startswith("baseline: 100 %, step 20, loss ")
    assert ", psnr " in shown[-1]
