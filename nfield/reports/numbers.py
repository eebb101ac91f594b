"""Numbers as people read them."""

from nfield.reports.record import BandFigures, Side

QUALITY = {
    "psnr": ("PSNR", " dB", 1),
    "psnr_heldout": ("PSNR, held-out pixels", " dB", 1),
    "psnr_outside_mask": ("PSNR, outside the mask", " dB", 1),
    "ssim": ("SSIM", "", 3),
    "snr": ("SNR", " dB", 1),
    "residual_db": ("Residual below that of zero", " dB", 1),
    "relative_l2": ("Relative L2 error", "", None),
    "max_error": ("Largest error", "", None),
    "residual": ("Residual", "", None),
    "depth_error": ("Depth error", "", None),
    "fit_db": ("Fit", " dB", 1),
    "chamfer": ("Chamfer distance", "", None),
    "accuracy": ("Accuracy", "", None),
    "completeness": ("Completeness", "", None),
    "hausdorff": ("Hausdorff distance", "", None),
    "fscore": ("F-score", "", 3),
    "normal_consistency": ("Normal consistency", "", 4),
}
"""Shown name, unit and decimals of the known qualities; None for lengths in the data's own units, of any size. Any
other is shown under its own name."""

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
    if decimals is None:
        return length_text(value)
    return f"{value:.{decimals}f}{unit}".replace("-", "−")


def length_text(value: float | None) -> str:
    """A length with three figures, of any size: 0.00123, 12.3, 45,600, 1.23·10⁻⁷."""
    if value is None:
        return MISSING
    if value == 0 or 1e-4 <= abs(value) < 1e6:
        shown = f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
        return shown.replace("-", "−")
    factor, exponent = f"{value:.2e}".replace("-", "−").split("e")
    return f"{factor}·10{exponent_text(exponent)}"


def exponent_text(exponent: str) -> str:
    """An exponent such as '+06' or '−07' in raised figures."""
    figures = f"{int(exponent.replace('−', '-'))}"
    return figures.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


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
