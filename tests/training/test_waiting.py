"""Oracle: counts of a made-up system, idle or busy between two looks."""

import os

import pytest

from nfield.cli import waiting

QUIET, BUSY = "cpu  100 0 50 1000 10 0 0 0 0 0\ncpu0 1 2", "cpu  130 0 50 1030 10 0 0 0 0 0\n"


@pytest.fixture
def unset(monkeypatch):
    # Set first, so that what the function sets is taken back as well.
    for name in waiting.CHOICES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def look(tmp_path, monkeypatch, first, then):
    counts = tmp_path / "stat"
    counts.write_text(first)
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: counts.write_text(then))
    return waiting.wait_briefly_where_busy(counts=counts)


def test_threads_wait_briefly_beside_busy_processes(tmp_path, monkeypatch, unset):
    assert look(tmp_path, monkeypatch, QUIET, BUSY)
    assert os.environ["GOMP_SPINCOUNT"] == waiting.SPINS


@pytest.mark.parametrize("then", [QUIET, QUIET.replace("1000", "1010").replace("100 ", "101 "), "", "cpu a b", "cpu 1"])
def test_idle_or_unknown_machines_keep_the_default(tmp_path, monkeypatch, unset, then):
    assert not look(tmp_path, monkeypatch, QUIET, then)
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.parametrize("name", waiting.CHOICES)
def test_what_the_user_set_stays(tmp_path, monkeypatch, unset, name):
    monkeypatch.setenv(name, "7")
    assert not look(tmp_path, monkeypatch, QUIET, BUSY)
    assert os.environ[name] == "7"
    assert sum(choice in os.environ for choice in waiting.CHOICES) == 1


def test_a_system_without_counts_keeps_the_default(tmp_path, unset):
    assert not waiting.wait_briefly_where_busy(0, tmp_path / "none")
