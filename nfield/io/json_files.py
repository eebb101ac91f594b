"""JSON files that users hand in: an object, read strictly, with the line and the column of the first mistake."""

import json
import re
from pathlib import Path
from typing import Any

from nfield.core.checks import UserError
from nfield.io.files import check_file

STRING_OR_STRANGE_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN')
TRAILING_COMMA = re.compile(r",\s*[\]}]")


LONGEST_NUMBER = 300
"""Digits of a whole number, of which a float can hold three hundred."""


class _StrangeNumberError(Exception):
    """JSON has no NaN and no Infinity, but Python's reader takes them."""


def read_json_object(path: Path, what: str) -> dict[str, Any]:
    """The object in a JSON file; `what` is what the file should hold, such as "camera".

    Raises UserError where there is no such file, or it holds something else.
    """
    check_file(path, what)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"'{path}' is no JSON file: byte {error.start} is no UTF-8 text. Export it again.") from None
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror or error}.") from None
    try:
        found = json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except _StrangeNumberError:
        raise _strange_number(path, text) from None
    except json.JSONDecodeError as error:
        raise _mistake(path, text, error) from None
    except (RecursionError, ValueError):  # brackets without end, or a number of hundreds of digits
        raise UserError(
            f"'{path}' is no JSON file of {what}s: its brackets are nested, or a number is long, beyond all use. "
            "Export it again."
        ) from None
    if not isinstance(found, dict):
        raise UserError(f"'{path}' must hold one JSON object {{...}}, but holds {_named(found)}.")
    return found


def _whole(digits: str) -> int:
    """A whole number that fits into a float too."""
    if len(digits) > LONGEST_NUMBER:
        raise ValueError("a number of hundreds of digits")
    return int(digits)


def _refuse(constant: str) -> Any:
    raise _StrangeNumberError(constant)


def _strange_number(path: Path, text: str) -> UserError:
    """The error that says where the first NaN or Infinity outside of strings stands."""
    match = next(found for found in STRING_OR_STRANGE_NUMBER.finditer(text) if not found[0].startswith('"'))
    return UserError(f"'{path}' holds {match[0]}, which is no number, in {_place(text, match.start())}. Correct it.")


def _mistake(path: Path, text: str, error: json.JSONDecodeError) -> UserError:
    before = text[: error.pos].rstrip()
    comma = len(before) - 1 if before.endswith(",") else error.pos
    if TRAILING_COMMA.match(text, comma):
        reason, at = "has a comma before a closing bracket", comma
    else:
        reason, at = f"is no valid JSON ({error.msg})", error.pos
    return UserError(f"'{path}' {reason} in {_place(text, at)}. Correct it.")


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _named(found: Any) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(found), "a number")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file that nfield wrote. Raises `UserError` where it is missing or damaged."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"Cannot read '{path}': {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise UserError(f"'{path}' is damaged: it is not JSON.") from None
    if not isinstance(value, dict):
        raise UserError(f"'{path}' is damaged: it does not hold a JSON object.")
    return value
