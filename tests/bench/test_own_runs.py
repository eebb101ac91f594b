"""nfield's runs on the clock of whoever waits."""

import math
from typing import Any

import pytest

from nfield.bench.images.own_runs import Stopwatch, waiting_times


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, run: str) -> None:
        self.told.append(run)

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        self.told.append((step, fraction, loss, quality))

    def warn(self, text: str) -> None:
        self.told.append(text)

    def info(self, text: str) -> None:
        self.told.append(text)

    def finish(self) -> None:
        self.told.append("finished")


def test_set_up_and_evaluations_are_charged() -> None:
    # by hand: 10 s in all = 2 s of set-up + 5 s of steps + 3 evaluations of 1 s
    history = [{"seconds": 0.0, "step": 0, "psnr": 9.0}, {"seconds": 2.5, "step": 3, "psnr": 20.0}]
    history.append({"seconds": 5.0, "step": 7, "psnr": 31.0})
    points = waiting_times(history, {"seconds_fit": 5.0, "diagnostics_seconds": 3.0}, 10.0)
    assert [point.seconds for point in points] == [3.0, 6.5, 10.0]
    assert [point.step for point in points] == [0, 3, 7]
    assert [point.psnr for point in points] == [9.0, 20.0, 31.0]


def test_an_evaluation_without_a_figure_is_left_out() -> None:
    history = [{"seconds": 1.0, "step": 1, "psnr": None}, {"seconds": 2.0, "step": 2, "psnr": 30.0}]
    points = waiting_times(history, {"seconds_fit": 2.0, "diagnostics_seconds": 0.0}, 2.0)
    assert [point.seconds for point in points] == [2.0]


def test_the_stopwatch_hands_on_and_notes_the_end() -> None:
    recorder = Recorder()
    watch = Stopwatch(recorder, "nfield, 2 s")
    watch.start("field")
    watch.update(step=1, fraction=0.5, loss=0.1, quality=None)
    watch.warn("trouble")
    assert watch.finished == 0.0
    watch.finish()
    assert recorder.told == ["nfield, 2 s", (1, 0.5, 0.1, None), "trouble", "finished"]
    assert math.isfinite(watch.finished)
    assert watch.finished > 0


@pytest.mark.parametrize("elapsed", [1.9, 2.0])
def test_set_up_is_never_negative(elapsed: float) -> None:
    points = waiting_times(
        [{"seconds": 2.0, "step": 1, "psnr": 30.0}], {"seconds_fit": 2.0, "diagnostics_seconds": 0.0}, elapsed
    )
    assert points[0].seconds == 2.0
