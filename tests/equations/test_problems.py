"""Every named problem: its exact solution meets equation and conditions, and the ansatz meets conditions exactly."""

import numpy as np
import pytest
import torch

from nfield.core.seeding import generator
from nfield.equations import Box, Derivatives, Dirichlet, Disk, Initial, Problem
from nfield.equations.ansatz import Ansatz
from nfield.equations.conditions import values_at
from nfield.equations.consistency import check_problem
from nfield.equations.named import PROBLEMS, named_problem
from nfield.equations.sampling import unit_points

every_problem = pytest.mark.parametrize("name", PROBLEMS)


def network(points: torch.Tensor) -> torch.Tensor:
    """Any smooth function: what the ansatz must not depend on where values are prescribed."""
    return (3 * points.sum(1, keepdim=True) + 0.3).cos() * 5


def drawn(problem: Problem, count: int = 64) -> torch.Tensor:
    return unit_points("stratified", count, problem.dimension, generator(0))


@every_problem
def test_the_problem_is_consistent(name: str) -> None:
    check_problem(named_problem(name), name, generator(0))


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "allen-cahn"])
def test_the_residual_of_the_exact_solution_is_zero(name: str) -> None:
    """In float64, relative to the residual of twice the solution, which is not zero where there is a forcing."""
    problem = named_problem(name)
    at = Derivatives(problem.interior(drawn(problem)), problem.names)
    assert problem.exact is not None
    assert problem.residual is not None
    u = problem.exact(at.points)
    residual = problem.residual(u, at).detach().abs().max()
    terms = max(float(at(u, axis * problem.order).detach().abs().max()) for axis in problem.names)
    assert float(residual) < 1e-9 * max(terms, 1e-6)


@every_problem
def test_the_exact_solution_meets_the_conditions(name: str) -> None:
    problem = named_problem(name)
    assert problem.exact is not None
    # The Allen-Cahn reference is a table, whose kink at x = ±1 is rounded off by splines.
    within = 2e-3 if name == "allen-cahn" else 1e-11
    for condition in problem.of(Dirichlet):
        points, _ = problem.boundary(drawn(problem))
        assert torch.allclose(problem.exact(points), values_at(condition.value, points, "value"), atol=within)
    for start in problem.of(Initial):
        at = Derivatives(problem.start(drawn(problem)), problem.names)
        found = problem.exact(at.points)
        found = at(found, "t") if start.order else found
        assert torch.allclose(found, values_at(start.value, at.points, "value"), atol=within)


@every_problem
def test_the_ansatz_meets_its_conditions_whatever_the_network(name: str) -> None:
    problem = named_problem(name)
    ansatz = Ansatz(problem)
    assert ansatz.soft == []
    for condition in problem.of(Dirichlet):
        points, _ = problem.boundary(drawn(problem))
        wanted = values_at(condition.value, points, "value")
        assert torch.allclose(ansatz(points, network), wanted, atol=1e-11)
    for start in problem.of(Initial):
        at = Derivatives(problem.start(drawn(problem)), problem.names)
        u = ansatz(at.points, network)
        found = at(u, "t") if start.order else u
        assert torch.allclose(found, values_at(start.value, at.points, "value"), atol=1e-10)
    for axis in problem.periodic_axes:
        scaled = 2 * drawn(problem) - 1
        ends = []
        for end in (-1.0, 1.0):
            scaled[:, axis] = end
            ends.append(ansatz.lift(scaled))
        assert torch.allclose(*ends, atol=1e-15)


@every_problem
def test_the_ansatz_leaves_the_solution_as_it_is(name: str) -> None:
    """A constrained expression of the exact solution is the solution: nothing has to be divided out."""
    problem = named_problem(name)
    ansatz = Ansatz(problem)
    if name == "allen-cahn":
        return
    assert problem.exact is not None
    points = problem.interior(drawn(problem))
    assert torch.allclose(ansatz(points, problem.exact), problem.exact(points), atol=1e-10)


def test_the_energy_of_the_ritz_problem_is_least_at_its_solution() -> None:
    """∫ ½u'² − fu over [-1, 1] is −μ²/2 for sin μx, worked by hand; any other function has more."""
    problem = named_problem("mscale-ritz")
    assert problem.energy is not None
    at = Derivatives(problem.interior((torch.arange(20_000).double()[:, None] + 0.5) / 20_000), "x")
    mu = 6 * np.pi

    def energy(u: torch.Tensor) -> float:
        assert problem.energy is not None
        return float(2 * problem.energy(u, at).detach().mean())

    least = energy((mu * at.x).sin())
    assert least == pytest.approx(-(mu**2) / 2, rel=1e-6)
    assert energy((mu * at.x).sin() + 0.01 * (np.pi * at.x).sin()) > least


def test_the_ansatz_on_a_disk_is_exact_for_a_number() -> None:
    problem = Problem(domain=Disk((1, 2), 3), residual=lambda u, at: at.laplacian(u), conditions=(Dirichlet(value=4),))
    ansatz = Ansatz(problem)
    points, _ = problem.boundary(drawn(problem))
    assert torch.allclose(ansatz(points, network), torch.full((64, 1), 4.0, dtype=torch.float64), atol=1e-12)


def test_conditions_that_cannot_be_met_exactly_are_left_to_losses() -> None:
    varying = Dirichlet(value=lambda points: points[:, :1])
    on_disk = Problem(domain=Disk((0, 0), 1), residual=lambda u, at: at.laplacian(u), conditions=(varying,))
    assert Ansatz(on_disk).soft == [varying]
    on_box = Problem(domain=Box((0, 0), (1, 1)), residual=lambda u, at: at.laplacian(u), conditions=(varying,))
    assert Ansatz(on_box).soft == []
    assert Ansatz(on_box, hard=False).soft == [varying]


def test_the_allen_cahn_reference_agrees_with_a_coarser_computation() -> None:
    """Oracle: Strang splitting in time (exact reaction, spectral diffusion), another method than that of the table."""
    count, steps = 512, 400
    x = -1 + 2 * np.arange(count) / count
    wave = np.pi * np.fft.fftfreq(count, 1 / count)
    half = np.exp(-1e-4 * wave**2 / (2 * steps))
    u = x**2 * np.cos(np.pi * x)
    grown = np.exp(10 / steps)
    for _ in range(steps // 2):
        u = np.real(np.fft.ifft(half * np.fft.fft(u)))
        # u' = 5u − 5u³ has the solution u e^{5t} / √(1 + u² (e^{10t} − 1)).
        u = u * np.sqrt(grown) / np.sqrt(1 + u**2 * (grown - 1))
        u = np.real(np.fft.ifft(half * np.fft.fft(u)))
    exact = named_problem("allen-cahn").exact
    assert exact is not None
    points = torch.tensor(np.stack([x, np.full(count, 0.5)], 1))
    found = exact(points)[:, 0].numpy()
    assert np.linalg.norm(found - u) < 2e-3 * np.linalg.norm(u)
