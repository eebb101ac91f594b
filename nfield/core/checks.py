"""Checks of what users hand in. Each failure is one sentence: what was got, what was wanted, what to do."""

import difflib
import math
from collections.abc import Iterable
from typing import Any


class UserError(ValueError):
    """A mistake in the input or the options, told in one message. The command line prints it and exits with 2."""


class RunError(RuntimeError):
    """A failure while running, told in one message. The command line prints it and exits with 1."""


def choice(value: str, choices: Iterable[str], what: str) -> str:
    """Return `value` if it is one of `choices`; otherwise raise a `UserError` that names the nearest one."""
    names = list(choices)
    if value in names:
        return value
    near = difflib.get_close_matches(value, names, n=1, cutoff=0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise UserError(f"Unknown {what} '{value}'.{hint} Choose one of: {', '.join(names)}.")


def positive(value: float, what: str) -> float:
    """Return `value` if it is finite and above zero; otherwise raise a `UserError`."""
    if not math.isfinite(value) or value <= 0:
        raise UserError(f"{what} must be a positive number, but is {value}.")
    return value


def at_least(value: float, least: float, what: str) -> float:
    """Return `value` if it is finite and not below `least`; otherwise raise a `UserError`."""
    if not math.isfinite(value) or value < least:
        raise UserError(f"{what} must be at least {least}, but is {value}.")
    return value


def within(value: float, low: float, high: float, what: str) -> float:
    """Return `value` if `low <= value <= high`; otherwise raise a `UserError`."""
    if not (low <= value <= high):
        raise UserError(f"{what} must lie between {low} and {high}, but is {value}.")
    return value


def finite_or_none(value: Any) -> Any:
    """JSON has no NaN or infinity: replace them by None, in nested lists and dicts too."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: finite_or_none(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite_or_none(v) for v in value]
    return value
