"""Linear equations in stages. Oracles: exact solutions that training is not told, and operators whose gain is known."""

import math

import pytest
import torch

from nfield.core.checks import UserError
from nfield.equations import Box, Dirichlet, Disk, Initial, Neumann, Periodic, Problem
from nfield.equations.named import named_problem
from nfield.fields.staged import StageConfig, StagedField
from nfield.fields.staged_solution import StagedSolution
from nfield.jobs.equation.places import places
from nfield.jobs.equation.probe import Probe
from nfield.jobs.equation.stages_task import EquationStages
from nfield.training.stages import StageSettings, fit_in_stages

LAST_LAYERS = {"adam_steps": 0, "refine_steps": 0}


def solution(x):
    return torch.sin(2 * x + 1) + 0.2 * torch.exp(1.3 * x)


def source(x):
    return 4 * torch.sin(2 * x + 1) - 0.2 * 1.69 * torch.exp(1.3 * x)


def line(conditions, **changed):
    """−u″ = g on an interval that is not [−1, 1]."""
    wanted = {
        "domain": Box(-0.5, 2),
        "residual": lambda u, at: -at(u, "xx") - source(at.x),
        "conditions": conditions,
        "exact": solution,
    }
    return Problem(**{**wanted, **changed})


def solved(problem, **settings):
    field, records, _ = fit_in_stages(EquationStages(problem), StageSettings(**settings))
    error, _ = Probe(problem).final_errors(StagedSolution(field, problem))
    return error, records


def test_poisson_to_the_last_digits():
    error, records = solved(line((Dirichlet(value=solution),)), stages=2)
    assert error < 1e-13
    assert [record.kept for record in records] == [True, True]
    assert records[1].error < 1e-2 * records[0].error
    assert records[1].scale < 1e-6 * records[0].scale


def test_waves_that_the_problem_states_have_neurons_enough():
    """Two scales 25 times apart, and Helmholtz far above its forcing: no network of 20 neurons can hold either."""
    error, records = solved(named_problem("poisson-two-scale"), stages=2)
    assert error < 1e-9
    assert records[0].width > 80
    error, records = solved(named_problem("helmholtz"), stages=2, **LAST_LAYERS)
    assert error < 1e-8
    assert records[0].kappa == pytest.approx(205, rel=1e-3)


def test_slopes_on_a_part_of_the_boundary():
    """u at the left end, u' along the outward normal at the right one."""

    def left(points):
        return points[:, 0] < 0

    def slope(x):
        return 2 * torch.cos(2 * x + 1) + 0.26 * torch.exp(1.3 * x)

    conditions = (Dirichlet(value=solution, where=left), Neumann(value=slope, where=lambda p: ~left(p)))
    error, _ = solved(line(conditions), stages=2, **LAST_LAYERS)
    assert error < 1e-11


def test_a_wave_that_moves_round():
    """u_t + u_x = 0, periodic, without any forcing: all that the first stage is told comes from the start."""
    problem = Problem(
        domain=Box(0, 2 * math.pi),
        time=(0.0, 1.0),
        residual=lambda u, at: at(u, "t") + at(u, "x"),
        conditions=(Periodic(axis="x"), Initial(value=lambda p: p[:, :1].sin())),
        exact=lambda p: (p[:, :1] - p[:, 1:]).sin(),
        order=1,
        grid=(32, 32),
    )
    error, records = solved(problem, stages=2, **LAST_LAYERS)
    assert error < 1e-6
    assert records[1].error < records[0].error < 1e-3


def test_each_condition_tells_its_own_frequency():
    """Three waves over the box at the start, 1.5 to a unit, beside a periodic axis, which has two terms."""
    problem = Problem(
        domain=Box(0, 2 * math.pi),
        time=(0.0, 1.0),
        residual=lambda u, at: at(u, "t") + at(u, "x"),
        conditions=(Periodic(axis="x"), Initial(value=lambda p: (3 * p[:, :1]).sin())),
        order=1,
    )
    plan = EquationStages(problem).plan(StagedField(2, 1), StageConfig(kappa=5.0, width=8))
    assert plan is not None
    assert plan.frequency == pytest.approx(1.5, abs=0.3)


def test_the_gain_of_an_operator_is_that_on_waves():
    """|k²| and |λ² − k²| with k = 2πf over half the side."""
    stages = EquationStages(line((Dirichlet(value=solution),)))
    assert stages.gain(3.0) == pytest.approx((2 * math.pi * 3 / 1.25) ** 2)
    helmholtz = EquationStages(named_problem("helmholtz"))
    assert helmholtz.gain(0.5) == pytest.approx(205**2 - math.pi**2)


def test_faces_of_a_box_have_their_conditions():
    problem = Problem(
        domain=Box(0, 2),
        time=(1.0, 3.0),
        residual=lambda u, at: at(u, "t") - at(u, "xx"),
        conditions=(Dirichlet(value=5.0, where=lambda p: p[:, 0] < 1), Neumann(value=0.0, where=lambda p: p[:, 0] > 1),
                    Initial(value=2.0)),
    )  # fmt: skip
    found = places(problem, torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64))
    assert [place.name for place in found] == ["boundary_x_low", "flux_x_high", "initial_t_low"]
    assert found[0].points.tolist() == [[0, 1], [0, 2], [0, 3]]
    assert found[1].points.tolist() == [[2, 1], [2, 2], [2, 3]]
    assert found[2].points.tolist() == [[0, 1], [1, 1], [2, 1]]
    missed = [place.mismatches(lambda p: 3 * p[:, :1] + p[:, 1:], problem) for place in found]
    assert missed[0]["boundary_x_low"][:, 0].tolist() == [-4, -3, -2]
    assert missed[1]["flux_x_high"][:, 0].tolist() == [3, 3, 3]
    assert missed[2]["initial_t_low"][:, 0].tolist() == [-1, 2, 5]


@pytest.mark.parametrize(
    ("size", "cycles", "planned"), [(1e-15, 400.0, False), (1e-12, 400.0, True), (1e-9, 4.0, True)]
)
def test_rounding_of_derivatives_has_no_stage(size, cycles, planned):
    """Oracle: an exact solution and a wave, whose second derivatives are (2π cycles / 1.25)² times as large."""

    class Nearly(StagedField):
        def forward(self, points):
            return solution(0.75 + 1.25 * points) + size * torch.sin(2 * math.pi * cycles * points)

    stages = EquationStages(line((Dirichlet(value=solution),)))
    found = Nearly(1, 1)
    assert stages.error(found) == pytest.approx(
        size * (2 * math.pi * cycles / 1.25) ** 2 / math.sqrt(2) / stages.whole, rel=0.1
    )
    assert (stages.plan(found, StageConfig(kappa=5.0, width=8)) is not None) == planned


def test_nothing_to_solve_has_no_stage():
    problem = line((Dirichlet(),), residual=lambda u, at: at(u, "xx"), exact=None)
    stages = EquationStages(problem)
    assert stages.plan(StagedField(1, 1), StageConfig(kappa=5.0, width=8)) is None


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (lambda: named_problem("burgers"), "linear in u"),
        (lambda: line((Dirichlet(),), residual=lambda u, at: at(u, "xx") + u**2), "linear in u"),
        (lambda: line((Dirichlet(),), residual=None, energy=lambda u, at: at(u, "x") ** 2), "a box of at most two"),
        (lambda: line((Dirichlet(),), domain=Disk((0, 0), 1), exact=None), "a box of at most two"),
    ],
)
def test_what_stages_cannot_do_is_told(problem, told):
    with pytest.raises(UserError, match=told):
        EquationStages(problem())
