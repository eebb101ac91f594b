"""What a run of training tells: lines of its history, and what `loop.fit` returns."""

from dataclasses import dataclass
from typing import Any

from nfield.core.checks import finite_or_none
from nfield.core.types import Evaluation
from nfield.training.state import Counters


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
    stopped: str = "finished"
    """What ended it: steps, seconds, target quality or converged; finished, where no loop of steps was."""


def history_line(
    run: str, counters: Counters, losses: dict[str, float], evaluation: Evaluation, quality_name: str
) -> dict[str, Any]:
    """What one evaluation says of a run; null in place of numbers that are not finite."""
    line: dict[str, Any] = {
        "run": run,
        "step": counters.step,
        "seconds": counters.training_seconds,
        "loss": sum(losses.values()) if losses else None,
        "losses": losses,
        quality_name: float(evaluation.quality),
        "bands": [None if error is None else float(error) for error in evaluation.band_errors],
        "learning_rate": counters.learning_rate,
    }
    if evaluation.numbers:
        line["numbers"] = {name: float(value) for name, value in evaluation.numbers.items()}
    line.update(evaluation.series)
    return finite_or_none(line)
