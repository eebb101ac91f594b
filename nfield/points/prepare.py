"""From a cloud as it was read to one that can be fitted: thinned, freed of outliers, oriented, in the field's frame."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64

from nfield.core.checks import UserError
from nfield.core.cloud import PointCloud
from nfield.core.seeding import generator
from nfield.points.lattice import Level
from nfield.points.neighbours import FEWEST, Neighbourhoods
from nfield.points.normals import check_extent, outward_normals
from nfield.points.smooth_distance import Sample, Smoothing
from nfield.points.smoothing_choice import choose_smoothing, length_for, smoothing_of
from nfield.points.understanding import Understanding, outliers, thinning, understand

MOST_POINTS = 400_000
"""Larger clouds are thinned: fit and mesh of so many stay well within 6 GB, and grow with their number."""
FEW_POINTS = 40
"""Below this too few points can be held out to measure noise."""
JUDGED_POINTS = 4096
"""Points at which the distance from the surface is measured."""
FLIPPED_SHARE = 0.02
"""Of given normals that disagree with the others, from which on it is reported."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A cloud ready to be fitted."""

    cloud: PointCloud
    """The points that are used, in input units."""
    sample: Sample
    """The same within [−1/2, 1/2]³ around `centre`, with outward normals."""
    centre: Float64[np.ndarray, "3"]
    scale: float
    """Input units per unit of the sample: the cloud's longest edge."""
    smoothing: Smoothing
    draft: list[Level] | None
    """A fit to most of the points, from judging the noise; None where there is none."""
    draft_seconds: float
    """Time that it took, about that of a fit to all points."""
    facts: dict[str, object]
    """What was understood, for metrics.json; lengths in input units."""
    notes: tuple[str, ...]

    @property
    def diagonal(self) -> float:
        """Of the points' bounding box, in the sample's unit."""
        return float((self.sample.points.amax(0) - self.sample.points.amin(0)).norm())

    @property
    def judged(self) -> Float[torch.Tensor, "j 3"]:
        """Points at which the distance from the surface is measured, in the sample's unit."""
        return self.sample.points[:: max(1, self.cloud.count // JUDGED_POINTS)]

    @property
    def spacing(self) -> float:
        """Typical distance of neighbours, in the sample's unit."""
        return float(self.facts["spacing"]) / self.scale  # type: ignore[arg-type]


def prepare(
    cloud: PointCloud,
    *,
    seed: int,
    normals: str,
    noise: float | None,
    device: torch.device,
    seconds_left: Callable[[], float] | None = None,
    on_trial: Callable[[int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Prepared:
    """Thin, clean, understand and orient a cloud.

    `normals`: 'auto' uses given directions, their signs chosen anew; 'estimate' ignores them; 'given' takes them as
    they are, all known. `noise` is a standard deviation in input units, measured where it is None, with `seconds_left`
    and `on_trial` as `choose_smoothing` takes them. `on_note` is called with each of the notes as soon as it is known.
    Raises UserError for clouds that bound no solid.
    """
    if cloud.count < FEWEST:
        raise UserError(
            f"'{cloud.source}' holds {cloud.count} distinct points, which bound no solid. "
            f"Give a cloud with {FEWEST} points at the very least; a few hundred show a shape."
        )
    count = cloud.count
    notes: list[str] = []

    def report(*texts: str) -> None:
        for text in texts:
            notes.append(text)
            if on_note is not None:
                on_note(text)

    report(*cloud.notes)
    rows = thinning(cloud.points, MOST_POINTS)
    if rows is not None:
        cloud = cloud.take(rows)
        report(f"{count:,} points were thinned to {cloud.count:,}, evenly in space")
    around = Neighbourhoods(cloud.points)
    far = outliers(around)
    if far.any():
        cloud = cloud.take(np.flatnonzero(~far))
        report(f"{int(far.sum()):,} outliers, points far from all others, were left out")
        around = Neighbourhoods(cloud.points)
    known = understand(around)
    check_extent(around.points, cloud.source)
    outward, found, how = _oriented(cloud, normals, device)
    report(*found)
    low, high = cloud.points.min(0), cloud.points.max(0)
    centre, scale = (low + high) / 2, float((high - low).max())
    sample = _sample(cloud, outward, around.areas() / scale**2, centre, scale, device)
    spacing = known.spacing / scale
    measured: float | None = None
    draft: list[Level] | None = None
    draft_seconds = 0.0
    if noise is not None:
        smoothing = smoothing_of(length_for(noise / known.spacing), spacing)
        measured = noise
    elif cloud.count < FEW_POINTS:
        smoothing = smoothing_of(length_for(0.05), spacing)
    else:
        judged = choose_smoothing(
            sample, spacing, generator(seed, "left-out points"), seconds_left=seconds_left, on_trial=on_trial
        )
        smoothing, measured = judged.smoothing, judged.noise * scale
        draft, draft_seconds = judged.draft, judged.seconds
    return Prepared(
        cloud=cloud,
        sample=sample,
        centre=centre,
        scale=scale,
        smoothing=smoothing,
        draft=draft,
        draft_seconds=draft_seconds,
        facts=_facts(count, cloud, known, measured, int(far.sum()), how),
        notes=tuple(notes),
    )


def _oriented(
    cloud: PointCloud, normals: str, device: torch.device
) -> tuple[Float32[np.ndarray, "n 3"], list[str], str]:
    if normals == "given" and cloud.normals is not None:
        return cloud.normals, [], "given"
    given = cloud.normals if normals == "auto" else None
    if given is None:
        return outward_normals(cloud.points, device=device).normals, [], "estimated"
    unknown = ~given.any(1)
    if unknown.mean() > 0.5:
        reported = ["most normals have no length: all were estimated"]
        return outward_normals(cloud.points, device=device).normals, reported, "estimated"
    directions = given.astype(np.float64)
    if unknown.any():
        directions[unknown] = outward_normals(cloud.points, device=device).normals[unknown]
    found = outward_normals(cloud.points, directions, device=device).normals
    turned = float(((found * given).sum(1) < 0)[~unknown].mean())
    if turned > 1 - FLIPPED_SHARE:
        return found, ["the given normals point inwards: all were turned"], "given, turned"
    if turned > FLIPPED_SHARE:
        return found, [f"{turned:.1%} of the given normals disagree with the rest: these were turned"], "given, mended"
    return found, [], "given"


def _sample(
    cloud: PointCloud,
    normals: Float32[np.ndarray, "n 3"],
    areas: Float64[np.ndarray, " n"],
    centre: Float64[np.ndarray, "3"],
    scale: float,
    device: torch.device,
) -> Sample:
    def tensor(array: Float[np.ndarray, "..."]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)

    return Sample(
        points=tensor((cloud.points - centre) / scale),
        normals=tensor(normals),
        areas=tensor(areas),
        weights=torch.ones(cloud.count, device=device),
    )


def _facts(
    count: int, cloud: PointCloud, known: Understanding, noise: float | None, dropped: int, normals: str
) -> dict[str, object]:
    return {
        "points": count,
        "used": cloud.count,
        "outliers": dropped,
        "spacing": known.spacing,
        "noise": noise,
        "density_variation": known.density_variation,
        "edge_share": known.edge_share,
        "closed": known.closed,
        "normals": normals,
    }
