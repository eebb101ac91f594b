"""Learning rate over a run, as a factor on the rate that was set.

progress: share of the run that is done, in [0, 1].  final: factor at the end of the run.
"""

import math
from collections.abc import Callable


def constant(progress: float, final: float) -> float:
    """1 throughout."""
    return 1.0


def cosine(progress: float, final: float) -> float:
    """Half a cosine from 1 down to `final` (Loshchilov & Hutter 2017, without restarts)."""
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress))


def exponential(progress: float, final: float) -> float:
    """Equal ratios in equal times, from 1 down to `final`."""
    return final**progress


SCHEDULES: dict[str, Callable[[float, float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "exponential": exponential,
}


def rate_factor(schedule: str, *, progress: float, final: float, step: int, warmup_steps: int) -> float:
    """Factor on the learning rate at `step` (from 0): the schedule, times a linear rise over the warm-up."""
    warmup = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return warmup * SCHEDULES[schedule](min(max(progress, 0.0), 1.0), final)
