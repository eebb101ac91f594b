"""How threads wait for each other."""

import os
import time
from pathlib import Path

SPINS = "1000"
"""About a twentieth of a millisecond; the library's own default is some hundred times as long."""
BUSY = 0.3
"""Share of all cores' time, taken by others, from which on a machine counts as busy."""
CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def wait_briefly_where_busy(seconds: float = 0.05, counts: Path = Path("/proc/stat")) -> bool:
    """Let threads give up their core soon when they wait, if other processes need the cores; says whether they do.

    A thread that waits for another spins, for its work may come at once. Where the other one has been put aside for
    a third process, the spinning keeps it aside: beside one busy process a run of two threads was ten times slower.
    On an idle machine spinning is worth half of the steps, so that the cores are looked at first. The OpenMP library
    reads the choice when it is loaded: call this before torch is imported. What the user has set stays.
    """
    if any(name in os.environ for name in CHOICES):
        return False
    before = _work(counts)
    time.sleep(seconds)
    after = _work(counts)
    if before is None or after is None:
        return False
    busy, total = (late - early for late, early in zip(after, before, strict=True))
    if busy < BUSY * total or total == 0:
        return False
    os.environ["GOMP_SPINCOUNT"] = SPINS
    return True


def _work(counts: Path) -> tuple[int, int] | None:
    """Ticks of all cores spent working, and in all; None where the system doesn't count them so."""
    try:
        ticks = [int(word) for word in counts.read_text().split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return None
    if len(ticks) < 5:
        return None
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
