"""Where a solution is compared with the truth: a regular grid without its end points, and its bands of frequencies."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from nfield.equations.conditions import values_at
from nfield.equations.domains import Box
from nfield.equations.problem import Problem
from nfield.spectral.bands import BandErrors

DEFAULT_GRIDS = ((2048,), (192, 192), (40, 40, 40), (24, 24, 24, 24))
UNIT = "cycles/side"
PICTURE_SIDE = 256
LEAST_ENERGY = 1e-9
"""Share of the energy below which a band counts as empty: formulas leave traces of no interest in all bands."""


class Probe:
    """The grid of a problem, its true solution there (if known), and measures of values on it.

    Frequencies are counted in cycles along a whole side of the domain, or the whole time. Values outside a domain
    that is no box count as zero in truth and prediction; there the function that vanishes on the boundary is the
    window of the transform, in place of Hann's.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.shape = problem.grid or DEFAULT_GRIDS[problem.dimension - 1]
        self.known = problem.exact is not None
        self.points = self.grid_points(self.shape, 0.0)
        self.inside = self._inside(self.points)
        self._window: np.ndarray | None = None
        if not isinstance(problem.domain, Box):
            space = self.points[:, : problem.domain.dimension]
            self._window = np.where(self.inside, problem.domain.vanishing(space)[:, 0].clamp(min=0).numpy(), 0.0)
        self.truth = np.zeros(self.shape)
        self.bands: BandErrors | None = None
        if problem.exact is not None:
            self.truth = self._laid_out(values_at(problem.exact, self.points, "exact")[:, 0].detach().numpy())
            if problem.dimension <= 3:
                spacing = [1 / n for n in self.shape]
                self.bands = BandErrors(self._windowed(self.truth), spacing=spacing, window=self._window is None)

    def grid_points(self, shape: tuple[int, ...], shift: float) -> Float[torch.Tensor, "n d"]:
        """Points low + (i + shift) h along each axis, h the side over the number of points; float64."""
        axes = self.axes(shape, shift)
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))

    def axes(self, shape: tuple[int, ...], shift: float = 0.0) -> list[torch.Tensor]:
        """Coordinates along each axis."""
        ends = zip(self.problem.low, self.problem.high, shape, strict=True)
        return [low + (torch.arange(n, dtype=torch.float64) + shift) * ((high - low) / n) for low, high, n in ends]

    def _inside(self, points: torch.Tensor) -> np.ndarray:
        return self.problem.domain.contains(points[:, : self.problem.domain.dimension]).numpy()

    def _laid_out(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.inside, values, 0.0).reshape(self.shape)

    def _windowed(self, values: np.ndarray) -> np.ndarray:
        return values if self._window is None else values * self._window.reshape(self.shape)

    @torch.no_grad()
    def values(self, field: Any) -> np.ndarray:
        """The field's values on the grid, float64, zero outside the domain."""
        place = next(field.parameters())
        found = field(self.points.to(place.device, place.dtype))
        return self._laid_out(found.double().cpu().numpy()[:, 0])

    def relative_l2(self, values: np.ndarray) -> float:
        """‖u − û‖₂ / ‖u‖₂ over the grid."""
        return float(np.linalg.norm(values - self.truth)) / max(float(np.linalg.norm(self.truth)), 1e-300)

    def snr(self, values: np.ndarray) -> float:
        """−20 log₁₀ of the relative L2 error, in dB."""
        return -20 * math.log10(max(self.relative_l2(values), 1e-300))

    def band_errors(self, values: np.ndarray) -> list[float | None]:
        """The relative error of each band."""
        if self.bands is None:
            return []
        errors = self.bands(self._windowed(values))
        return [e if share > LEAST_ENERGY else None for e, share in zip(errors, self.bands.energy, strict=True)]

    @torch.no_grad()
    def final_errors(self, field: Any) -> tuple[float, float]:
        """Relative L2 and largest error on points between those of the grid, at the middle of twice as fine cells."""
        if self.problem.exact is None:
            raise AssertionError("there is a truth")
        factor = 2 if self.problem.dimension <= 2 else 1
        points = self.grid_points(tuple(factor * n for n in self.shape), 0.5)
        points = points[torch.from_numpy(self._inside(points))]
        place = next(field.parameters())
        squares = truth_squares = largest = 0.0
        for part in points.split(1 << 16):
            truth = values_at(self.problem.exact, part, "exact").detach()
            error = field(part.to(place.device, place.dtype)).double().cpu() - truth
            squares += float(error.square().sum())
            truth_squares += float(truth.square().sum())
            largest = max(largest, float(error.abs().max()))
        return math.sqrt(squares / max(truth_squares, 1e-300)), largest

    def picture(self, values: np.ndarray) -> np.ndarray:
        """A small picture (h, w, 1 or 3) of uint8: a curve on a line, otherwise values as grey levels, y upwards."""
        reach = self.truth if self.known else values
        low, high = float(reach.min()), float(reach.max())
        span = max(high - low, 1e-12 * self.problem.size)
        if values.ndim == 1:
            return _curve((values - low) / span)
        flat = values
        while flat.ndim > 2:
            flat = flat[..., flat.shape[-1] // 2]
        steps = [-(-n // PICTURE_SIDE) for n in flat.shape]
        grey = np.clip((flat[:: steps[0], :: steps[1]] - low) / span, 0, 1)
        return np.round(255 * grey.T[::-1]).astype(np.uint8)[..., None]


def _curve(heights: np.ndarray, rows: int = 96, columns: int = PICTURE_SIDE) -> np.ndarray:
    """Values in [0, 1] as a black curve on white; each column spans what its samples reach."""
    picture = np.full((rows, columns, 1), 255, np.uint8)
    places = np.clip((1 - (0.1 + 0.8 * heights)) * (rows - 1), 0, rows - 1)
    edges = np.linspace(0, len(places), columns + 1).astype(int)
    for column in range(columns):
        part = places[edges[column] : max(edges[column] + 2, edges[column + 1] + 1)]
        if len(part) and np.isfinite(part).all():
            picture[int(part.min()) : int(part.max()) + 1, column] = 0
    return picture
