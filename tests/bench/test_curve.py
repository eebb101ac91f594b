"""Figures read off curves, against curves worked out by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.bench.images.curve import Point, best, evaluation_times, psnr_at, seconds_to

CURVE = [Point(0.5, 1, 20.0), Point(2.1, 4, 30.0), Point(4.0, 8, 27.0), Point(5.0, 10, 36.0)]


@pytest.mark.parametrize(("seconds", "psnr"), [(0.1, 20.0), (0.5, 20.0), (2.0, 30.0), (4.0, 27.0), (5.0, 36.0)])
def test_psnr_at_a_mark_is_the_first_evaluation_from_there(seconds: float, psnr: float) -> None:
    assert psnr_at(CURVE, seconds) == psnr


def test_no_psnr_after_the_end() -> None:
    assert psnr_at(CURVE, 5.1) is None


@pytest.mark.parametrize(("psnr", "seconds"), [(20, 0.5), (25, 2.1), (30, 2.1), (35, 5.0), (40, None)])
def test_time_to_a_psnr_is_that_of_the_first_evaluation_to_reach_it(psnr: float, seconds: float | None) -> None:
    assert seconds_to(CURVE, psnr) == seconds


def test_best_ignores_divergence() -> None:
    assert best([*CURVE, Point(6.0, 11, math.nan)]) == 36.0
    assert best([Point(6.0, 11, math.nan)]) == -math.inf


@settings(deadline=None, max_examples=25)
@given(
    seconds=st.floats(0.01, 1000),
    shares=st.lists(st.floats(0.001, 1), max_size=4),
    count=st.integers(1, 40),
)
def test_evaluation_times_rise_to_the_end_and_meet_the_marks(seconds: float, shares: list[float], count: int) -> None:
    marks = [seconds * share for share in shares]
    times = evaluation_times(seconds, marks, count)
    assert times == sorted(set(times))
    assert set(marks) <= set(times)
    assert times[-1] == seconds
    assert times[0] > 0.0009 * seconds
    assert count <= len(times) <= count + len(marks)
