"""Scales for the next network of an MscaleDNN, from the spectrum of a fit's residual.

With fixed scales 1, 2, 4, … most networks have little to learn, and some frequencies have none near them. Scales that
follow the posterior error in its Fourier transform are the idea of frequency-adaptive MscaleDNNs (Huang, You, Zhou,
arXiv 2410.00053), which choose single wave vectors; here they are quantiles, so that a full spectrum is covered too.
"""

import math

import numpy as np
from jaxtyping import Shaped

from nfield.core.checks import at_least
from nfield.spectral.arrays import AnyArray, PerAxis, channels_first, spacing_per_axis
from nfield.spectral.spectrum import power_spectrum

LARGEST_SHARE = 0.9
"""Of the amplitude below the highest scale. Weights are random: a group's own frequencies reach to twice its scale."""


def adapted_scales(
    residual: Shaped[AnyArray, "..."], count: int, spacing: PerAxis = 1.0, *, channels_last: bool = False
) -> tuple[float, ...]:
    """`count` angular frequencies, ascending, with equal shares of the residual's amplitude between them.

    `residual` holds values on a regular grid of 1 to 3 axes, `spacing` apart; the frequencies are in radians per unit
    of that, which is what scales in front of sines are. The amplitude of an annulus is the root of its power: by power
    itself a weak fast wave, which is what later stages are for, would not count. For a constant all are those of one
    cycle along the longest side. Raises UserError for empty, complex or non-finite values, or a count below 1.
    """
    at_least(count, 1, "count")
    spectrum = power_spectrum(residual, spacing, channels_last=channels_last)
    shape = channels_first(residual, channels_last, "residual").shape[1:]
    lowest = 1 / max(n * h for n, h in zip(shape, spacing_per_axis(spacing, len(shape)), strict=True))
    resolved = spectrum.frequencies <= spectrum.nyquist * (1 + 1e-9)
    amplitude = np.sqrt(spectrum.total[resolved])
    if not amplitude.any():
        return (2 * math.pi * lowest,) * count
    # An annulus reaches half of its width to either side of its middle: quantiles lie between them.
    edges = np.concatenate([[0.5 * lowest], spectrum.frequencies[resolved] + 0.5 * lowest])
    cumulative = np.concatenate([[0.0], np.cumsum(amplitude)]) / amplitude.sum()
    return tuple(
        float(2 * math.pi * f) for f in np.interp(LARGEST_SHARE * (np.arange(count) + 1) / count, cumulative, edges)
    )
