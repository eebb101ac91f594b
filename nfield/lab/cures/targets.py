"""What all cures are compared on: a signal of six octaves and a photograph, in three sizes.

E_b is the relative error of band b on the probe grid; the upper bands are the upper half of those that carry energy,
and their pooled error is `sqrt(Σ_b E_b² e_b / Σ_b e_b)`, e_b the band's share of the energy.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from nfield.lab.experiment import Setting, Sized
from nfield.lab.samples import camera_man, pixel_centres
from nfield.spectral import BandErrors

OCTAVES = (1, 2, 4, 8, 16, 32)
"""Cycles over the whole of [-1, 1) of the signal's waves."""
LEAST_ENERGY = 1e-4


@dataclass(frozen=True, kw_only=True)
class CureSizes:
    """How large a comparison is."""

    samples: int
    """Of the signal; it is measured on twice as many."""
    side: int
    """Pixels of the photograph along each side."""
    width: int
    depth: int
    signal_steps: int
    image_steps: int
    seeds: int
    trial: int
    """A cure's search for settings and rates takes this part of the steps: one in so many. Short trials choose rates
    that are fast at first and too high later: with a sixth of the steps, some came out three to ten times higher."""


SIZES = Sized(
    quick=CureSizes(samples=128, side=16, width=16, depth=2, signal_steps=40, image_steps=30, seeds=2, trial=4),
    default=CureSizes(samples=256, side=48, width=48, depth=3, signal_steps=1200, image_steps=250, seeds=5, trial=3),
    full=CureSizes(samples=512, side=128, width=128, depth=4, signal_steps=20_000, image_steps=2000, seeds=10, trial=2),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """What is learned, and the grid on which errors are measured."""

    name: str
    points: Float[torch.Tensor, "n d"]
    values: Float[torch.Tensor, "n 1"]
    probe: Float[torch.Tensor, "m d"]
    truth: Float[np.ndarray, "*grid"]
    bands: BandErrors
    periodic: bool
    steps: int

    @property
    def dimension(self) -> int:
        """Number of coordinates."""
        return self.points.shape[1]

    @property
    def side(self) -> int:
        """Number of samples along each axis."""
        return round(len(self.points) ** (1 / self.dimension))

    @property
    def used(self) -> list[int]:
        """Bands that carry energy."""
        return [b for b, energy in enumerate(self.bands.energy) if energy >= LEAST_ENERGY]

    @property
    def upper(self) -> list[int]:
        """The upper half of them."""
        return self.used[len(self.used) // 2 :]

    def pooled(self, errors: Float[np.ndarray, "*rows bands"]) -> Float[np.ndarray, "*rows"]:
        """Error of the upper bands together."""
        energy = np.array([self.bands.energy[b] for b in self.upper])
        return np.asarray(np.sqrt((errors[..., self.upper] ** 2 * energy).sum(-1) / energy.sum()))


def signal(setting: Setting, sizes: CureSizes) -> Target:
    """Six waves an octave apart, of equal size and with random phases, on [-1, 1)."""
    phases = torch.rand(len(OCTAVES), generator=setting.generator("phases"), dtype=torch.float64) * 2 * math.pi

    def at(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        # The end point is the first one of the next period.
        x = torch.arange(count, dtype=torch.float64) / count * 2 - 1
        waves = [torch.sin(math.pi * k * x + phase) for k, phase in zip(OCTAVES, phases, strict=True)]
        y = torch.stack(waves).sum(0) * (2 / len(OCTAVES)) ** 0.5
        return x[:, None].float().to(setting.device), y[:, None].float().to(setting.device)

    points, values = at(sizes.samples)
    probe, truth = at(2 * sizes.samples)
    grid = truth[:, 0].cpu().numpy()
    octaves = [(float(k), 2.0 * k) for k in OCTAVES]
    bands = BandErrors(grid, spacing=1 / len(grid), bands=octaves, window=False)
    return Target(
        name="signal",
        points=points,
        values=values,
        probe=probe,
        truth=grid,
        bands=bands,
        periodic=True,
        steps=sizes.signal_steps,
    )


def photograph(setting: Setting, sizes: CureSizes) -> Target:
    """The camera man, averaged down, its values within ±1 about their mean."""
    picture = camera_man(sizes.side)
    picture = ((picture - picture.mean()) / np.abs(picture - picture.mean()).max()).astype(np.float32)
    points = pixel_centres(sizes.side).to(setting.device)
    values = torch.from_numpy(picture).reshape(-1, 1).to(setting.device)
    bands = BandErrors(picture, spacing=1 / sizes.side)
    return Target(
        name="photograph",
        points=points,
        values=values,
        probe=points,
        truth=picture,
        bands=bands,
        periodic=False,
        steps=sizes.image_steps,
    )
