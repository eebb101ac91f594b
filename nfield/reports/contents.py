"""What stands on a report's page: the sections that all runs have, and between them those of the run's job."""

from collections.abc import Sequence
from dataclasses import dataclass

from nfield.reports.figure_sections import (
    DEFINITIONS,
    band_section,
    definitions,
    heat_section,
    quality_section,
    settings_section,
    spectrum_section,
    tiles,
)
from nfield.reports.markup import POLICY, Markup, element, section
from nfield.reports.record import RunRecord
from nfield.reports.snapshots import snapshots_section
from nfield.reports.summary import plain_words


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


def run_contents(
    record: RunRecord,
    words: list[str] | None = None,
    *,
    figures: Markup | None = None,
    results: Sequence[Markup] = (),
    frequencies: Sequence[Markup] = (),
    beside: Markup | None = None,
    further: Sequence[Markup] = (),
    meanings: Sequence[tuple[str, str]] = DEFINITIONS,
    parts: tuple[str, ...] = (),
    policy: str = POLICY,
) -> Contents:
    """The page of a run of any job; without anything else it holds what every run has.

    Args:
        record: The run.
        words: Sentences that open the page, by default those on bands and quality.
        figures: Key figures, by default those of every run.
        results: Sections on what the run has made, before those on training.
        frequencies: Sections on further frequencies, behind the table of bands.
        beside: A section beside the quality over time; an empty one for none, by default the power spectra.
        further: Sections before the settings.
        meanings: Terms and what they mean.
        parts: See `Contents`.
        policy: See `Contents`.
    """
    quality = section("Quality over time", quality_section(record))
    if beside is None:
        beside = section("Power spectra", spectrum_section(record))
    curves = element("div", quality, beside, class_="pair") if beside else element("div", quality, class_="single")
    return Contents(
        words=plain_words(record) if words is None else words,
        sections=[
            figures or tiles(record),
            *results,
            section("From coarse to fine", snapshots_section(record)),
            section("Error of each frequency band over training", heat_section(record)),
            section("Bands at the end", band_section(record)),
            *frequencies,
            curves,
            *further,
            section("Settings", settings_section(record)),
            definitions(meanings),
        ],
        parts=parts,
        policy=policy,
    )
