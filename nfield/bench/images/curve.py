"""Quality over time, and the figures read off it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One evaluation over the whole image."""

    seconds: float
    """Of training so far."""
    step: int
    psnr: float
    """In dB."""


def psnr_at(points: Sequence[Point], seconds: float) -> float | None:
    """PSNR of the first evaluation at or after that time; None where training ended earlier."""
    return next((point.psnr for point in points if point.seconds >= seconds), None)


def seconds_to(points: Sequence[Point], psnr: float) -> float | None:
    """Time of the first evaluation that reaches that PSNR; None where none does."""
    return next((point.seconds for point in points if point.psnr >= psnr), None)


def best(points: Sequence[Point]) -> float:
    """Highest PSNR that was measured; -infinity where nothing finite was."""
    return max((point.psnr for point in points if not math.isnan(point.psnr)), default=-math.inf)


def evaluation_times(seconds: float, marks: Sequence[float], count: int) -> list[float]:
    """Times at which to evaluate: the marks, and `count` more at equal ratios from a hundredth of `seconds` on."""
    ratio = 100 ** (1 / max(count - 1, 1))
    return sorted({*marks, seconds, *(seconds / ratio**k for k in range(count))})
