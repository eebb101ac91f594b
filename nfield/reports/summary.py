"""Two sentences of plain words about a run, made from its figures."""

from collections.abc import Sequence

from nfield.reports.numbers import (
    learned,
    percent_text,
    quality_text,
    quality_title,
    seconds_text,
    statistic_text,
)
from nfield.reports.record import BandFigures, RunRecord, Side


def plain_words(record: RunRecord) -> list[str]:
    """What the run shows: one sentence about the bands, one about the quality and the order of learning.

    A field that was completed in the end gets one more, lest the network be taken for what it is with its residual.
    """
    return [about_bands(record), *_about_the_rest(record), *_about_completion(record), about_quality(record)]


def _about_the_rest(record: RunRecord) -> list[str]:
    """Errors of solutions where the truth has no energy, such as a wrong mean, which no band counts."""
    found = []
    for name, side in (("field", record.field), ("plain MLP", record.baseline)):
        error = None if side is None else side.number("relative_l2")
        if side is None or error is None or error < record.threshold:
            continue
        count, total = learned(side.bands, record.threshold)
        if 0 < total == count:
            found.append(
                f"Yet the whole error of the {name} is {percent_text(error)} of the {record.noun}: nearly all of it is "
                f"in frequencies, or a mean, that the {record.noun} has not."
            )
    return found


def _about_completion(record: RunRecord) -> list[str]:
    lines = record.field.history
    if "correction" not in record.recipe or len(lines) < 2:
        return []
    # The network is measured at its last step, and then once more with what it missed.
    if lines[-2].step != lines[-1].step or lines[-2].quality is None:
        return []
    quality = f"{quality_title(record.quality_name)} {quality_text(record.quality_name, lines[-2].quality)}"
    return [f"The network by itself came to {quality}; what it missed at the training pixels was then interpolated."]


def about_bands(record: RunRecord) -> str:
    """Which share of the frequencies each side learned."""
    bands = record.field.bands
    if not bands:
        return "No band errors are on record for this run, so it cannot be said which frequencies were learned."
    count, total = learned(bands, record.threshold)
    if total == 0:
        return (
            f"No frequency band of the {record.noun} carries energy (apart from its mean it is constant), "
            "so there is no order of learning to show."
        )
    subject = f"After {seconds_text(record.field.seconds)} the field" if record.field.seconds else "The field"
    within = f"to within {percent_text(record.threshold)}"
    sentence = f"{subject} has learned {_what(record, bands, named=True)} {within}"
    baseline = record.baseline
    if baseline is None or learned(baseline.bands, record.threshold)[1] == 0:
        return f"{sentence}."
    theirs, of = learned(baseline.bands, record.threshold)
    when = _when(record.field, baseline)
    if theirs == of and count == total:
        return f"{sentence}; so has the plain MLP{when.rstrip(',')}."
    if theirs == 0:
        not_learned = "has not either" if count == 0 else "has not" if total == 1 else "none of them"
        return f"{sentence}; the plain MLP{when} {not_learned}."
    return f"{sentence}; the plain MLP{when} {_what(record, baseline.bands, named=False)}."


def _what(record: RunRecord, bands: list[BandFigures], *, named: bool) -> str:
    """Which bands have been learned. `named`: say what is counted, as this is the first mention."""
    energetic = [band for band in bands if band.relative_error is not None]
    flags = [(band.relative_error or 0.0) < record.threshold for band in energetic]
    count, total = sum(flags), len(flags)
    noun = f" {total} frequency bands" if named else f" {total}"
    if total == 1:
        which = "the" if flags[0] else "not even the"
        return f"{which} one frequency band that carries energy{_top(record, energetic[0])}{',' if named else ''}"
    if count == 0:
        return f"none of the{noun}"
    if count == total:
        top = _top(record, energetic[-1])
        return f"all{noun}{top}{',' if top and named else ''}"
    if all(flags[:count]):
        lowest = "the lowest" if count == 1 else f"the lowest {count}"
        top = _edge(energetic[count - 1], "below ")
        return f"only {lowest}{f' of the{noun}' if named else ''}{f' ({top})' if top else ''}"
    names = ", ".join(band.label for band, flag in zip(energetic, flags, strict=True) if flag)
    unit = f" {energetic[0].unit}" if energetic[0].high is not None and energetic[0].unit else ""
    return f"{count} of the{noun} ({names}{unit})"


def _top(record: RunRecord, band: BandFigures) -> str:
    """Where the highest band ends; the diagonals of a grid reach beyond Nyquist, its axes do not."""
    nyquist = record.field.number("nyquist")
    if nyquist is not None and band.high is not None and band.high > nyquist:
        return f", up to Nyquist ({nyquist:.4g} {band.unit}) and beyond"
    return _edge(band, ", up to ")


def _edge(band: BandFigures, before: str) -> str:
    return "" if band.high is None else f"{before}{band.high:.4g} {band.unit}".rstrip()


def _when(field: Side, baseline: Side) -> str:
    """', in the same time,' only where that is true."""
    if not field.seconds or not baseline.seconds:
        return ""
    if 0.9 <= baseline.seconds / field.seconds <= 1.1:
        return ", in the same time,"
    return f", after {seconds_text(baseline.seconds)},"


def about_quality(record: RunRecord, where: str = "", further: Sequence[str] = ()) -> str:
    """The quality of both sides, and the order in which bands were learned.

    `where` opens the sentence with what the quality is of; `further` qualities are reported where both sides have them.
    """
    name = record.quality_name
    title = quality_title(name)
    field, baseline = record.field, record.baseline
    if field.quality is not None:
        shared = [key for key in further if all(side.number(key) is not None for side in record.sides)]
        both = "".join(f" and {quality_title(key)} {quality_text(key, field.number(key))}" for key in shared)
        theirs = "".join(f" and {quality_text(key, baseline.number(key))}" for key in shared) if baseline else ""
        sentence = f"{where}{title} is {quality_text(name, field.quality)}{both}"
    else:
        why = field.why(name)
        sentence = f"{title} has no value{because(why)}" if why else f"{title} is not on record"
    if baseline is None:
        alone = f"There is no plain MLP beside it{because(record.baseline_why)}."
        return f"{sentence}; {order_words(field, 'the field')}. {alone}"
    if field.quality is None or baseline.quality is None:
        return f"{sentence}; {order_words(baseline, 'the plain MLP')}."
    sentence += f" against {quality_text(name, baseline.quality)}{theirs} for the plain MLP"
    if baseline.number("order_spearman") is None:
        return f"{sentence}; {order_words(baseline, 'the plain MLP')}."
    return f"{sentence}, {order_words(baseline, 'which')}."


def because(why: str | None) -> str:
    """A reason in brackets, where there is one."""
    return f" ({why.rstrip('.')})" if why else ""


def order_words(side: Side, name: str) -> str:
    """In which order a side learned its bands, or why that is not ranked."""
    statistic = side.number("order_spearman")
    if statistic is None:
        return f"the order in which {name} learned its bands is not ranked{because(side.why('order_spearman'))}"
    if statistic >= 0.8:
        how = "learned low frequencies before high ones"
    elif statistic >= 0.5:
        how = "mostly learned low frequencies before high ones"
    elif statistic > -0.5:
        how = "learned its bands in no clear order of frequency"
    else:
        how = "learned high frequencies before low ones"
    return f"{name} {how} (order statistic {statistic_text(statistic)})"
