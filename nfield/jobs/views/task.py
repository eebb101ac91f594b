"""The radiance job: random rays of all views, the loss of their colours, and held-out views to measure with."""

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from nfield.core.lens import Lens
from nfield.core.types import Evaluation
from nfield.core.views import View
from nfield.fields.radiance import RadianceField
from nfield.fields.scene import SceneField, ViewFrame
from nfield.jobs.views.pixels import ViewPixels, over
from nfield.metrics.image import psnr_where, right_outside
from nfield.rendering.composite import Packed, composite, distortion, weights
from nfield.rendering.hierarchical import hierarchical_samples
from nfield.rendering.march import Rays
from nfield.rendering.spacing import stratified_draws
from nfield.rendering.volume import samples_within
from nfield.spectral.bands import BandErrors
from nfield.spectral.residual import ResidualFigures, grid_frequency

GRID_EVERY = 16
"""Steps between updates of the occupancy grid."""
GRID_SHARE = 0.125
"""Share of its cells that are asked for each time."""
RESIDUAL_VIEWS = 4
"""Training views at whose central parts the residual is measured."""
PROBED_VIEWS = 2
PROBED_SIDE = 64
"""Held-out views that are looked at during training, and the side of their central part that is."""
MOST_RAYS = 1 << 14
"""Rays of a step at the most."""
RAYS_AT_ONCE = {"cpu": 1 << 10, "cuda": 1 << 13}
"""Rays that are walked together."""
OPAQUE = 0.5
"""Opacity from which a pixel's depth counts."""


class RayBatch(NamedTuple):
    """Drawn pixels, of which a step takes as many as its samples suffice for."""

    pixels: Int[Tensor, " rays"]
    background: Float[Tensor, "rays 3"]
    jitter: Float[Tensor, " rays"]
    seed: int
    """Of the places at which the occupancy grid is updated."""


class RadianceTask:
    """Fit the colours of random rays in the mean square, over random backgrounds where pictures have alpha.

    A step has about the same number of samples, and so about the same cost, whatever the scene: as space empties, it
    takes more rays.
    """

    quality_name = "psnr"

    def __init__(
        self,
        pixels: ViewPixels,
        probe: Sequence[View],
        frame: ViewFrame,
        *,
        samples: int = 1 << 14,
        background: tuple[float, float, float] = (1.0, 1.0, 1.0),
        random_background: bool = True,
        distortion_weight: float = 0.0,
        opacity_weight: float = 0.0,
        coarse_first: int | None = None,
    ) -> None:
        self.pixels, self.frame, self.samples = pixels, frame, samples
        self.background = background
        # Nothing lies behind a scene without bounds: random colours there teach every ray to stop all light.
        self.random_background = random_background and (pixels.has_alpha or frame.contracted)
        self.distortion_weight, self.opacity_weight = distortion_weight, opacity_weight
        self.coarse_first = coarse_first
        self.probe = _spread(probe, PROBED_VIEWS)
        self._windows = [_centre(view) for view in self.probe]
        truths = [
            over(view.pixels(), background)[window] for view, window in zip(self.probe, self._windows, strict=True)
        ]
        # Views of different sizes have no common grid: the first one's size is taken then.
        same = [i for i, truth in enumerate(truths) if truth.shape == truths[0].shape]
        self.probe, self._windows = [self.probe[i] for i in same], [self._windows[i] for i in same]
        self.truths = [truths[i] for i in same]
        masks = [view.used() for view in self.probe]
        self._used = [None if mask is None else mask[window] for mask, window in zip(masks, self._windows, strict=True)]
        self.spacing = 1 / max(self.probe[0].lens.height, self.probe[0].lens.width)
        self.bands = BandErrors(
            np.concatenate(self.truths, -1), spacing=self.spacing, channels_last=True, single_precision=True
        )
        self.depth_bands: BandErrors | None = None
        if all(view.read_depth is not None for view in self.probe):
            self._empty = 0.0
            depths = [
                view.read_depth()[window][..., None]
                for view, window in zip(self.probe, self._windows, strict=True)
                if view.read_depth is not None
            ]
            finite = [depth[np.isfinite(depth)] for depth in depths]
            if all(len(values) for values in finite):
                self._empty = float(max(values.max() for values in finite))
                self.depth_bands = BandErrors(
                    self._filled(np.concatenate(depths, -1)),
                    spacing=self.spacing,
                    channels_last=True,
                    single_precision=True,
                )

    def _filled(self, depth: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Depths with the farthest true one where there is nothing."""
        return np.where(np.isfinite(depth), np.minimum(depth, 2 * self._empty), self._empty).astype(np.float32)

    def without_probe(self) -> "RadianceTask":
        """The same task for trial steps, of which nothing is measured."""
        twin = copy.copy(self)
        twin.probe = []
        return twin

    def batch(self, generator: torch.Generator) -> RayBatch:
        """Draw pixels of all views, with everything random that a step needs."""
        behind = torch.tensor(self.background).expand(MOST_RAYS, 3)
        if self.random_background:
            behind = torch.rand(MOST_RAYS, 3, generator=generator)
        return RayBatch(
            pixels=self.pixels.draw(MOST_RAYS, generator),
            background=behind,
            jitter=torch.rand(MOST_RAYS, generator=generator),
            seed=int(torch.randint(2**31, (), generator=generator)),
        )

    def losses(self, field: RadianceField, batch: RayBatch) -> dict[str, Tensor]:
        """Mean squared error of the colours, and the regularisers that are asked for."""
        frame = self.frame
        draw = torch.Generator().manual_seed(batch.seed)
        if field.grid.age % GRID_EVERY == 0:
            field.grid.update(field.density, draw, step=frame.step, share=GRID_SHARE)
        if field.shown is not None and self.coarse_first:
            field.show(min(1.0, int(field.grid.age) / self.coarse_first))
        field.grid.age += 1
        rays, samples = self._samples(field, batch, draw)
        count = rays.count
        field.grid.rays += count
        field.grid.samples += samples.count
        places = frame.contract(rays.at(samples))
        density, colour = field(places, rays.direction.index_select(0, samples.ray))
        weight = weights(density, samples)
        seen, opacity = composite(weight, colour, samples)
        truth, alpha = self.pixels.colours(batch.pixels[:count])
        if field.cameras is not None:
            seen = field.cameras.exposed(self.pixels.view_of(batch.pixels[:count]), seen)
        background = batch.background[:count]
        target = truth * alpha + background * (1 - alpha)
        terms = {"mse": (seen + (1 - opacity)[:, None] * background - target).square().mean()}
        if field.cameras is not None:
            terms["cameras"] = field.cameras.penalty()
        if self.distortion_weight:
            # In steps, so that far samples count no more than near ones; samples need not be a step long.
            start, end = (
                frame.spacing.steps((samples.distance + side * samples.length / 2).clamp(min=0)) for side in (-1, 1)
            )
            middle, size = frame.step * (start + end) / 2, frame.step * (end - start)
            spread = distortion(weight, middle, size, samples)
            terms["distortion"] = self.distortion_weight * spread.mean()
        if self.opacity_weight:
            sure = opacity.clamp(1e-4, 1 - 1e-4)
            terms["opacity"] = self.opacity_weight * -(sure * sure.log() + (1 - sure) * (1 - sure).log()).mean()
        return terms

    def _samples(self, field: RadianceField, batch: RayBatch, draw: torch.Generator) -> tuple[Rays, Packed]:
        """As many of the batch's rays as have about the wanted number of samples, and these."""
        frame = self.frame
        if frame.importance is None:
            return samples_within(
                lambda part: self._rays(field, batch.pixels[part]),
                field.grid,
                frame.spacing_while(field.grid.share),
                contract=frame.contract,
                jitter=batch.jitter,
                budget=self.samples,
                block=RAYS_AT_ONCE["cuda" if batch.jitter.is_cuda else "cpu"],
            )
        coarse, fine = frame.importance
        rays = self._rays(field, batch.pixels[: max(1, self.samples // (coarse + fine))])
        samples = hierarchical_samples(
            field.density,
            rays,
            frame.spacing,
            contract=frame.contract,
            coarse=torch.rand(rays.count, coarse, generator=draw),
            fine=stratified_draws(rays.count, fine, draw),
        )
        return rays, samples

    def _rays(self, field: RadianceField, pixels: Int[Tensor, " n"]) -> Rays:
        origin, direction = self.pixels.rays(pixels)
        if field.cameras is not None:
            picture = self.pixels.view_of(pixels)
            origin, direction = field.cameras.rays(picture, origin, direction, self.frame.scale)
        return self.frame.rays(origin, direction)

    def residual_figures(self, field: RadianceField) -> ResidualFigures:
        """Of pictures of training views, as a share of these; frequencies as at the middle of the scene."""
        scene, missed, shown, frequencies = SceneField(field, self.frame), 0.0, 0.0, []
        for view in _spread(self.pixels.views, RESIDUAL_VIEWS):
            window, mask = _centre(view), view.used()
            used = None if mask is None else mask[window]
            truth = over(view.pixels(), self.background)[window]
            pose = torch.from_numpy(view.camera_to_world)
            found = scene.picture(pose, _cut(view, window), self.background).colour.numpy()
            residual = right_outside(truth, found, used) - truth
            if used is None or used.any():
                inside = ... if used is None else used
                missed += float(np.mean(residual[inside] ** 2))
                shown += float(np.mean(truth[inside] ** 2))
            away = float(np.linalg.norm(view.camera_to_world[:3, 3] - np.asarray(self.frame.middle))) / self.frame.scale
            frequencies.append(grid_frequency(residual, away / view.lens.fx, channels_last=True))
        return ResidualFigures(size=math.sqrt(missed / max(shown, 1e-12)), frequency=float(np.mean(frequencies)))

    def evaluate(self, field: RadianceField) -> Evaluation:
        """PSNR and band errors over the central parts of a few held-out views, and a picture of the first."""
        if not self.probe:
            return Evaluation(quality=0.0, band_errors=[])
        scene = SceneField(field, self.frame)
        pictures = [
            scene.picture(torch.from_numpy(view.camera_to_world), _cut(view, window), self.background)
            for view, window in zip(self.probe, self._windows, strict=True)
        ]
        colours = [picture.colour.numpy() for picture in pictures]
        graded = list(zip(self.truths, colours, self._used, strict=True))
        values = [value for one in graded if (value := psnr_where(*one)) is not None]
        series: dict[str, list[float | None]] = {}
        if self.depth_bands is not None:
            found = [
                torch.where(picture.opacity > OPAQUE, picture.depth, torch.inf).numpy()[..., None]
                for picture in pictures
            ]
            series["depth_bands"] = self.depth_bands(self._filled(np.concatenate(found, -1)))
        return Evaluation(
            quality=float(np.mean(values)) if values else math.nan,
            band_errors=self.bands(np.concatenate([right_outside(*one) for one in graded], -1)),
            numbers={
                "occupied": field.grid.share,
                "rays": float(field.grid.rays),
                "samples": float(field.grid.samples),
            },
            series=series,
            snapshot=np.round(colours[0] * 255).astype(np.uint8),
        )


def _spread(views: Sequence[View], most: int) -> list[View]:
    """At most so many of the views, evenly spread over them."""
    chosen = np.unique(np.linspace(0, len(views) - 1, min(len(views), most)).round().astype(int))
    return [views[i] for i in chosen]


def _centre(view: View) -> tuple[slice, slice]:
    """Rows and columns of the central part of a view."""
    starts = [(side, min(side, PROBED_SIDE)) for side in (view.lens.height, view.lens.width)]
    rows, columns = (slice((side - part) // 2, (side - part) // 2 + part) for side, part in starts)
    return rows, columns


def _cut(view: View, window: tuple[slice, slice]) -> Lens:
    """The lens of the part of a view."""
    rows, columns = window
    return replace(
        view.lens,
        width=columns.stop - columns.start,
        height=rows.stop - rows.start,
        cx=view.lens.cx - columns.start,
        cy=view.lens.cy - rows.start,
    )
