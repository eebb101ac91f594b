"""Scales of networks from the data's own spectrum, before any training.

What is learned depends on both ends of the spectrum: a network that starts too low blurs for long, one that starts
too high makes noise between its samples. The frequencies here are quantiles of `|f| · power(f)`, half way between the
energy of the data and that of its gradient, for the energy of photographs alone sits in a few waves per side.
All frequencies are in cycles per unit of the coordinate, and none exceeds Nyquist.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Shaped

from nfield.core.checks import UserError
from nfield.core.image import Image
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, spacing_per_axis
from nfield.spectral.spectrum import PowerSpectrum, nyquist, power_spectrum

WHOLE_PIXELS = 1 << 20
"""Images up to this size are transformed whole; of larger ones, five windows are."""
WINDOW_SIDE = 512

# Nearly all features (99 %) of a Gaussian scale s have frequencies below this many times s in two dimensions.
_GAUSSIAN_REACH = 3.0
# Measured on photographs of 512 and 768 pixels: sets (s/6, 1.5 s / 4, 1.5 s) fit faster than higher or lower ones.
_HIGHEST_OVER_MIDDLE = 1.5
_SCALE_RATIO = 4.0


@dataclass(frozen=True, kw_only=True)
class ScaleAdvice:
    """Settings that suit data of a given spectrum; frequencies in cycles per unit of the coordinate."""

    gaussian_scale: float
    """Scale of a single set of Gaussian Fourier features."""
    fourier_scales: tuple[float, ...]
    """Scales of a multiscale set, ascending by factors of 4."""
    positional_octaves: int
    """Number m of frequencies 2^0 … 2^(m−1); at least one, also where 1 is above Nyquist."""
    mscale_factors: tuple[float, ...]
    """Factors 1, 2, 4, … by which the sub-networks of an MscaleDNN stretch the coordinate."""
    grid_resolution: int
    """Cells of the finest grid along the longest side: two per wave of the highest frequency that matters."""
    siren_omega: float
    """A first-layer ω₀ for SIREN, π · `gaussian_scale`: about 40 for photographs, measured best between 30 and 50."""
    nyquist: float
    """Highest frequency that the samples resolve."""
    why: str
    """What the advice rests on, in words."""


def advise(values: Shaped[AnyArray, "..."], spacing: PerAxis = 1.0, *, channels_last: bool = False) -> ScaleAdvice:
    """Advice for values on a grid of 1 to 3 axes, whose neighbouring samples are `spacing` apart.

    For coordinates in [-1, 1], n samples along the longest side have the spacing 2/n. Data without any waves
    (constants, single samples) get the lowest scales; `why` says so.
    Raises `UserError` for empty, complex or non-finite values.
    """
    shape = channels_first(values, channels_last, "values").shape[1:]
    steps = spacing_per_axis(spacing, len(shape))
    spectrum = power_spectrum(values, spacing, channels_last=channels_last)
    longest = max(range(len(shape)), key=lambda axis: shape[axis] * steps[axis])
    highest = nyquist(shape, spacing)
    basis = f"the spectrum of {' x '.join(map(str, shape))} samples"
    return _advice(spectrum, shape[longest], shape[longest] * steps[longest], highest, basis)


def advise_image(image: Image | AnyArray, *, step: int = 1) -> ScaleAdvice:
    """Advice for an image whose longer side spans [-1, 1] and whose every `step`-th pixel is trained on.

    `image` is an `Image` or an array (H, W) or (H, W, C) of any number type, and may be memory-mapped: of more than
    `WHOLE_PIXELS` pixels, windows of 512² in the middle and the four quarters are read, and nothing else. Those know
    no waves longer than themselves, so the advice for such images leans to high frequencies.
    """
    pixels = image.pixels if isinstance(image, Image) else image
    if pixels.ndim not in (2, 3) or step < 1:
        raise UserError(
            "An image has the shape (H, W) or (H, W, C) and a step of at least 1, "
            f"but got {tuple(pixels.shape)} and {step}."
        )
    rows, columns = -(-pixels.shape[0] // step), -(-pixels.shape[1] // step)
    if min(rows, columns) < 1:
        raise UserError(f"The image is empty (shape {tuple(pixels.shape)}): give at least one pixel.")
    spacing = 2 * step / max(pixels.shape[:2])
    coloured = pixels.ndim == 3
    if rows * columns <= WHOLE_PIXELS:
        return advise(pixels[::step, ::step], spacing, channels_last=coloured)
    height, width = min(rows, WINDOW_SIDE), min(columns, WINDOW_SIDE)
    spectra = []
    for down, across in ((0.5, 0.5), (0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
        top, left = round((rows - height) * down) * step, round((columns - width) * across) * step
        window = pixels[top : top + height * step : step, left : left + width * step : step]
        spectra.append(power_spectrum(window, spacing, channels_last=coloured))
    mean = PowerSpectrum(
        frequencies=spectra[0].frequencies,
        mean=np.mean([spectrum.mean for spectrum in spectra], axis=0),
        total=np.mean([spectrum.total for spectrum in spectra], axis=0),
        counts=spectra[0].counts,
        nyquist=spectra[0].nyquist,
    )
    basis = f"the spectra of {len(spectra)} windows of {height} x {width} pixels"
    return _advice(mean, max(rows, columns), max(rows, columns) * spacing, mean.nyquist, basis)


def _advice(spectrum: PowerSpectrum, samples: int, length: float, highest: float, basis: str) -> ScaleAdvice:
    """`samples` along the longest side, which is `length` long; `highest` is Nyquist."""
    lowest = min(1 / length, highest)
    resolved = spectrum.frequencies <= highest * (1 + 1e-9)
    weights = spectrum.frequencies[resolved] * spectrum.total[resolved]
    if weights.sum() == 0:
        middle = upper = last = reach = lowest
        basis = "no waves at all (the data are constant or a single sample): the lowest scales"
    else:
        reach = highest
        cumulative = np.cumsum(weights) / weights.sum()
        middle, upper, last = (
            float(np.clip(spectrum.frequencies[resolved][np.searchsorted(cumulative, share)], lowest, highest))
            for share in (0.5, 0.9, 0.99)
        )
    scale = min((lowest * middle * reach) ** (1 / 3), highest / _GAUSSIAN_REACH)
    top = min(_HIGHEST_OVER_MIDDLE * scale, highest / _GAUSSIAN_REACH)
    count = 1 + max(0, math.floor(math.log(top / lowest, _SCALE_RATIO)))
    octaves = 1 + max(0, math.floor(math.log2(upper)))
    return ScaleAdvice(
        gaussian_scale=scale,
        fourier_scales=tuple(top / _SCALE_RATIO ** (count - 1 - i) for i in range(count)),
        positional_octaves=octaves,
        mscale_factors=tuple(2.0**i for i in range(octaves)),
        grid_resolution=max(2, min(samples, math.ceil(2 * length * last * (1 - 1e-9)))),
        siren_omega=math.pi * scale,
        nyquist=highest,
        why=f"advice from {basis}",
    )
