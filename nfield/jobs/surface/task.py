"""The surface job for networks: batches of points on and off the surface, loss terms, and the evaluation.

Positions are those of the field's network, the data within [−1/2, 1/2]³; d(x) is its value, n a point's unit normal.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from nfield.core.limits import ANNEALING
from nfield.core.types import Evaluation
from nfield.fields.network_distance import NetworkDistance
from nfield.jobs.surface.distance_losses import (
    ANNEALED,
    SECOND_ORDER,
    annealing,
    eikonal,
    hessian_of,
    singular_hessian,
    value_and_slope,
)
from nfield.jobs.surface.profile_probe import ProfileProbe
from nfield.meshing.redistance import redistanced
from nfield.spectral.bands import BandErrors
from nfield.spectral.residual import ResidualFigures, residual_at_points

PROBE_NODES = 48
"""Nodes along each axis of the grid that band errors are measured on."""
PROBE_EDGE = 1.2
"""Edge of that grid, in extents."""
SOFTNESS = 1.5
"""Width of the indicator's edge, in steps of that grid."""
SATURATED = 3.5
"""Widths of that edge from the surface, from which on the indicator is ±1 to three digits."""
NEAR_SHARE = 0.5
"""Of the points off the surface, those that lie near it."""
NEAR_SPREAD = 0.05
"""Standard deviation of these from the surface, in extents."""
OFF_SHARPNESS = 50.0
"""α of `exp(−α|d|)`."""
RESIDUAL_POINTS = 1 << 16
"""Points at which the residual is measured, at the most."""


class CloudBatch(NamedTuple):
    """Points of one step."""

    points: torch.Tensor
    normals: torch.Tensor
    off: torch.Tensor
    """Those near the surface come first, see `near_count`."""


class VolumeProbe:
    """Band errors of a soft indicator `tanh(d / w)` on a grid around the surface.

    d is the distance from the zeros, found anew from the values on the grid: fields that are right about the surface
    may differ away from it, as splines are no distance there and networks are near to one, and places far from the
    surface would outweigh all detail. Frequencies are in cycles per diagonal of the points' box.
    """

    def __init__(self, diagonal: float) -> None:
        """`diagonal` is that of the points' box, in extents."""
        axis = (torch.arange(PROBE_NODES) + 0.5) / PROBE_NODES * PROBE_EDGE - PROBE_EDGE / 2
        self.points = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        self.width = SOFTNESS * PROBE_EDGE / PROBE_NODES
        self.spacing = PROBE_EDGE / PROBE_NODES / diagonal
        self.bands: BandErrors | None = None

    def values(
        self, network: Callable[[torch.Tensor], torch.Tensor], device: torch.device
    ) -> Float[np.ndarray, "n n n"]:
        """The soft indicator of a network on the grid."""
        with torch.no_grad():
            parts = [network(part.to(device))[..., 0].float().cpu() for part in self.points.split(1 << 15)]
        return self.indicator(torch.cat(parts).numpy())

    def indicator(self, values: Float[np.ndarray, " p"]) -> Float[np.ndarray, "n n n"]:
        """The soft indicator of values at `points`."""
        distance = redistanced(values.reshape((PROBE_NODES,) * 3), PROBE_EDGE / PROBE_NODES, SATURATED * self.width)
        return np.tanh(distance / self.width)

    def set_truth(self, values: Float[np.ndarray, "n n n"]) -> None:
        """What predictions are compared with."""
        self.bands = BandErrors(values, spacing=self.spacing, single_precision=True)

    def errors(self, values: Float[np.ndarray, "n n n"]) -> list[float | None]:
        """Relative error of every band."""
        if self.bands is None:
            raise AssertionError("the truth is set before errors are asked for")
        return self.bands(values)


def fit_decibels(distance: Float[torch.Tensor, " p"], diagonal: float) -> float:
    """`−20 log₁₀` of the points' root-mean-square distance from the surface, relative to their box's diagonal."""
    rms = float(distance.square().mean().sqrt()) / diagonal
    return -20 * math.log10(max(rms, 1e-12))


def distances(
    network: Callable[[torch.Tensor], torch.Tensor], points: Float[torch.Tensor, "p 3"]
) -> Float[torch.Tensor, " p"]:
    """`|d| / |∇d|` of the points: their distances from the zeros, to second order."""
    found = []
    for part in points.split(1 << 15):
        with torch.enable_grad():
            x = part.detach().clone().requires_grad_(True)
            value = network(x)[..., 0]
            (slope,) = torch.autograd.grad(value.sum(), x)
        found.append(value.detach().abs() / slope.norm(dim=-1).clamp(min=0.1))
    return torch.cat(found)


def near_count(off: int) -> int:
    """How many of the points off the surface lie near it."""
    return int(NEAR_SHARE * off)


def _turned(slope: torch.Tensor, normals: torch.Tensor) -> torch.Tensor:
    """Mean of 1 − cos of the angles between slopes and normals."""
    return (1 - (slope * normals).sum(-1) / slope.norm(dim=-1).clamp(min=1e-6)).mean()


class CloudTask:
    """Fit a signed distance to points and their normals.

    Loss terms: `surface` |d|, `normal` 1 − n·∇d/|∇d|, `eikonal` (|∇d| − 1)², `off` exp(−α|d|) away from the points
    (Gropp et al., Implicit Geometric Regularization, ICML 2020; Sitzmann et al., SIREN, 2020). Terms of the Hessian,
    those of `distance_losses`: `divergence` and `smoothness` at the points off the surface, `singular_hessian` at those
    of them that lie near it. A term whose weight is zero, or that is not named, is left out, and without any term of
    the Hessian there is no Hessian. These terms need a field with a `derivative_order` of at least 2, which whoever
    builds the field checks.
    """

    quality_name = "fit_db"

    def __init__(
        self,
        points: Float[torch.Tensor, "p 3"],
        normals: Float[torch.Tensor, "p 3"],
        held_out: Float[torch.Tensor, "q 3"],
        probe: VolumeProbe,
        *,
        diagonal: float,
        weights: dict[str, float],
        batch_points: int,
        device: torch.device,
        picture: Callable[[Any], np.ndarray | None] | None = None,
        anneal: tuple[float, float] = ANNEALING,
        profiles: ProfileProbe | None = None,
    ) -> None:
        """`anneal` holds the shares of training between which the weights of ANNEALED terms go down to zero."""
        self.points, self.normals = points.cpu(), normals.cpu()
        self.held_out, self.probe, self.diagonal = held_out, probe, diagonal
        self.weights, self.batch_points, self.device, self.picture = weights, batch_points, device, picture
        self.anneal, self.fraction, self.profiles = anneal, 0.0, profiles

    def begin_step(self, fraction: float) -> None:
        """Take note of the share of training that is done, on which annealed weights depend."""
        self.fraction = fraction

    def present_weights(self) -> dict[str, float]:
        """The weights that are not zero at this point of training."""
        factor = annealing(self.fraction, *self.anneal)
        present = {name: weight * (factor if name in ANNEALED else 1) for name, weight in self.weights.items()}
        return {name: weight for name, weight in present.items() if weight > 0}

    def batch(self, generator: torch.Generator) -> CloudBatch:
        """Points at random, and as many off the surface: half near it, half anywhere in the box."""
        rows = torch.randint(len(self.points), (self.batch_points,), generator=generator)
        near = near_count(self.batch_points)
        shifted = self.points[rows[:near]] + NEAR_SPREAD * torch.randn(near, 3, generator=generator)
        anywhere = (torch.rand(self.batch_points - near, 3, generator=generator) - 0.5) * PROBE_EDGE
        return CloudBatch(self.points[rows], self.normals[rows], torch.cat([shifted, anywhere]))

    def losses(self, field: Any, batch: CloudBatch) -> dict[str, torch.Tensor]:
        """Weighted loss terms."""
        weights = self.present_weights()
        near, bent = self._with_hessian(weights, len(batch.off))
        count = len(batch.points)
        with torch.enable_grad():
            x = torch.cat([batch.points, batch.off[bent:]]).requires_grad_(True)
            value, slope = value_and_slope(field, x)
            terms = {"surface": value[:count].abs().mean(), "normal": _turned(slope[:count], batch.normals)}
            off = value[count:]
            if bent:
                # A pass of their own: products with the Hessian would otherwise run over all the other points too.
                y = batch.off[:bent].clone().requires_grad_(True)
                value, bent_slope = value_and_slope(field, y)
                off, slope = torch.cat([value, off]), torch.cat([slope, bent_slope])
                hessian = hessian_of(bent_slope, y)
                terms |= {
                    name: loss(hessian[:near] if loss is singular_hessian else hessian)
                    for name, loss in SECOND_ORDER.items()
                    if name in weights
                }
        terms["eikonal"] = eikonal(slope)
        terms["off"] = torch.exp(-OFF_SHARPNESS * off.abs()).mean()
        return {name: weights[name] * term for name, term in terms.items() if name in weights}

    def _with_hessian(self, weights: dict[str, float], off: int) -> tuple[int, int]:
        """How many points lie near the surface, and at how many of `off` the Hessian is wanted."""
        near = max(1, near_count(off))
        wanted = [name for name in SECOND_ORDER if name in weights]
        return near, 0 if not wanted else near if wanted == ["singular_hessian"] else off

    def residual_figures(self, field: Any) -> ResidualFigures:
        """Of the field's values at the points, where zero is wanted."""
        points = self.points[:: -(-len(self.points) // RESIDUAL_POINTS)]
        values = torch.cat([field(part.to(self.device)).cpu() for part in points.split(1 << 13)])
        # The network's unit of length is `half` of the points'.
        half = field.reach / 2 if isinstance(field, NetworkDistance) else 1.0
        found = residual_at_points(points, values)
        return ResidualFigures(size=found.size / half, frequency=found.frequency * half)

    def evaluate(self, field: Any) -> Evaluation:
        """Distance of left-out points and band errors, in the volume and on profiles, and a picture of the surface."""
        values = self.probe.values(field, self.device)
        series, numbers = {}, {}
        if self.profiles is not None:
            series["profile_bands"], numbers["profile_missing"] = self.profiles.errors(field, self.device)
        return Evaluation(
            quality=fit_decibels(distances(field, self.held_out.to(self.device)), self.diagonal),
            band_errors=self.probe.errors(values),
            numbers=numbers,
            series=series,
            snapshot=None if self.picture is None else self.picture(field),
        )
