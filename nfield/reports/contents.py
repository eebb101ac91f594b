"""What a task puts on its report's page."""

from dataclasses import dataclass

from nfield.reports.markup import POLICY, Markup


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The body of one report below its title."""

    words: list[str]
    """Sentences of plain words that open the page."""
    sections: list[Markup]
    parts: tuple[str, ...] = ()
    """Further style sheets and scripts that the sections need, see `markup.page`."""
    policy: str = POLICY
    """Content security policy of the page."""
