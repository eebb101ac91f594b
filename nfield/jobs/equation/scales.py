"""Frequencies that an equation's own data tell: the peaks in the spectra of forcing, boundary and initial values.

What is looked at is the residual of the function that meets the conditions and has no network in it, and that function
itself: with zero conditions the forcing, otherwise also what initial and boundary values bring. No solution is used.
"""

from dataclasses import dataclass

import numpy as np
import torch

from nfield.core.seeding import generator
from nfield.equations.ansatz import Ansatz
from nfield.equations.consistency import expression_values
from nfield.equations.derivatives import Derivatives
from nfield.equations.problem import Problem
from nfield.equations.sampling import unit_points

SAMPLES = 4096
"""Samples along a line, for frequencies up to half as many cycles along a side."""
LINES = 8
LOBE = 3
"""Bins on either side that one tone fills under the window."""
LEAST_POWER = 1e-4
"""Tones of less power than this share of the strongest one are left out."""
MOST_TONES = 24


@dataclass(frozen=True, kw_only=True)
class Tones:
    """Frequencies along each coordinate in cycles per unit of the coordinate scaled to [-1, 1], ascending."""

    per_axis: tuple[tuple[float, ...], ...]

    @property
    def highest(self) -> tuple[float, ...]:
        """The highest along each axis; half a cycle where there is none."""
        return tuple(max(found, default=0.5) for found in self.per_axis)


def data_tones(problem: Problem, ansatz: Ansatz, seed: int = 0) -> Tones:
    """Stated frequencies and the peaks found in the data, along each coordinate."""
    found = []
    for axis, name in enumerate(problem.names):
        half = (problem.high[axis] - problem.low[axis]) / 2
        stated = [frequency * half for frequency in problem.frequencies.get(name, ())]
        peaks = [] if stated else _peaks_along(problem, ansatz, axis, seed)
        found.append(tuple(sorted({round(b, 4) for b in (*stated, *peaks)})))
    return Tones(per_axis=tuple(found))


def _peaks_along(problem: Problem, ansatz: Ansatz, axis: int, seed: int) -> list[float]:
    lines = unit_points("sobol", LINES, problem.dimension, generator(seed, "lines"))
    along = (torch.arange(SAMPLES, dtype=torch.float64) + 0.5) / SAMPLES
    unit = lines[:, None].expand(-1, SAMPLES, -1).clone()
    unit[:, :, axis] = along
    low, high = (torch.tensor(ends, dtype=torch.float64) for ends in (problem.low, problem.high))
    points = (low + (high - low) * unit).reshape(-1, problem.dimension)
    inside = problem.domain.contains(points[:, : problem.domain.dimension])
    power, raw = np.zeros(SAMPLES // 2), np.zeros(SAMPLES // 2)
    cycles = np.maximum(np.arange(SAMPLES // 2), 1.0)
    for values, order in _data(problem, ansatz, points):
        kept = torch.where(inside[:, None], values.detach(), 0.0).reshape(LINES, SAMPLES).numpy()
        # An operator of this order has multiplied the solution's amplitude by about |k|^order.
        found = _power(kept)
        raw, divided = raw + found, found / cycles ** (2 * order)
        power = power + divided / max(divided.sum(), 1e-300)
    return [float(k) / 2 for k in _peaks(power, raw)]


def _data(problem: Problem, ansatz: Ansatz, points: torch.Tensor) -> list[tuple[torch.Tensor, int]]:
    """Residual of the function without a network, and that function, at points; each with its operator's order."""
    at = Derivatives(points, problem.names)
    u = ansatz.prescribed(at.points) + 0 * at.points.sum(1, keepdim=True)
    found = [(u, 0)]
    if problem.residual is not None:
        found.append((expression_values(problem.residual, "residual", u, at), problem.order))
    elif problem.energy is not None:
        # The first variation of the energy's density by u holds the forcing.
        density = expression_values(problem.energy, "energy", u, at)
        (slope,) = torch.autograd.grad(density.sum(), u, allow_unused=True)
        found += [] if slope is None else [(slope, 2 * problem.energy_order)]
    return found


def _power(lines: np.ndarray) -> np.ndarray:
    """Mean power of windowed lines by cycles per side, each function's total made one; zero where it is constant."""
    window = np.sin(np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES) ** 4
    centred = lines - (lines * window).sum(1, keepdims=True) / window.sum()
    size = np.abs(lines).max()
    if not np.isfinite(size) or np.abs(centred).max() <= 1e-9 * max(size, 1e-300):
        return np.zeros(SAMPLES // 2)
    power = (np.abs(np.fft.rfft(centred * window, axis=1)[:, : SAMPLES // 2]) ** 2).mean(0)
    return power / power.sum()


def _peaks(power: np.ndarray, raw: np.ndarray) -> list[float]:
    """Cycles per side of single tones, and all whole ones where tones stand too close to be told apart.

    `power` is what is thought to be the solution's and decides what counts; `raw` is the data's, whose maxima are not
    moved by the division. A tone fills the bins of its window's main lobe; longer runs of bins hold many tones.
    """
    if not power.any():
        return []
    strong = np.flatnonzero(power > LEAST_POWER * power.max())
    found: list[tuple[float, float]] = []
    for run in np.split(strong, np.flatnonzero(np.diff(strong) > 1) + 1):
        if len(run) > 2 * LOBE + 3:
            found += [(power[k], float(k)) for k in run[run >= 1][: -LOBE or None]]
        else:
            k = max(int(run[np.argmax(raw[run])]), 1)
            found.append((power[k], _refined(raw, k)))
    return [place for _, place in sorted(found, reverse=True)[:MOST_TONES]]


def _refined(power: np.ndarray, k: int) -> float:
    """The place of a maximum by a parabola through logarithms."""
    a, b, c = np.log(power[k - 1 : k + 2] + 1e-30)
    place = k + (0.5 * (a - c) / (a - 2 * b + c) if a - 2 * b + c < 0 and k > LOBE else 0.0)
    # Half cycles are common, as sines that vanish at both ends have them; the parabola is right to about 0.03.
    nearest = round(2 * place) / 2
    return float(nearest if abs(place - nearest) < 0.05 else place)
