"""Figures of field, baseline and others beside each other, as a table with the reasons for what is missing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nfield.reports.markup import Markup, absent, join, table
from nfield.reports.numbers import MISSING, count_text, percent_text, quality_text, seconds_text
from nfield.reports.stated import number, reason

Figures = Mapping[str, tuple[str, Callable[[Any], str]]]
"""Rows of a table: name and text of each figure, by its key."""


def quality(key: str) -> Callable[[Any], str]:
    """The text of a quality."""
    return lambda value: quality_text(key, number(value))


def count(value: Any) -> str:
    """The text of a whole number."""
    return count_text(number(value))


def duration(value: Any) -> str:
    """The text of a time span."""
    return seconds_text(number(value))


def share(value: Any) -> str:
    """The text of a share."""
    return percent_text(number(value))


def yes_or_no(value: Any) -> str:
    """The text of a truth value."""
    return {True: "yes", False: "no"}.get(value, MISSING) if isinstance(value, bool) else MISSING


def figures_table(
    columns: Sequence[tuple[str, Mapping[str, Any]]], figures: Figures, *, caption: str, missing: str
) -> Markup:
    """One column for each titled set of figures; rows that none of them has are left out.

    `missing` is what is said where no row is left.
    """
    rows = []
    for key, (title, shown) in figures.items():
        cells = [shown(own.get(key)) for _, own in columns]
        if any(cell != MISSING for cell in cells):
            rows.append([title, *cells])
    if not rows:
        return absent(missing)
    return join([table(["", *(title for title, _ in columns)], rows, caption=caption), *_reasons(columns, figures)])


def _reasons(columns: Sequence[tuple[str, Mapping[str, Any]]], figures: Figures) -> list[Markup]:
    """Why figures are missing, each reason once."""
    found: dict[str, list[str]] = {}
    for key, (title, _) in figures.items():
        for _, own in columns:
            why = reason(dict(own), key) if key in own and own[key] is None else None
            if why and title not in found.setdefault(why.rstrip("."), []):
                found[why.rstrip(".")].append(title)
    return [absent(f"{', '.join(titles)}: {why}.") for why, titles in found.items()]
