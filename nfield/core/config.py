"""Configurations are frozen dataclasses; this file turns them into JSON and back."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from nfield.core.checks import UserError, choice

T = TypeVar("T")


def to_dict(config: Any, **extra: Any) -> dict[str, Any]:
    """A configuration's fields, nested ones too, as plain values for JSON; `extra` entries come first."""
    return {**extra, **dataclasses.asdict(config)}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def from_dict(kind: type[T], values: Mapping[str, Any], what: str) -> T:
    """A configuration of class `kind` from the entries of a JSON object; `what` names it in errors."""
    names = {field.name for field in dataclasses.fields(typing.cast(Any, kind)) if field.init}
    for name in values:
        choice(name, sorted(names), f"setting of {what}")
    try:
        return kind(**{name: _tuples(value) for name, value in values.items()})
    except TypeError as error:
        raise UserError(f"The settings of {what} are not of the right kind: {error}.") from None


def named_from_dict(table: Mapping[str, type], values: Mapping[str, Any], what: str) -> Any:
    """A configuration of the class that `values["name"]` has in `table`."""
    if "name" not in values:
        raise UserError(f"The {what} needs a name. Choose one of: {', '.join(table)}.")
    kind = table[choice(values["name"], table, what)]
    return from_dict(kind, {k: v for k, v in values.items() if k != "name"}, f"{what} {values['name']}")


def name_of(table: Mapping[str, type], config: Any) -> str:
    """The name under which a configuration's class stands in its table."""
    for name, kind in table.items():
        if type(config) is kind:
            return name
    raise AssertionError(f"{type(config).__name__} stands in no table")
