"""The parts of a report made of figures: tiles, bands, curves, spectrum, settings, definitions."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nfield.reports.charts import Curve, line_chart
from nfield.reports.colours import at, ink_on, shade
from nfield.reports.heatmap import both_maps, clock_of, moment
from nfield.reports.markup import Markup, absent, element, join, table
from nfield.reports.numbers import (
    MISSING,
    axis_title,
    count_text,
    percent_text,
    quality_text,
    quality_title,
    seconds_text,
    share_learned,
    statistic_text,
    time_of_step,
)
from nfield.reports.record import BandFigures, RunRecord, Side
from nfield.reports.stated import number

PICTURE_FIGURES = ("psnr_heldout", "psnr_outside_mask", "ssim")
"""Figures of pictures that get a tile of their own, where a run has them."""

DEFINITIONS = (
    (
        "PSNR",
        "−10 log₁₀ of the mean squared error, with values in [0, 1]. "
        "20 dB is an error of 10 % of the range, 40 dB of 1 %.",
    ),
    ("SSIM", "Structural similarity with an 11×11 Gaussian window, σ 1.5; 1 is identical."),
    (
        "Relative error of a band",
        "√(Σ|prediction − truth|² / Σ|truth|²) over the complex Fourier coefficients of the wave vectors "
        "in the band: 0 is learned, 1 is as wrong as a network that gives nothing there. "
        "Pictures are windowed (Hann) before the transform.",
    ),
    (
        "Cycles/side",
        "How often a pattern repeats along the longer side of the picture. Bands are rings in the plane "
        "of wave vectors. Nyquist, half the number of pixels, is the highest frequency that the pixels can "
        "carry along an axis.",
    ),
    (
        "Below the threshold",
        "The first evaluated step from which the band's error stays below the threshold to the end.",
    ),
    (
        "Order statistic",
        "Spearman's rank correlation between a band's place, from low to high, and its rank in learning time, over "
        "the bands that carry energy. The rank is the mean over several thresholds, from loose ones down to the "
        "stated one, and ties are corrected for: 1 means low frequencies first, 0 no order, −1 high first.",
    ),
    (
        "Plain MLP",
        "The baseline: a multilayer perceptron on raw coordinates, trained on the same pixels.",
    ),
)


def tiles(
    record: RunRecord, further: Sequence[str] = PICTURE_FIGURES, counted: RunRecord | None = None, of: str = ""
) -> Markup:
    """The key figures, the baseline's below the field's; `further` ones where the run has them.

    Learned bands are counted in `counted`, by default the record itself; `of` says in the title whose bands these are.
    """
    name = record.quality_name
    field = record.field
    found = [_tile(record, quality_title(name), lambda side: quality_text(name, side.quality), name)]
    for key in further:
        if key in field.metrics and key != name:
            found.append(_tile(record, quality_title(key), partial(_quality_of, key), key))
    counted = counted or record
    if counted.field.bands:
        title = f"Bands{of} learned to {percent_text(record.threshold)}"
        found.append(_tile(counted, title, lambda side: share_learned(side, record.threshold)))
    if "order_spearman" in field.metrics:
        key = "order_spearman"
        found.append(_tile(record, "Order statistic", lambda side: statistic_text(side.number(key)), key))
    if "parameters" in field.metrics:
        found.append(_tile(record, "Parameters", lambda side: count_text(side.number("parameters"))))
    found.append(_tile(record, "Training time", lambda side: seconds_text(side.seconds)))
    found.append(_tile(record, "Steps", lambda side: count_text(side.steps)))
    if "diagnostics_share" in field.metrics:
        shown = percent_text(field.number("diagnostics_share"))
        found.append(_tile_of("Diagnostics", shown, "of the training time"))
    return element("dl", *found, class_="tiles")


def _quality_of(key: str, side: Side) -> str:
    return quality_text(key, side.number(key))


def _tile(record: RunRecord, title: str, shown: Callable[[Side], str], key: str | None = None) -> Markup:
    """A figure of the field with the baseline's below it; `key` is that of its reason in metrics.json."""
    beside = "" if record.baseline is None else f"plain MLP {shown(record.baseline)}"
    value, why = shown(record.field), None if key is None else record.field.why(key)
    # A reason belongs to a missing figure; beside a figure it says how that was measured.
    return _tile_of(title, value, why if value == MISSING and why else "; ".join(filter(None, (beside, why))))


def _tile_of(title: str, value: str, note: str) -> Markup:
    return element("div", element("dt", title), element("dd", value), element("dd", note, class_="beside"))


def heat_section(record: RunRecord, name: str = "heat") -> Markup:
    """The heat maps of field and baseline; `name` keeps their inner references apart from those of other maps."""
    if not record.field.bands or not record.field.history:
        return absent("This run has no band errors over training on record.")
    shown = [side for side in record.sides if any(line.bands for line in side.history)]
    if not shown or shown[0] is not record.field:
        return absent("This run has no band errors over training on record.")
    parts = [both_maps(shown, record.threshold, record.noun, name)]
    if len(shown) == 1:
        parts.append(no_baseline(record))
    return join(parts)


def no_baseline(record: RunRecord) -> Markup:
    """A sentence in the place of the baseline."""
    why = f": {record.baseline_why}" if record.baseline_why else "."
    return absent(f"There is no plain MLP beside this run{why}")


def _share_of_energy(band: BandFigures) -> str:
    return percent_text(band.energy)


def band_section(
    record: RunRecord, size: str = "Share of energy", size_text: Callable[[BandFigures], str] = _share_of_energy
) -> Markup:
    """Final figures of each band, the field's beside the baseline's, after how much there is to learn in it."""
    bands = record.field.bands
    if not bands:
        return absent("This run has no band errors on record.")
    unit = next((band.unit for band in bands if band.unit), "")
    percent = percent_text(record.threshold)
    header = [f"Band, {unit}" if unit else "Band", size]
    for side in record.sides:
        header += [f"{side.title}: relative error", f"stays below {percent} from"]
    rows = []
    for index, band in enumerate(bands):
        row = [band.label, size_text(band)]
        for side in record.sides:
            theirs = side.bands[index] if index < len(side.bands) else None
            row += [error_cell(theirs), _since(side, theirs, finished=record.finished)]
        rows.append(row)
    nyquist = record.field.number("nyquist")
    caption = "Final band errors" + (f"; Nyquist is {nyquist:.4g} {unit}" if nyquist is not None else "")
    return table(header, rows, caption=caption)


def error_cell(band: BandFigures | None) -> Markup:
    """A relative error on its colour of the heat map's scale."""
    if band is None:
        return element("span", MISSING)
    if band.relative_error is None:
        return element("span", "no energy", class_="quiet")
    place = shade(band.relative_error)
    return element(
        "span",
        percent_text(band.relative_error),
        class_="chip",
        style=f"background:{at(place)};color:{ink_on(place)}",
    )


def _since(side: Side, band: BandFigures | None, *, finished: bool) -> str:
    if band is None or band.relative_error is None:
        return MISSING
    if band.step_below_threshold is None:
        return "never" if finished else MISSING
    seconds = time_of_step(side, band.step_below_threshold)
    text = f"step {band.step_below_threshold:,}"
    return text if seconds is None else f"{text} ({seconds_text(seconds)})"


def quality_section(record: RunRecord) -> Markup:
    """Quality over time of both."""
    clock = clock_of(record.sides)
    curves = [
        Curve(label=side.name, style=style, points=quality_points(side, clock))
        for style, side in zip(("field", "baseline"), record.sides, strict=False)
    ]
    if not any(curve.points for curve in curves):
        return absent("This run has no quality over time on record.")
    title = quality_title(record.quality_name)
    return line_chart(
        [curve for curve in curves if curve.points],
        description=f"{title} over training: {' and '.join(side.name for side in record.sides)}.",
        across_title="seconds of training" if clock == "seconds" else "step",
        up_title=axis_title(record.quality_name),
    )


def quality_points(side: Side, clock: str) -> list[tuple[float, float]]:
    """Moments and qualities that a logarithmic clock can show."""
    return [
        (moment(line, clock), line.quality)
        for line in side.history
        if line.quality is not None and line.step > 0 and moment(line, clock) > 0
    ]


def spectrum_section(record: RunRecord) -> Markup:
    """Radial power spectra of truth, field and baseline."""
    spectrum = record.field.metrics.get("spectrum")
    if not isinstance(spectrum, dict) or not isinstance(spectrum.get("frequency"), list):
        return absent("This run has no power spectra on record; they are written when a run finishes.")
    frequencies = [number(value) for value in spectrum["frequency"]]
    curves = []
    for key, title in (("truth", "truth"), ("baseline", "plain MLP"), ("field", "field")):
        powers = spectrum.get(key)
        if isinstance(powers, list):
            pairs = zip(frequencies, (number(value) for value in powers), strict=False)
            points = [(x, y) for x, y in pairs if x is not None and y is not None and x > 0 and y > 0]
            curves.append(Curve(label=title, style=key, points=points))
    if not any(curve.points for curve in curves):
        return absent("The power spectra of this run hold no energy apart from the mean.")
    unit = str(spectrum.get("unit") or "cycles/side")
    nyquist = number(spectrum.get("nyquist"))
    return line_chart(
        curves,
        description=f"Radial power spectra: {', '.join(curve.label for curve in curves)}; logarithmic axes.",
        across_title=f"frequency, {unit}",
        up_title="power",
        logarithmic_up=True,
        marked=(nyquist, f"Nyquist {nyquist:.4g}") if nyquist is not None and nyquist > 0 else None,
    )


def settings_section(record: RunRecord) -> Markup:
    """Everything in config.json, with dotted names; the bands have their own table, and cameras are only counted."""
    config = {key: value for key, value in record.config.items() if not key.endswith("bands")}
    if isinstance(cameras := config.get("cameras"), list):
        config["cameras"] = f"{len(cameras):,} of them, in config.json"
    rows = [list(pair) for pair in flattened(config)]
    stated = {row[0] for row in rows}
    rows += [
        [key, str(record.field.metrics[key])]
        for key in ("device", "precision", "seed")
        if key in record.field.metrics and key not in stated
    ]
    shown = table(["Setting", "Value"], rows) if rows else Markup("")
    return shown if record.config else join([absent("This run has no readable config.json."), shown])


def flattened(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as pairs of dotted name and text."""
    pairs: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            pairs += flattened(value, f"{prefix}{key}.")
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            pairs.append((f"{prefix}{key}", shown))
    return pairs


def definitions(meanings: Sequence[tuple[str, str]] = DEFINITIONS) -> Markup:
    """What the figures mean."""
    entries = [part for term, meaning in meanings for part in (element("dt", term), element("dd", meaning))]
    return element("details", element("summary", "What the figures mean"), element("dl", *entries))
