"""Losses and residuals of the equation task against closed forms, in float64."""

import math
from typing import Any

import pytest
import torch

from nfield.backbones import MLPConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings.identity import IdentityConfig
from nfield.equations import Box, Dirichlet, Initial, Neumann, Periodic, Problem
from nfield.equations.ansatz import Ansatz
from nfield.equations.named import PROBLEMS, named_problem
from nfield.fields.base import Field
from nfield.fields.solution import SolutionField
from nfield.jobs.equation.polish import FIXED_PER_PARAMETER, PolishTask
from nfield.jobs.equation.task import PdeTask
from nfield.training.row_jacobians import row_jacobians, trained_names

EXACT = [name for name in PROBLEMS if name not in ("allen-cahn", "burgers")]
"""Those with a closed form that can be differentiated to rounding."""


def network(ansatz: Ansatz, terms: int = 1, seed: int = 0) -> SolutionField:
    draw = generator(seed, "weights")
    encoding = IdentityConfig().build(ansatz.lifted, draw)
    backbone = MLPConfig(width=4, depth=1, activation="tanh").build(encoding.out_dim, 1, draw)
    return SolutionField(Field(encoding, backbone), ansatz, terms).double()


def rod(**changes: Any) -> Problem:
    """u_t - u_xx = 2t - 12 x² on [0, 1], whose solution is x⁴ + t²."""
    entries: dict[str, Any] = {
        "domain": Box(0, 1),
        "time": (0.0, 1.0),
        "residual": lambda u, at: at(u, "t") - at(u, "xx") - 2 * at.t + 12 * at.x**2,
        "conditions": (
            Neumann(value=lambda p: 4 * (p[:, :1] > 0.5).to(p)),
            Initial(value=lambda p: p[:, :1] ** 4),
        ),
        "exact": lambda p: p[:, :1] ** 4 + p[:, 1:] ** 2,
        "grid": (16, 8),
    }
    return Problem(**{**entries, **changes})


def soft(problem: Problem, **options: Any) -> tuple[PdeTask, dict[str, Any]]:
    task = PdeTask(problem, Ansatz(problem, hard=False), points=50, boundary_points=32, **options)
    return task, task.batch(generator(1))


@pytest.mark.parametrize("name", EXACT)
def test_the_exact_solution_has_no_residual_and_meets_every_condition(name: str) -> None:
    """Residuals are shares of a zero network's, whose derivatives of waves up to 1570 rad are about 1e6 times u."""
    problem = named_problem(name)
    task, batch = soft(problem, objective="residual")
    found = task.residuals(problem.exact, batch)
    assert set(found) == set(task.terms)
    for residual in found.values():
        assert float(residual.detach().abs().max()) < 1e-8


def test_a_manufactured_solution_has_no_residual_in_any_term() -> None:
    task, batch = soft(rod())
    assert task.terms == ["residual", "flux", "initial"]
    for residual in task.residuals(rod().exact, batch).values():
        assert float(residual.detach().abs().max()) < 1e-12


def test_residuals_of_another_function_are_those_worked_by_hand() -> None:
    """u = x⁴ + t² + a x² t: residual a x² - 2 a t; flux 2 a t at x = 1, none at 0; at the start nothing. Each is a
    share of what zero has: for the initial value its root mean square, 1/3, up to that of 1024 points."""
    a = 0.3
    task, batch = soft(rod())

    def other(p: torch.Tensor) -> torch.Tensor:
        return p[:, :1] ** 4 + p[:, 1:] ** 2 + a * p[:, :1] ** 2 * p[:, 1:]

    found = {name: r.detach() * task._scales[name] for name, r in task.residuals(other, batch).items()}
    x, t = batch["points"].T[:, :, None]
    torch.testing.assert_close(found["residual"], a * x**2 - 2 * a * t)
    x, t = batch["flux"][0].T[:, :, None]
    assert set(x.flatten().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(found["flux"], 2 * a * t * x)
    torch.testing.assert_close(found["initial"], torch.zeros_like(found["initial"]))
    assert task._scales["initial"] == pytest.approx(1 / 3, rel=0.01)


def test_periodic_and_slope_conditions_compare_what_they_name() -> None:
    """u = x² + 3t on [0, 2]: the ends differ by 4, their slopes by 4 per unit, times half the side; u_t = 3 for 1."""
    problem = rod(
        domain=Box(0, 2),
        conditions=(Periodic(axis="x"), Initial(value=0.0), Initial(value=1.0, order=1)),
        residual=lambda u, at: at(u, "tt") - at(u, "xx") - 1,
        exact=None,
    )
    task, batch = soft(problem)
    found = task.residuals(lambda p: p[:, :1] ** 2 + 3 * p[:, 1:], batch)
    ends = found["periodic"].detach() * task._scales["periodic"]
    torch.testing.assert_close(ends, torch.full_like(ends, -4.0))
    slope = found["initial_slope"].detach() * task._scales["initial_slope"]
    torch.testing.assert_close(slope, torch.full_like(slope, 2.0))


def test_a_network_of_zero_has_a_loss_of_one_in_each_term() -> None:
    """Up to the difference of the mean squares of two sets of points."""
    task, batch = soft(rod(), balance="none")
    field = network(task.ansatz, len(task.terms))
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.zero_()
    for loss in task.losses(field, batch).values():
        assert float(loss.detach()) == pytest.approx(1.0, rel=0.25)


def test_the_ritz_energy_of_the_exact_solution_is_its_closed_form_and_least() -> None:
    """The mean over [-1, 1] of ½u'² - μ² sin(μx) u for u = c sin μx is μ² (c²/4 - c/2); one point in each of 4096 equal
    cells gives the mean of what is periodic to 1e-3 of its size, μ²."""
    problem = named_problem("mscale-ritz")
    task = PdeTask(problem, Ansatz(problem), objective="energy", points=4096)
    batch = task.batch(generator(0))
    mu = 6 * math.pi

    def energy(c: float) -> float:
        found = task.residuals(lambda p: c * (mu * p).sin(), batch)
        assert set(found) == {"energy"}
        return float(found["energy"].detach().mean()) * task._scales["energy"]

    for c in (0.5, 1.0, 1.3):
        assert energy(c) == pytest.approx(mu**2 * (c * c / 4 - c / 2), abs=1e-3 * mu**2)
    assert energy(1.0) < min(energy(0.9), energy(1.1))


@pytest.mark.parametrize("name", ["poisson-many-scale", "helmholtz", "heat", "advection", "burgers"])
def test_conditions_that_the_field_meets_by_itself_hold_to_rounding(name: str) -> None:
    """Of any network; the same conditions as loss terms see no mismatch."""
    problem = named_problem(name)
    hard = Ansatz(problem)
    assert not hard.soft
    task, batch = soft(problem)
    for seed in range(3):
        found = task.residuals(network(hard, seed=seed), batch)
        for condition in set(found) - {"residual"}:
            assert float(found[condition].detach().abs().max()) < 1e-11


@pytest.mark.parametrize("hard", [True, False])
def test_gradients_of_the_loss_are_those_of_central_differences(hard: bool) -> None:
    """In float64, along a random direction of all parameters; the error of differences of 1e-5 is about 1e-9."""
    problem = rod()
    task = PdeTask(problem, Ansatz(problem, hard=hard), points=20, boundary_points=8, balance="none")
    batch = task.batch(generator(0))
    field = network(task.ansatz, len(task.terms))
    parameters = list(field.parameters())
    along = [torch.randn(p.shape, generator=generator(2), dtype=torch.float64) for p in parameters]

    def loss(step: float) -> torch.Tensor:
        with torch.no_grad():
            for parameter, direction in zip(parameters, along, strict=True):
                parameter.add_(step * direction)
        total = torch.stack(list(task.losses(field, batch).values())).sum()
        # Where conditions are met exactly the last bias has no effect.
        slopes = torch.autograd.grad(total, parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, direction in zip(parameters, along, strict=True):
                parameter.sub_(step * direction)
        parts = [(s * d).sum() for s, d in zip(slopes, along, strict=True) if s is not None]
        return torch.stack([total.detach(), torch.stack(parts).sum()])

    h = 1e-5
    measured = (loss(h)[0] - loss(-h)[0]) / (2 * h)
    assert float(loss(0.0)[1]) == pytest.approx(float(measured), rel=1e-6)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("name", ["helmholtz", "wave", "advection", "burgers"])
def test_jacobians_by_rows_see_the_whole_field(name: str, hard: bool) -> None:
    """Oracle: one backward pass for each residual. Exact conditions call the network at projections of every point too,
    some of them the same for all, and for `wave` take its derivative there."""
    problem = named_problem(name)
    task = PdeTask(problem, Ansatz(problem, hard=hard), points=9, boundary_points=5)
    field = network(task.ansatz, len(task.terms)).eval()
    batch, names = task.batch(generator(0)), trained_names(field)
    blocks = list(row_jacobians(field, task, batch, names))
    parameters = [field.get_parameter(n) for n in names]
    rows = []
    for value in torch.cat([r[:, 0] / len(r) ** 0.5 for r in task.residuals(field, batch).values()]):
        slopes = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
        parts = [torch.zeros_like(p) if slope is None else slope for slope, p in zip(slopes, parameters, strict=True)]
        rows.append(torch.cat([part.reshape(-1) for part in parts]))
    expected = torch.stack(rows)
    found = torch.cat([jacobian for jacobian, _ in blocks])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * float(expected.abs().max()))


def test_polishing_with_new_points_takes_those_of_large_residuals() -> None:
    """Oracle: candidates are three times as many, and adaptive sampling prefers large residuals among them."""
    task, _ = soft(rod(), sampler="adaptive")
    field = network(task.ansatz, len(task.terms)).eval()
    job = PolishTask(task, field, fixed=False)
    count = max(4 * 50, field.count_parameters())
    first, second = (job.batch(generator(seed)) for seed in (0, 1))
    assert len(first["points"]) == len(second["points"]) == count
    assert not torch.equal(first["points"], second["points"])
    assert torch.equal(job.batch(generator(0))["points"], first["points"])
    assert "noise" not in first
    task.sampler = "uniform"
    even = PolishTask(task, field, fixed=False).batch(generator(0))

    def size(batch: dict[str, Any]) -> float:
        return float(task.residuals(field, batch)["residual"].detach().abs().mean())

    assert size(first) > 1.1 * size(even)
    assert (task.points, task.boundary_points) == (50, 32)


def test_polishing_keeps_to_the_same_points_and_weights() -> None:
    task, _ = soft(rod(), sampler="adaptive")
    field = network(task.ansatz, len(task.terms)).eval()
    field.weights.copy_(torch.tensor([1.0, 4.0, 9.0]))
    job, again = (PolishTask(task, field, fixed=True) for _ in range(2))
    assert (task.points, task.boundary_points, task.sampler) == (50, 32, "adaptive")
    batch = job.batch(generator(0))
    assert torch.equal(batch["points"], again.batch(generator(5))["points"])
    assert len(batch["points"]) >= max(400, FIXED_PER_PARAMETER * field.count_parameters())
    plain, weighted = task.residuals(field, batch), job.losses(field, batch)
    for (name, residual), weight in zip(plain.items(), (1.0, 4.0, 9.0), strict=True):
        assert float(weighted[name].detach()) == pytest.approx(weight * float(residual.detach().square().mean()))


def test_what_the_problem_or_the_field_lacks_is_told() -> None:
    at_rest: dict[str, Any] = {"time": None, "conditions": (Dirichlet(),), "exact": None, "grid": (64,)}
    problem = rod(residual=None, energy=lambda u, at: at(u, "x").square(), **at_rest)
    with pytest.raises(UserError, match="no residual"):
        PdeTask(problem, Ansatz(problem))
    task, _ = soft(rod())
    draw = generator(0)
    kinks = MLPConfig(width=4, depth=1, activation="relu").build(2, 1, draw)
    with pytest.raises(UserError, match="derivatives of order 2"):
        task.check_field(SolutionField(Field(IdentityConfig().build(2, draw), kinks), task.ansatz))
