"""Outward unit normals of a bare point cloud."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64

from nfield.core.checks import UserError
from nfield.points.neighbours import Neighbourhoods, Spread
from nfield.points.orientation import orient

NEIGHBOURS = (8, 12, 16, 24, 32, 48, 64, 96)
"""Sizes of neighbourhood that are tried."""
JUDGED_POINTS = 50_000
"""Points whose neighbourhoods decide among these sizes."""
FLAT = 1e-6
"""Thickness of a cloud, relative to its width, below which it is a plane or a line."""


@dataclass(frozen=True, kw_only=True)
class Normals:
    """Normals with what decided them and how sure they are."""

    normals: Float32[np.ndarray, "n 3"]
    """Unit vectors that point outwards."""
    neighbours: int
    """How many neighbours each was estimated from; 0 where the directions were given."""
    residual: float
    """Root mean square of the indicator less 1/2 at the points: 0 for a perfect solid, 1/2 without any inside."""
    doubtful: float
    """Share of points whose sign may be wrong."""


def outward_normals(
    points: Float64[np.ndarray, "n 3"] | Float32[np.ndarray, "n 3"],
    directions: Float64[np.ndarray, "m d"] | Float32[np.ndarray, "m d"] | None = None,
    *,
    device: str | torch.device = "cpu",
) -> Normals:
    """Outward normals of the closed surface that the points lie on, in seconds for any shape.

    Given `directions`, such as a scanner's normals with signs that nobody trusts, keep theirs up to sign. Otherwise
    each is the direction in which its neighbours spread least, from as many neighbours as noise and detail ask for.
    Raises UserError for fewer than four points, numbers that are not finite, and points of one line or plane.
    """
    points = np.asarray(points, np.float64)
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points)).any(1).sum())
        raise UserError(f"{bad} of {len(points)} points have NaN or infinite coordinates. Remove them first.")
    around = Neighbourhoods(points)
    check_extent(around.points)
    k = 0
    if directions is None:
        k, spread = best_spread(around)
        directions = spread.normal
    elif directions.shape != points.shape:
        raise UserError(f"directions have shape {directions.shape}, but the points have {points.shape}. Give one each.")
    found = orient(around, np.asarray(directions, np.float64), device=device)
    return Normals(normals=found.normals, neighbours=k, residual=found.residual, doubtful=found.doubtful)


def best_spread(around: Neighbourhoods) -> tuple[int, Spread]:
    """The size of neighbourhood that looks flattest, and its spread.

    Noise makes small neighbourhoods thick and curvature makes large ones so: in between, the median ratio of thickness
    to width has its least value, which lies near the least error of the normals. Of large clouds some points suffice.
    """
    stride = -(-len(around.points) // JUDGED_POINTS)
    best: tuple[float, int, Spread] | None = None
    for k in NEIGHBOURS:
        spread = around.spread(k, stride)
        thickness = float(np.median(spread.thickness / np.maximum(spread.width, 1e-300)))
        if best is not None and thickness >= best[0]:
            if k > 4 * best[1]:
                break
            continue
        best = (thickness, k, spread)
        if k >= len(around.points) - 1:
            break
    assert best is not None
    _, k, spread = best
    return k, spread if stride == 1 else around.spread(k)


def check_extent(points: Float64[np.ndarray, "n 3"], source: str | None = None) -> None:
    """Raise UserError for points of one line or plane; `source` is the file that the message names."""
    named = "All points" if source is None else f"All points of '{source}'"
    values = np.linalg.svd(points - points.mean(0), compute_uv=False)
    if values[1] <= FLAT * values[0]:
        raise UserError(f"{named} lie on one line, which bounds no solid. Give points of a surface.")
    if values[2] <= FLAT * values[0]:
        raise UserError(f"{named} lie in one plane, which bounds no solid. Give points of a surface with depth.")
