"""Plain words about a reconstructed surface, made from its figures."""

from nfield.jobs.surface.page.profiles import counted_record
from nfield.reports.numbers import length_text
from nfield.reports.record import RunRecord
from nfield.reports.stated import mapping, number
from nfield.reports.summary import about_bands, about_quality, order_words

TRUTH = "the true mesh"
OF_PROFILES = "These bands are those of the surface's profiles."


def surface_words(record: RunRecord) -> list[str]:
    """One sentence about the bands, along the surface itself where these are known, one about how the mesh compares."""
    seen = counted_record(record)
    bands = about_bands(seen) if seen is record else f"{about_bands(seen)} {OF_PROFILES}"
    return [f"{bands}{_about_reference(record)}", _about_surface(record)]


def _about_reference(record: RunRecord) -> str:
    """What the bands were measured against where that was not the truth."""
    against = record.field.metrics.get("bands_against")
    if not isinstance(against, str) or against == TRUTH:
        return ""
    own = mapping(record.recipe.get("encoding")).get("name") == "splines"
    meaning = "they show when the field settled, not how right it is" if own else "they show how close to these it came"
    return f" They are measured against {against}: {meaning}."


def _about_surface(record: RunRecord) -> str:
    """The Chamfer distance beside those of the others; the quality of the fit where there is no truth."""
    own = record.field.number("chamfer")
    if own is None:
        return about_quality(record)
    sentence = f"On average the surface is {length_text(own)} from the truth (Chamfer distance)"
    ratios = []
    theirs = record.baseline.number("chamfer") if record.baseline is not None else None
    if theirs:
        ratios.append(f"{_times(own / theirs)} that of the plain MLP")
    poisson = number(mapping(record.field.metrics.get("poisson")).get("chamfer"))
    if poisson:
        ratios.append(f"{_times(own / poisson)} that of screened Poisson")
    if ratios:
        sentence += f", {' and '.join(ratios)}"
    if record.baseline is None:
        return f"{sentence}; {order_words(record.field, 'the field')}."
    return f"{sentence}; {order_words(record.baseline, 'the plain MLP')}."


def _times(ratio: float) -> str:
    return f"{ratio:.2f} times" if ratio < 9.95 else f"{ratio:.0f} times"
