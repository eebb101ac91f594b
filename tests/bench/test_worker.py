"""Methods in processes of their own: what comes back, and what becomes of crashes, limits and memory."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nfield.bench.memory import peak_mib
from nfield.bench.worker import Outcome, run_worker

SOURCE = """
import os
import time

import numpy as np

from nfield.bench.meshes.made import Made
from nfield.bench.memory import peak_mib
from nfield.core.checks import UserError


def solve(points, settings):
    start = peak_mib()
    grown = np.ones(settings.get("mib", 0) << 17)
    for depth in settings["depths"]:
        faces = np.array([[0, 1, 2], [0, 2, 3]])
        yield Made(vertices=points + grown.sum() * 0, faces=faces, points=points, normals=points, seconds=0.5,
                   start_mib=start, peak_mib=peak_mib(), depth=depth)
        end = settings.get("then")
        if end == "refuse":
            raise UserError("Too odd.")
        if end == "fail":
            raise RuntimeError("it broke")
        if end == "sleep":
            time.sleep(600)
        if isinstance(end, int):
            os.kill(os.getpid(), end)
"""
POINTS = np.arange(12.0).reshape(4, 3)


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module `made_up` that the process finds."""
    (tmp_path / "made_up.py").write_text(SOURCE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def run(limit: float | None = None, **settings: Any) -> Outcome:
    return run_worker("made_up", POINTS, settings, limit=limit)


def test_all_meshes_come_back_in_order_with_their_facts() -> None:
    outcome = run(depths=[4, 7])
    assert outcome.why is None
    assert [(made.depth, made.seconds) for made in outcome.made] == [(4, 0.5), (7, 0.5)]
    np.testing.assert_array_equal(outcome.made[1].vertices, POINTS)
    np.testing.assert_array_equal(outcome.made[1].normals, POINTS)
    assert outcome.made[0].mesh("x").faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("refuse", "failed: Too odd"),
        ("fail", "failed: RuntimeError: it broke"),
        (int(signal.SIGKILL), "crashed (SIGKILL, perhaps for lack of memory)"),
        (int(signal.SIGSEGV), "crashed (SIGSEGV)"),
    ],
)
def test_a_failure_is_told_and_keeps_what_was_made(then: str | int, why: str) -> None:
    outcome = run(depths=[4, 7], then=then)
    assert outcome.why == why
    assert [made.depth for made in outcome.made] == [4]


def test_a_process_past_its_limit_is_stopped() -> None:
    assert run(0.2, depths=[4], then="sleep").why == "was stopped after 0.2 s"


def test_peak_memory_is_that_of_the_process_alone() -> None:
    """Oracle: what either process holds is known: here 400 MiB, there 100 MiB."""
    held = np.ones(400 << 17)
    made = run(depths=[4], mib=100).made[0]
    assert made.start_mib is not None
    assert made.peak_mib is not None
    assert 95 < made.peak_mib - made.start_mib < 150
    here = peak_mib()
    assert here is not None
    assert made.peak_mib < held.nbytes / 2**20 < here


def test_memory_without_linux_files(tmp_path: Path) -> None:
    other = peak_mib(tmp_path / "none")
    assert other is not None
    assert other >= (peak_mib() or 0) - 1
