"""The part of a mesh run's report about the frequencies of the surface itself, along its profiles."""

from typing import Any

from nfield.reports.figure_sections import band_section, heat_section
from nfield.reports.markup import Markup, absent, element, join
from nfield.reports.numbers import MISSING, count_text, length_text, percent_text
from nfield.reports.other_bands import with_bands
from nfield.reports.record import BandFigures, RunRecord, Side
from nfield.reports.stated import mapping, number
from nfield.reports.summary import because


def profile_section(record: RunRecord) -> Markup:
    """What the field has learned of the surface's own detail: heat maps and a table."""
    seen = profile_record(record)
    if not seen.field.bands:
        why = because(record.field.why("profile_bands"))
        return absent(f"There are no band errors along profiles of the surface{why}.")
    facts = _facts(record.field)
    size = number(facts.get("size"))

    def depth(band: BandFigures) -> str:
        if size is None or band.energy is None:
            return MISSING
        return length_text(size * band.energy**0.5)

    table = band_section(seen, "Depth of its detail (RMS), input units", depth)
    sentences = [element("p", one) for one in (_explained(record, facts), *_gaps(record))]
    return join([*sentences, heat_section(seen, "profile"), table])


def profile_record(record: RunRecord) -> RunRecord:
    """The same run with the bands along profiles in the place of those in the volume."""
    return with_bands(record, "profile_bands", nyquist=lambda side: _facts(side).get("nyquist"))


def counted_record(record: RunRecord) -> RunRecord:
    """The run with the bands that count: those along profiles of a surface where these were measured."""
    seen = profile_record(record)
    return seen if seen.field.bands else record


def _facts(side: Side) -> dict[str, Any]:
    return mapping(side.metrics.get("profiles"))


def _explained(record: RunRecord, facts: dict[str, Any]) -> str:
    count = number(facts.get("curves"))
    curves = "closed curves, its profiles" if count is None else f"{count_text(count)} closed curves, its profiles"
    stated = record.field.metrics.get("bands_against")
    against = f" The reference is {stated}." if isinstance(stated, str) and stated else ""
    return (
        "The bands above are those of the space around the surface; these are those of the surface itself. Planes cut "
        f"the reference in {curves}. How far the field's surface runs beside them is set against how much they "
        f"wind, for waves of each length along the curve.{against}"
    )


def _gaps(record: RunRecord) -> list[str]:
    """Where a side has no surface near the profiles, which outweighs all its detail."""
    found = []
    for side in record.sides:
        missing = number(_facts(side).get("missing"))
        if missing:
            found.append(
                f"The {side.name} has no surface near {percent_text(missing)} of the profiles' length. A gap has sharp "
                "ends, which count as wrong detail: errors far above 100 % come from there."
            )
    return found
