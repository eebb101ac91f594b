"""Values of files that may hold anything: what they say if it is of the right kind, otherwise nothing."""

import math
from typing import Any


def number(value: Any) -> float | None:
    """`value` if it is a finite number, otherwise None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return found if math.isfinite(found) else None


def first(*values: float | None) -> float | None:
    """The first value that is not None."""
    return next((value for value in values if value is not None), None)


def reason(metrics: dict[str, Any], key: str) -> str | None:
    """The `why` of a null figure: `<key>_why`, or `why` as a dict of reasons or as one sentence."""
    why = metrics.get("why")
    for candidate in (metrics.get(f"{key}_why"), why.get(key) if isinstance(why, dict) else why):
        if isinstance(candidate, str) and candidate:
            return candidate
    return None


def numbers(stated: Any) -> list[float | None]:
    """Each of a list as `number` has it; none where it is no list."""
    return [number(value) for value in stated] if isinstance(stated, list) else []


def mapping(stated: Any) -> dict[str, Any]:
    """A dict as it is; an empty one in the place of anything else."""
    return stated if isinstance(stated, dict) else {}


def counted(stated: Any) -> dict[str, float]:
    """Those of named values that are finite numbers."""
    return {key: found for key, value in mapping(stated).items() if (found := number(value)) is not None}
