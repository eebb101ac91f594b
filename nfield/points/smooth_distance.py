"""The smoothest function whose zeros pass through a cloud: a signed distance near it, band by band.

Minimises, over quadratic B-splines,

    Σ w a f(x)² + μ² Σ w a |∇f(x) − n|² + λ ∫ |∇²f|²

over the points x with their areas a, weights w and unit normals n (smooth signed distance: Calakli & Taubin, Computer
Graphics Forum 30(7), 2011). λ = s³ with the smoothing length s: waves along the surface shorter than about 2πs are
damped. Levels of halving steps (`level_plan`) are solved from coarse to fine, each as a correction of the one before
that lives near the points alone, so that time and memory grow with the surface and not with the volume. Between the
solves the normals turn to ∇f/|∇f|, which leaves their noise behind, and points that lie far off lose weight. On the
finest level normals are averaged over neighbours that point nearly the same way, and what bends strongly all around
resists less: both keep edges while flat parts lose their noise.

Positions are in any unit; f has the same.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int

from nfield.core.moving import beside
from nfield.points.bilateral import BilateralFilter
from nfield.points.lattice import (
    NODES_AT_ONCE,
    Keys,
    Level,
    block,
    dilated,
    look_up,
    pack,
    shift,
    sparse_rows,
    spline_weights,
    squared_product,
    transposed,
    unpack,
)
from nfield.points.level_plan import planned_levels

REACH = 2
"""Nodes around the points' own that a level may correct."""
REACH_AGAIN = 1
"""The same where the coarser level has the same step and reaches everywhere: it closes limbs better."""
EDGES_AGAIN = 2.0
"""Times the edge scale there: of so long a step a whole ball bends, and less resistance would keep its noise."""
RIM = 2
"""Nodes around these that stay as they are, which joins a level smoothly to the coarser one."""
CELL = 0.5
"""Edge of the cells, in steps of a level, whose points it takes as one."""
MARGIN = 0.25
"""Of the cloud's longest edge, added on all sides of it."""
TRUSTED = 0.3, 2.0
"""Steps, or robust standard deviations, from a smoother surface within which points take their normals from there."""
LEAST_GRADIENT = 0.3
"""Below this length of ∇f a point keeps its normal: the function is not yet a distance there."""
SIGMA_PER_MEDIAN = 1.4826
"""Standard deviation of a normal variable over the median of its absolute value."""
TOLERANCE = 1e-3
STENCIL = 7
"""Nodes of the Laplacian's stencil."""
SPREADS = 4
"""Steps of diffusion of the bends' energy before it shows where edges are: single strong bends are noise."""


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """How a cloud is smoothed."""

    step: float
    """Step of the finest level, in the unit of the positions."""
    length: float
    """Smoothing length s of the finest level, in the same unit."""
    coarse_length: float = 0.5
    """Smoothing length of the levels that reach everywhere, in their steps; it decides how gaps are bridged."""
    normal_weight: float = 0.3
    """μ, in steps of each level."""
    normal_reach: float = 1.0
    """Least μ, in smoothing lengths."""
    rounds: int = 4
    """Solves per level."""
    outlier_scale: float = 3.0
    """Residuals beyond so many robust standard deviations lose their weight; 0 trusts all points."""
    edge_scale: float = 1.0
    """Bends this many times as strong as the typical one resist less; 0 for all alike."""
    filtered: bool = True
    """Whether the finest level's normals are averaged over neighbours that point nearly the same way."""
    iterations: int = 80
    """Conjugate-gradient steps of a solve, at the most."""

    def lengths(self, step: float, *, dense: bool) -> tuple[float, float]:
        """Smoothing length and μ of a level with this step; dense levels reach everywhere."""
        length = max(self.length, self.coarse_length * step if dense else 0.0)
        return length, max(self.normal_weight * step, self.normal_reach * length)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Points with what is known of each."""

    points: Float[torch.Tensor, "p 3"]
    normals: Float[torch.Tensor, "p 3"]
    areas: Float[torch.Tensor, " p"]
    weights: Float[torch.Tensor, " p"]


def solve_levels(
    sample: Sample,
    smoothing: Smoothing,
    *,
    coarse: Sequence[Level] = (),
    on_level: Callable[[list[Level]], bool] | None = None,
) -> list[Level]:
    """Levels from coarse to fine, of which the finest that reaches a point holds its value.

    `coarse` holds the first of them where they are known, from a solve with the same finest step. `on_level` is called
    after each level, and stops there if it returns False. All tensors are on the sample's device.
    """
    extent = _extent(sample)
    plan = planned_levels(extent, smoothing.step, first=coarse[0].step if coarse else None)
    levels = list(coarse)
    for step, dense in plan[len(coarse) :]:
        again = bool(levels) and levels[-1].step == step
        keys, free = _nodes(sample.points, step, extent, levels[-1] if levels else None, dense=dense)
        start = levels[-1].refined(keys, step) if levels else torch.zeros(len(keys), device=keys.device)
        level = Level(step=step, keys=keys, values=start.to(sample.points.dtype))
        length, normal_length = smoothing.lengths(step, dense=dense)
        iterations = smoothing.iterations * (1 if levels else 4)
        thin = thinned(sample, step * CELL)
        finest = step < 1.5 * smoothing.step
        filtered = BilateralFilter(thin.points, thin.areas, length) if finest and smoothing.filtered else None
        system = _System(level, free, thin.points, dense=dense)
        if levels:
            thin = (_reopened if again else _renewed)(thin, system, level, smoothing, filtered)
        for _ in range(smoothing.rounds):
            system.sharpen(level, (EDGES_AGAIN if again else 1.0) * smoothing.edge_scale)
            level = system.solve(level, thin, length, normal_length, iterations)
            thin = _renewed(thin, system, level, smoothing, filtered)
        # The next level's system is several times as large; both would not have to fit.
        del system
        levels.append(level)
        if on_level is not None and not on_level(levels):
            break
    return levels


def shared_levels(levels: Sequence[Level], before: Smoothing, smoothing: Smoothing, sample: Sample) -> Sequence[Level]:
    """Those first of the levels of a solve with the smoothing `before` that one with `smoothing` would only repeat."""
    if replace(before, length=smoothing.length) != smoothing:
        return ()
    count = 0
    for level, (_, dense) in zip(levels, planned_levels(_extent(sample), smoothing.step), strict=False):
        if not dense or before.lengths(level.step, dense=True) != smoothing.lengths(level.step, dense=True):
            break
        count += 1
    return levels[:count]


def thinned(sample: Sample, cell: float) -> Sample:
    """One point for all within a cubic cell: their mean, weighted, with the sum of their areas.

    What a level's step cannot resolve costs no time there; noise is averaged on the way.
    """
    keys, place = torch.unique(pack((sample.points / cell).floor().long()), return_inverse=True)
    if len(keys) > 0.8 * len(sample.points):
        return sample

    def total(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(len(keys), *values.shape[1:]).index_add(0, place, values)

    weighted = (sample.areas * sample.weights)[:, None]
    sums = total(weighted).clamp(min=1e-30)
    areas = total(sample.areas)
    return Sample(
        points=total(weighted * sample.points) / sums,
        normals=torch.nn.functional.normalize(total(weighted * sample.normals), dim=-1),
        areas=areas,
        weights=sums[:, 0] / areas.clamp(min=1e-30),
    )


def _extent(sample: Sample) -> float:
    return float((sample.points.amax(0) - sample.points.amin(0)).max())


def _nodes(
    points: Float[torch.Tensor, "p 3"], step: float, extent: float, coarser: Level | None, *, dense: bool
) -> tuple[Keys, Bool[torch.Tensor, " n"]]:
    """Keys of a level, and which of its nodes are free."""
    nearest = (points / step - 0.5).round().long()
    if not dense:
        again = coarser is not None and coarser.step == step
        free = dilated(torch.unique(pack(nearest)), REACH_AGAIN if again else REACH)
        keys = dilated(free, RIM)
        keys = keys if coarser is None else keys[coarser.has_parents(keys, step)]
        return keys, look_up(free, keys)[1]
    reach = int(MARGIN * extent / step) + RIM
    keys = block(nearest.amin(0) - reach, nearest.amax(0) + reach)
    if coarser is None:
        return keys, torch.ones(len(keys), dtype=torch.bool, device=keys.device)
    keys = keys[coarser.has_parents(keys, step)]
    nodes = unpack(keys)
    return keys, ((nodes >= nodes.amin(0) + RIM) & (nodes <= nodes.amax(0) - RIM)).all(-1)


class _System:
    """The least-squares system of one level: the same matrices for every weight and length."""

    def __init__(
        self, level: Level, free: Bool[torch.Tensor, " n"], points: Float[torch.Tensor, "p 3"], *, dense: bool
    ) -> None:
        self.free, count, self.dense = free, len(level.keys), dense
        rows, whole, fraction = level.locate(points, once=True)
        values, slopes = spline_weights(fraction, slopes=True)
        mask = whole[:, None]
        # Points beyond a level's nodes have no say in it.
        weights = torch.cat([values, *[slope / level.step for slope in slopes]]).to(level.values.dtype)
        del values, slopes
        self.points = len(points)
        self.data = sparse_rows(
            torch.where(mask, rows, 0).int().repeat(4, 1), torch.where(mask.repeat(4, 1), weights, 0), count
        )
        del rows, weights
        self.centres: Int[torch.Tensor, " r"] | None = None
        if dense:
            self.bending = _hessian(level)
        else:
            self.bending, self.centres = _laplacian(level)
        # Of a compactly supported correction the Laplacian's energy is the Hessian's, at a third of the cost.
        self.data_back, self.bending_back = transposed(self.data), transposed(self.bending)
        self.give = torch.ones(self.bending.shape[0], dtype=level.values.dtype, device=level.values.device)

    def sharpen(self, level: Level, scale: float) -> None:
        """Let places that bend strongly, with all around them, resist less."""
        if scale == 0 or self.centres is None:
            return
        energy = self._spread((self.bending @ level.values).square(), level.step)
        self.give = 1 / (1 + energy / (scale**2 * energy.mean()).clamp(min=1e-30))

    def _spread(self, energy: Float[torch.Tensor, " r"], step: float) -> Float[torch.Tensor, " r"]:
        """Means over the nodes around: explicit steps of the heat equation, which need no matrix but the Laplacian."""
        if self.centres is None:
            return energy
        share = step**2 / STENCIL
        there = torch.zeros(self.bending.shape[1], dtype=energy.dtype, device=energy.device)
        there[self.centres] = 1
        around = 1 + share * (self.bending @ there)
        for _ in range(SPREADS):
            placed = torch.zeros_like(there)
            placed[self.centres] = energy
            energy = (energy + share * (self.bending @ placed)).clamp(min=0) / around
        return energy

    def solve(self, level: Level, sample: Sample, length: float, normal_length: float, iterations: int) -> Level:
        """The level with the values that minimise the energy, its fixed nodes kept."""
        weight = sample.weights * sample.areas
        each = torch.cat([weight, *[normal_length**2 * weight] * 3])
        bend = length**3 * level.step**3
        target = torch.cat([torch.zeros_like(weight), *sample.normals.unbind(-1)])
        free, fixed = self.free, ~self.free

        def product(x: torch.Tensor) -> torch.Tensor:
            full = self.data_back @ (each * (self.data @ x)) + bend * (
                self.bending_back @ (self.give * (self.bending @ x))
            )
            return full.masked_fill_(fixed, 0)

        right = self.data_back @ (each * (target - self.data @ level.values)) - bend * (
            self.bending_back @ (self.give * (self.bending @ level.values))
        )
        diagonal = squared_product(self.data_back, each) + bend * squared_product(self.bending_back, self.give)
        inverse = torch.where(free, 1 / diagonal.clamp(min=1e-30), 0)
        # What the points ask for in all, so that a good start is not refined to ever more digits.
        whole = self.data_back @ (each * target)
        enough = TOLERANCE**2 * float(torch.dot(whole, inverse * whole))
        change = _conjugate_gradients(product, torch.where(free, right, 0), inverse, enough, iterations)
        return replace(level, values=level.values + change)

    def look(self, level: Level) -> tuple[Float[torch.Tensor, " p"], Float[torch.Tensor, "p 3"]]:
        """f and ∇f at the points."""
        found = (self.data @ level.values).reshape(4, self.points)
        return found[0], found[1:].T


def _conjugate_gradients(
    product: Callable[[torch.Tensor], torch.Tensor],
    right: torch.Tensor,
    inverse: torch.Tensor,
    enough: float,
    iterations: int,
) -> torch.Tensor:
    """The solution of product(x) = right by conjugate gradients, to a squared residual of `enough`.

    `inverse` is that of the diagonal, zero on entries that stay zero; the residual is measured in it.
    """
    solution = torch.zeros_like(right)
    residual, scaled = right.clone(), inverse * right
    direction, square = scaled.clone(), torch.dot(right, scaled)
    for _ in range(iterations):
        if float(square) <= enough:
            break
        image = product(direction)
        length = square / torch.dot(direction, image)
        solution += length * direction
        residual -= length * image
        scaled = inverse * residual
        following = torch.dot(residual, scaled)
        direction = scaled + (following / square) * direction
        square = following
    return solution


def _renewed(
    sample: Sample, system: _System, level: Level, smoothing: Smoothing, filtered: BilateralFilter | None
) -> Sample:
    """The sample with normals and weights as the solution has them, the normals filtered."""
    value, gradient = system.look(level)
    length = gradient.norm(dim=-1, keepdim=True)
    normals = torch.where(length > LEAST_GRADIENT, gradient / length.clamp(min=1e-12), sample.normals)
    if filtered is not None:
        normals = filtered(normals, sample.weights)
    if smoothing.outlier_scale == 0:
        return replace(sample, normals=normals)
    distance = value.abs() / length[:, 0].clamp(min=LEAST_GRADIENT)
    # The floor keeps exact points from calling each other outliers over what the step cannot resolve.
    scale = smoothing.outlier_scale * (SIGMA_PER_MEDIAN * distance.median() + 0.1 * level.step)
    return replace(sample, normals=normals, weights=1 / (1 + (distance / scale) ** 2) ** 2)


def _reopened(
    sample: Sample, system: _System, level: Level, smoothing: Smoothing, filtered: BilateralFilter | None
) -> Sample:
    """The sample for a level smoothed less than the one that this solution is from.

    What the smoother one has flattened, such as the tip of a limb, must not count as an outlier or lend its normals.
    """
    value, gradient = system.look(level)
    distance = value.abs() / gradient.norm(dim=-1).clamp(min=LEAST_GRADIENT)
    near = distance < max(TRUSTED[0] * level.step, TRUSTED[1] * SIGMA_PER_MEDIAN * float(distance.median()))
    found = _renewed(sample, system, level, smoothing, filtered)
    return replace(sample, normals=torch.where(near[:, None], found.normals, sample.normals))


def _stencil(
    level: Level, offsets: list[tuple[int, int, int]], factors: list[float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and factors of a stencil at every node that has all of its neighbours."""
    parts = []
    for keys in level.keys.split(NODES_AT_ONCE):
        rows, whole = [], torch.ones(len(keys), dtype=torch.bool, device=keys.device)
        for offset in offsets:
            found, there = look_up(level.keys, keys + shift(*offset))
            rows.append(found.int())
            whole &= there
        parts.append(torch.stack(rows, 1)[whole])
    kept = torch.cat(parts)
    return kept, beside(factors, level.values).expand(len(kept), -1)


def _laplacian(level: Level) -> tuple[torch.Tensor, Int[torch.Tensor, " r"]]:
    """The matrix, and the node that each of its rows is about."""
    offsets = [(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    rows, factors = _stencil(level, offsets, [-6.0, *[1.0] * 6])
    return sparse_rows(rows, factors / level.step**2, len(level.keys)), rows[:, 0].clone()


def _hessian(level: Level) -> torch.Tensor:
    """Second differences, those of mixed derivatives counted twice: the squares sum to |∇²f|²."""
    parts = []
    axes = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    for ahead in axes:
        back = (-ahead[0], -ahead[1], -ahead[2])
        parts.append(_stencil(level, [(0, 0, 0), ahead, back, (0, 0, 0)], [-2.0, 1.0, 1.0, 0.0]))
    for one, other in itertools.combinations(axes, 2):
        both = (one[0] + other[0], one[1] + other[1], one[2] + other[2])
        parts.append(_stencil(level, [both, one, other, (0, 0, 0)], [2**0.5, -(2**0.5), -(2**0.5), 2**0.5]))
    rows = torch.cat([part[0] for part in parts])
    factors = torch.cat([part[1] for part in parts])
    return sparse_rows(rows, factors / level.step**2, len(level.keys))
