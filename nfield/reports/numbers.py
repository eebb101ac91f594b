"""Numbers as people read them."""

from nfield.reports.record import BandFigures, Side

QUALITY = {
    "psnr": ("PSNR", " dB", 1),
    "psnr_heldout": ("PSNR, held-out pixels", " dB", 1),
    "psnr_outside_mask": ("PSNR, outside the mask", " dB", 1),
    "ssim": ("SSIM", "", 3),
}
"""Shown name, unit and decimals of the known qualities; any other is shown under its own name."""

MISSING = "–"


def quality_title(name: str) -> str:
    """The quality's name as it is shown."""
    return QUALITY.get(name, (name.replace("_", " "), "", 3))[0]


def axis_title(name: str) -> str:
    """The quality's name with its unit, for an axis."""
    title, unit, _ = QUALITY.get(name, (quality_title(name), "", 3))
    return f"{title},{unit}" if unit else title


def quality_text(name: str, value: float | None) -> str:
    """A quality with its unit."""
    if value is None:
        return MISSING
    _, unit, decimals = QUALITY.get(name, ("", "", 3))
    return f"{value:.{decimals}f}{unit}".replace("-", "−")


def count_text(value: float | None) -> str:
    """A whole number with thousands set apart."""
    return MISSING if value is None else f"{round(value):,}"


def seconds_text(value: float | None) -> str:
    """A time span: seconds, or minutes and hours where it is long."""
    if value is None:
        return MISSING
    if 0 < value < 1e-3:
        return "< 1 ms"
    if value >= 7200:
        return f"{value / 3600:.1f} h"
    if value >= 600:
        return f"{value / 60:.0f} min"
    return f"{value:.0f} s" if value >= 20 or value == round(value) else f"{value:.2g} s"


def percent_text(value: float | None) -> str:
    """A share in percent, with two figures."""
    if value is None:
        return MISSING
    share = 100 * value
    if 0 < share < 0.01:
        return "< 0.01 %"
    return f"{share:.0f} %" if share >= 9.95 else f"{share:.2g} %"


def statistic_text(value: float | None) -> str:
    """A correlation with two decimals."""
    return MISSING if value is None else f"{value:.2f}".replace("-", "−")


def learned(bands: list[BandFigures], threshold: float) -> tuple[int, int]:
    """How many bands with energy have an error below the threshold, and how many carry energy."""
    energetic = [band for band in bands if band.relative_error is not None]
    return sum((band.relative_error or 0.0) < threshold for band in energetic), len(energetic)


def share_learned(side: Side, threshold: float) -> str:
    """'5 of 8': bands learned, of those with energy."""
    count, total = learned(side.bands, threshold)
    return f"{count} of {total}" if total else MISSING


def time_of_step(side: Side, step: int | None) -> float | None:
    """Seconds at which an evaluated step was reached."""
    return next((line.seconds for line in side.history if line.step == step), None)
