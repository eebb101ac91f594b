"""What `loop.fit` returns."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What `fit` has done; the field itself is trained in place."""

    history: list[dict[str, Any]]
    """One entry per evaluation, as in history.jsonl."""
    steps: int
    """Optimiser steps taken."""
    polished_from: int | None
    """Of these, the step from which on the polisher was at work; None where it never was."""
    seconds: float
    """Time spent in training steps, without evaluations and checkpoints."""
    diagnostics_seconds: float
    """Time spent in evaluations."""
    elapsed_seconds: float
    """All time that counted against the budget."""
    finished: bool
    """Whether one of the stops was reached."""
    precision: str
    """The precision that was used; never 'auto'."""
