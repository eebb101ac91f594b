"""Linear equations in stages, on boxes of one or two coordinates, time included.

Notation: residual R(u) = L u − g and conditions B u = b of a problem; u the sum of the stages so far; the next stage's
ε v has to obey L(ε v) = −R(u) and B(ε v) = b − B u (after Wang & Lai, arXiv 2307.08934, part on equations). L v is
R(v) − R(0), so that a problem says nothing more than it does for one network. s, coordinates in [−1, 1]^d.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float

from nfield.core.checks import UserError
from nfield.core.types import Evaluation
from nfield.equations.consistency import expression_values
from nfield.equations.derivatives import Derivatives
from nfield.equations.domains import Box
from nfield.equations.problem import Problem
from nfield.fields.stage_plan import (
    StagePlan,
    chebyshev_per_half_wave,
    chebyshev_points,
    most_per_axis,
    product_of,
    samples_per_axis,
)
from nfield.fields.staged import StageConfig, StagedField
from nfield.jobs.equation.places import Place, places
from nfield.spectral.residual import UNTOLD, ResidualFigures, residual_on_grid, root_mean_square

PROBE_SIDES = {1: 4096, 2: 96}
"""Points along each axis of the grid that tells the residual's size and frequency."""
EDGE_SIDES = {1: 1, 2: 257}
"""Points along each face at which the conditions are looked at."""
NOISE = 1e-7
"""An error below this, of waves too fast for the grid, is the rounding of derivatives."""
MOST_NEURONS = {1: 1200, 2: 900}
NEURONS_PER_WAVE = 2.0
"""Neurons to a function of the band: (2κ/π)^d of them, sines and cosines alike, span all that waves up to κ can do."""
LINEAR_TOLERANCE = 1e-8
LEAST_SHARE = 0.1
"""Equation or conditions have a say in the next stage's frequency where they are not this much smaller."""

Function = Callable[[torch.Tensor], torch.Tensor]


class EquationStages:
    """A problem with a linear residual as a job that is done in stages (`StageProblem`)."""

    out_dim = 1

    def __init__(self, problem: Problem) -> None:
        """Raises UserError for other domains, more coordinates, and equations that are not linear."""
        if problem.residual is None or not isinstance(problem.domain, Box) or problem.dimension > 2:
            raise UserError(
                "--stages needs an equation with a residual on a box of at most two coordinates, time included. "
                "Leave it out, for one network."
            )
        self.problem, self.in_dim = problem, problem.dimension
        low, high = (torch.tensor(ends, dtype=torch.float64) for ends in (problem.low, problem.high))
        self.centre, self.half_sides = (low + high) / 2, (high - low) / 2
        side = PROBE_SIDES[self.in_dim]
        axis = -1 + 2 * (torch.arange(side, dtype=torch.float64) + 0.5) / side
        self.grid = product_of([axis] * self.in_dim)
        self.side, self.spacing = side, 2 / side
        self._check_linear()
        self.zero = self.residual(_nothing, self.grid).detach()
        self.edges = places(problem, torch.linspace(-1, 1, EDGE_SIDES[self.in_dim], dtype=torch.float64))
        # What counts as all of it: the forcing, or where there is none what L makes of a slow wave of u's size.
        forcing = root_mean_square(self.zero)
        slow = self.gain(0.25) * problem.size
        self.whole = forcing if forcing > 1e-12 * slow else slow
        self.given = max([problem.size, *(float(b.abs().max()) for _, b in self._gaps(_nothing))])

    def physical(self, scaled: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points of [−1, 1]^d in the problem's units."""
        return self.centre + self.half_sides * scaled

    def unit(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n d"]:
        """Points in the problem's units in [−1, 1]^d."""
        return (points - self.centre) / self.half_sides

    def residual(self, function: Function, scaled: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """R(u) of a function of scaled points, differentiable by its weights."""
        with torch.enable_grad():
            at = Derivatives(self.physical(scaled), self.problem.names)
            u = function(self.unit(at.points)) + 0 * at.points.sum(1, keepdim=True)
            return expression_values(self.problem.residual, "residual", u, at)  # type: ignore[arg-type]

    def mismatches(self, function: Function, place: Place) -> dict[str, torch.Tensor]:
        """B u − b on one place, by term."""
        return place.mismatches(lambda points: function(self.unit(points)), self.problem)

    def gain(self, frequency: float) -> float:
        """Size of L w over that of w for waves of that frequency, along the axes in turn."""
        sizes = []
        for axis in range(self.in_dim):

            def wave(s: torch.Tensor, axis: int = axis) -> torch.Tensor:
                return (2 * math.pi * frequency * s[:, axis : axis + 1] + 1).sin()

            made = self.residual(wave, self.grid) - self.residual(_nothing, self.grid)
            sizes.append(root_mean_square(made) / root_mean_square(wave(self.grid)))
        return math.sqrt(sum(size**2 for size in sizes) / len(sizes))

    def error(self, found: StagedField) -> float:
        """The larger one of the residual's size, as a share of the forcing's, and of the conditions' largest miss."""
        return self._share(root_mean_square(self.residual(found, self.grid)), self._gaps(found))

    def plan(self, found: StagedField, config: StageConfig) -> StagePlan | None:
        """The next stage: κ by what equation and conditions lack, its neurons as many as waves up to κ ask for."""
        values, gaps = self.residual(found, self.grid).detach(), self._gaps(found)
        inside = residual_on_grid(values.reshape(*[self.side] * self.in_dim, 1), self.spacing)
        if replace(inside, size=self._share(inside.size, gaps)).is_rounding(1.0, self.spacing, noise=NOISE):
            return None
        error = replace(inside, size=inside.size / self.gain(max(inside.frequency, 0.25)))
        missed = ResidualFigures(
            size=max((root_mean_square(gap) for _, gap in gaps), default=0.0),
            frequency=max((place.frequency(gap) for place, gap in gaps), default=0.0),
        )
        scale = max(error.size, missed.size)
        told = [one.frequency for one in (error, missed) if one.size >= LEAST_SHARE * scale]
        stated = [
            f * float(self.half_sides[self.problem.names.index(name)])
            for name, all_of in self.problem.frequencies.items()
            for f in all_of
        ]
        fastest = 1 / (UNTOLD * self.spacing)
        kappa = ResidualFigures(size=scale, frequency=min(fastest, max([*told, *stated]))).kappa
        neurons = math.ceil(NEURONS_PER_WAVE * (2 * kappa / math.pi) ** self.in_dim)
        width = max(config.width, min(neurons, MOST_NEURONS[self.in_dim]))
        config = replace(config, kappa=kappa, width=width)
        side = samples_per_axis(max(told), kappa, config.parameters(self.in_dim, 1), self.in_dim)
        side = min(side, most_per_axis(self.in_dim))
        notes: tuple[str, ...] = ()
        if neurons > width:
            notes = (f"{neurons} neurons were wanted for waves of this frequency, but no more than {width} are taken.",)
        return StagePlan(
            task=EquationStageTask(self, found, side, scale),
            config=config,
            scale=scale,
            frequency=max(told),
            samples=side**self.in_dim,
            per_half_wave=chebyshev_per_half_wave(side, max(told)),
            notes=notes,
        )

    def _share(self, inside: float, gaps: list[tuple[Place, torch.Tensor]]) -> float:
        return max(inside / self.whole, *(float(gap.abs().max()) / self.given for _, gap in gaps), 0.0)

    def _gaps(self, function: Function) -> list[tuple[Place, torch.Tensor]]:
        """B u − b with the place that it belongs to; there are two on a periodic one."""
        return [(place, gap.detach()) for place in self.edges for gap in self.mismatches(function, place).values()]

    def _check_linear(self) -> None:
        """Raise UserError where R(a + b) − R(a) − R(b) + R(0) is not zero for two waves."""
        points, size = self.grid[:: max(1, len(self.grid) // 64)], self.problem.size

        def first(s: torch.Tensor) -> torch.Tensor:
            return size * (1.3 * s.sum(1, keepdim=True) + 0.4).sin()

        def second(s: torch.Tensor) -> torch.Tensor:
            return size * (2.1 * s[:, :1] - 0.7 * s.sum(1, keepdim=True)).cos()

        both, a, b, none = (self.residual(f, points) for f in (lambda s: first(s) + second(s), first, second, _nothing))
        whole = sum(map(root_mean_square, (a, b, none)))
        if root_mean_square(both - a - b + none) > LINEAR_TOLERANCE * whole:
            raise UserError("--stages needs an equation that is linear in u, but this residual is not. Leave it out.")


class EquationStageTask:
    """One stage: (ε L v + R(u)) / ρ inside, ρ the size of R(u), and B v + (B u − b) / ε where there are conditions."""

    quality_name = "residual_db"

    def __init__(self, stages: EquationStages, found: StagedField, side: int, scale: float) -> None:
        self.stages, self.scale = stages, scale
        points = chebyshev_points(side, stages.in_dim)
        residual = stages.residual(found, points).detach()
        # Where the equation holds already, errors of the size of ε count as one.
        self.size = max(root_mean_square(residual), scale * stages.gain(0.25))
        self.parts = {"points": points, "residual": residual, "zero": stages.residual(_nothing, points).detach()}
        line = chebyshev_points(side, 1)[:, 0] if stages.in_dim > 1 else torch.zeros(1, dtype=torch.float64)
        self.places = places(stages.problem, line)
        for place in self.places:
            linear = stages.mismatches(_nothing, place)
            for name, gap in stages.mismatches(found, place).items():
                # (B u − b) / ε less (B 0 − b), so that adding B v − b gives B v + (B u − b) / ε.
                self.parts[name] = gap.detach() / scale - linear[name].detach()

    def batch(self, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """All points, the same ones each time."""
        del generator
        return self.parts

    def residuals(self, field: Any, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the equation and each condition lack, of order one before training."""
        made = self.stages.residual(field, batch["points"]) - batch["zero"]
        found = {"equation": made * (self.scale / self.size) + batch["residual"] / self.size}
        for place in self.places:
            for name, gap in self.stages.mismatches(field, place).items():
                found[name] = gap + batch[name]
        return found

    def losses(self, field: Any, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Their mean squares."""
        return {name: r.square().mean() for name, r in self.residuals(field, batch).items()}

    def evaluate(self, field: Any) -> Evaluation:
        """The loss in decibels."""
        loss = sum(float(term.detach()) for term in self.losses(field, self.parts).values())
        return Evaluation(quality=-10 * math.log10(loss) if loss > 0 else math.inf, band_errors=[])


def _nothing(scaled: torch.Tensor) -> torch.Tensor:
    return 0 * scaled.sum(1, keepdim=True)
