"""The job of solving an equation: points, residuals or an energy, conditions, and errors against a known solution."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nfield.core.checks import UserError
from nfield.core.moving import move
from nfield.core.seeding import generator as seeded
from nfield.core.types import Evaluation
from nfield.equations.ansatz import Ansatz
from nfield.equations.conditions import Condition, Dirichlet, Initial, Periodic, values_at
from nfield.equations.consistency import expression_values
from nfield.equations.derivatives import Derivatives
from nfield.equations.problem import Problem, condition_name
from nfield.equations.sampling import adaptive_choice, unit_points
from nfield.fields.solution import SolutionField
from nfield.fields.staged_solution import StagedSolution
from nfield.jobs.equation.balance import KEPT, balanced_weights
from nfield.jobs.equation.polish import PolishTask
from nfield.jobs.equation.probe import Probe

BALANCE_EVERY = 100
"""Steps between two looks at the balance of the terms."""
CANDIDATES = 3
"""With adaptive sampling, candidates for each point that is kept."""
CANDIDATES_AT_ONCE = 4096
SCALE_POINTS = 1024


class PdeTask:
    """Lessen the mean square of the residual and of all conditions that the field does not meet by itself.

    Every residual is divided by its root mean square for a network that is zero, so that all start near one. With
    `objective` energy the integral of its density takes the residual's place, and conditions get a fixed weight.
    """

    def __init__(
        self,
        problem: Problem,
        ansatz: Ansatz,
        *,
        objective: str = "residual",
        points: int = 512,
        boundary_points: int = 128,
        sampler: str = "stratified",
        balance: str = "gradients",
        penalty: float = 500.0,
        finisher: Callable[[SolutionField, PolishTask, Any], bool] | None = None,
        seed: int = 0,
    ) -> None:
        self.problem, self.ansatz, self.objective = problem, ansatz, objective
        self.points, self.boundary_points, self.sampler = points, boundary_points, sampler
        self.balance, self.penalty, self.seed = balance, penalty, seed
        self.finisher = finisher
        self.probe = Probe(problem)
        self.quality_name = "snr" if self.probe.known else "residual_db"
        expression = problem.residual if objective == "residual" else problem.energy
        if expression is None:
            raise UserError(f"This problem has no {objective}. Choose the other --objective.")
        self._expression = expression
        self._scales = self._zero_network_sizes()

    @property
    def terms(self) -> list[str]:
        """Names of the loss terms: the residual or energy, then the soft conditions."""
        return [self.objective, *(condition_name(c, self.problem) for c in self.ansatz.soft)]

    def check_field(self, field: SolutionField) -> None:
        """Raise UserError where the field lacks a derivative that the problem needs."""
        wanted = self.problem.order if self.objective == "residual" else self.problem.energy_order
        if self.probe.known is False and self.problem.residual is not None:
            wanted = max(wanted, self.problem.order)
        if field.derivative_order < wanted:
            raise UserError(
                f"The {self.objective} needs derivatives of order {wanted}, but this field has only "
                f"{field.derivative_order:.0f} that are right. Choose a smooth activation (--backbone.activation tanh "
                "or sine), and no grid as --encoding."
            )

    def batch(self, generator: torch.Generator) -> dict[str, Any]:
        """Draw points inside, and on what each soft condition is about."""
        dimension = self.problem.dimension
        adaptive = self.sampler == "adaptive" and self.objective == "residual"
        count = CANDIDATES * self.points if adaptive else self.points
        batch: dict[str, Any] = {"points": self.problem.interior(self._unit(count, generator))}
        if adaptive:
            batch["noise"] = torch.rand(count, generator=generator, dtype=torch.float64)
        for condition in self.ansatz.soft:
            name = condition_name(condition, self.problem)
            unit = unit_points("sobol", self.boundary_points, dimension, generator)
            batch[name] = self._condition_points(condition, unit)
        sizes = {name: self.points if name == self.objective else self._count(batch[name]) for name in self.terms}
        batch["signs"] = {
            name: 2.0 * torch.randint(2, (2 * size, 1), generator=generator) - 1 for name, size in sizes.items()
        }
        return batch

    def _unit(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return unit_points(self.sampler, count, self.problem.dimension, generator)

    @staticmethod
    def _count(places: tuple[torch.Tensor, ...]) -> int:
        return len(places[0])

    def _condition_points(self, condition: Condition, unit: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Points of a condition, with normals, or with the points of the other end of a periodic axis."""
        if isinstance(condition, Initial):
            points = self.problem.start(unit)
            return points, points
        if isinstance(condition, Periodic):
            axis = self.problem.names.index(condition.axis)
            low = self.problem.interior(unit)
            high = low.clone()
            low[:, axis], high[:, axis] = self.problem.low[axis], self.problem.high[axis]
            return low, high
        points, normals = self.problem.boundary(unit)
        if condition.where is not None:
            keep = condition.where(points).reshape(-1).bool()
            # None there by chance: a point elsewhere with weight would be wrong, so the first is repeated elsewhere.
            points, normals = (points[keep], normals[keep]) if bool(keep.any()) else self._dense(condition)
        return points, normals

    def _dense(self, condition: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Points of a small part of the boundary, found among many."""
        draw = seeded(self.seed, "small part")
        points, normals = self.problem.boundary(unit_points("sobol", 1 << 14, self.problem.dimension, draw))
        keep = condition.where(points).reshape(-1).bool()
        return points[keep][: self.boundary_points], normals[keep][: self.boundary_points]

    def losses(self, field: SolutionField, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """The weighted terms; now and then their weights are found anew."""
        residuals = self.residuals(field, batch)
        if self.objective == "energy":
            energy = residuals.pop("energy").mean()
            penalties = {name: self.penalty * r.square().mean() for name, r in residuals.items()}
            return {"energy": energy, **penalties}
        if self.balance != "none" and len(residuals) > 1 and field.training:
            self._rebalance(field, residuals, batch["signs"])
        return {
            name: weight * residual.square().mean()
            for (name, residual), weight in zip(residuals.items(), field.weights.detach().clone(), strict=True)
        }

    @torch.no_grad()
    def _rebalance(
        self, field: SolutionField, residuals: dict[str, torch.Tensor], signs: dict[str, torch.Tensor]
    ) -> None:
        if int(field.calls) % BALANCE_EVERY == 0:
            parameters = [p for p in field.parameters() if p.requires_grad]
            with torch.enable_grad():
                found = balanced_weights(self.balance, residuals, signs, parameters).to(field.weights)
            kept = KEPT if int(field.calls) else 0.0
            field.weights.copy_(kept * field.weights + (1 - kept) * found)
        field.calls += 1

    def residuals(self, field: Any, batch: dict[str, Any]) -> dict[str, torch.Tensor]:
        """What each term's mean square is taken of, (n, 1), by name; of the energy its density, as a share."""
        if "noise" in batch:
            batch = self.chosen(field, batch)
        residuals = {self.objective: self._interior(field, batch["points"]) / self._scales[self.objective]}
        for condition in self.ansatz.soft:
            name = condition_name(condition, self.problem)
            residuals[name] = self._mismatch(field, condition, *batch[name]) / self._scales[name]
        return residuals

    def chosen(self, field: Any, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch of candidates with those of them in which adaptive sampling trains the field."""
        parts = batch["points"].split(CANDIDATES_AT_ONCE)
        with torch.enable_grad():
            found = torch.cat([self._interior(field, part).detach()[:, 0] for part in parts])
        kept = adaptive_choice(found, batch["noise"], self.points)
        return {name: places for name, places in batch.items() if name != "noise"} | {"points": batch["points"][kept]}

    def _interior(self, field: Any, points: torch.Tensor) -> torch.Tensor:
        at = Derivatives(points, self.problem.names)
        return expression_values(self._expression, self.objective, field(at.points), at)

    def _mismatch(self, field: Any, condition: Condition, points: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """How far the field is from a condition at its points."""
        if isinstance(condition, Periodic):
            first, second = Derivatives(points, self.problem.names), Derivatives(other, self.problem.names)
            u, v = field(first.points), field(second.points)
            side = (self.problem.high[0] - self.problem.low[0]) / 2
            slopes = (first(u, condition.axis) - second(v, condition.axis)) * side
            return torch.cat([u - v, slopes])
        target = values_at(condition.value, points, "A condition")
        if isinstance(condition, Dirichlet) or (isinstance(condition, Initial) and condition.order == 0):
            return field(points) - target
        at = Derivatives(points, self.problem.names)
        u = field(at.points)
        if isinstance(condition, Initial):
            return at(u, "t") - target
        space = self.problem.domain.dimension
        return (at.gradient(u)[:, :space] * other).sum(1, keepdim=True) - target

    def _zero_network_sizes(self) -> dict[str, float]:
        """Root mean squares of all terms where the network gives zero; the solution's size where they vanish."""
        draw = seeded(self.seed, "sizes")
        unit = unit_points("sobol", SCALE_POINTS, self.problem.dimension, draw)
        points = self.problem.interior(unit)

        def zero(points: torch.Tensor) -> torch.Tensor:
            return self.ansatz.prescribed(points) + 0 * points.sum(1, keepdim=True)

        if self.objective == "energy":
            at = Derivatives(points, self.problem.names)
            bump = self.ansatz(at.points, lambda p: self.problem.size * p.sum(1, keepdim=True).sin())
            density = expression_values(self._expression, "energy", bump, at)
            found = {"energy": float(density.detach().square().mean().sqrt())}
        else:
            found = {"residual": float(self._interior(zero, points).detach().square().mean().sqrt())}
        for condition in self.ansatz.soft:
            places = self._condition_points(condition, unit)
            size = float(self._mismatch(zero, condition, *places).detach().square().mean().sqrt())
            found[condition_name(condition, self.problem)] = size
        least = 1e-12 * self.problem.size
        return {name: size if size > least else self.problem.size for name, size in found.items()}

    def evaluate(self, field: SolutionField | StagedSolution) -> Evaluation:
        """Error and band errors on the grid, the residual, and a picture."""
        residual = self.residual_size(field)
        if self.probe.known:
            values = self.probe.values(field)
            return Evaluation(
                quality=self.probe.snr(values),
                band_errors=self.probe.band_errors(values),
                numbers={"relative_l2": self.probe.relative_l2(values), "residual": residual},
                snapshot=self.probe.picture(values),
            )
        values = self.probe.values(field)
        decibels = -20 * float(np.log10(max(residual, 1e-300)))
        return Evaluation(quality=decibels, band_errors=[], snapshot=self.probe.picture(values))

    def residual_size(self, field: SolutionField | StagedSolution) -> float:
        """Root mean square of the residual at points of its own, as a share of that of a zero network; NaN without."""
        if self.problem.residual is None or field.derivative_order < self.problem.order:
            return float("nan")
        points = self.problem.interior(
            unit_points("sobol", SCALE_POINTS, self.problem.dimension, seeded(self.seed, "residual"))
        ).to(field.weights)

        def size(function: Any) -> float:
            with torch.enable_grad():
                at = Derivatives(points, self.problem.names)
                found = expression_values(self.problem.residual, "residual", function(at.points), at)  # type: ignore[arg-type]
            return float(found.detach().square().mean().sqrt())

        zero = size(lambda p: self.ansatz.prescribed(p) + 0 * p.sum(1, keepdim=True))
        return size(field) / (zero if zero > 1e-12 * self.problem.size else self.problem.size)

    def polish_task(self, field: SolutionField, *, fixed: bool) -> PolishTask:
        """The same job for optimisers that compare losses; `fixed` for those that need one function in all steps."""
        return PolishTask(self, field, fixed=fixed)

    def finish(self, field: SolutionField) -> bool:
        """What was asked for to complete the field, such as its last layer in closed form; it gets fixed points."""
        if self.finisher is None:
            return False
        job = self.polish_task(field, fixed=True)
        points = job.batch(seeded(self.seed, "finish"))
        return self.finisher(field, job, move(points, field.weights.device, field.weights.dtype))
