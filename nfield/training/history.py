"""Lines of history.jsonl."""

from typing import Any

from nfield.core.checks import finite_or_none
from nfield.core.types import Evaluation
from nfield.training.state import Counters


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
