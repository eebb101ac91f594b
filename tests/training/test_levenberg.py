"""Levenberg-Marquardt and the last layer in closed form, against exact minima, scipy and derivatives by autograd."""

import copy
import itertools
import math
import signal

import numpy as np
import pytest
import scipy.optimize
import torch
from torch.func import functional_call, jacrev

from nfield.backbones.mlp import MLPConfig
from nfield.backbones.siren import SIRENConfig
from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.core.types import Evaluation
from nfield.encodings.identity import Identity
from nfield.fields.base import Field
from nfield.io.run_folder import RunFolder
from nfield.training.last_layer import last_layer_names, solve_last_layer
from nfield.training.levenberg import MOST_PARAMETERS, LevenbergMarquardt
from nfield.training.loop import fit
from nfield.training.row_jacobians import LeastSquaresTask, row_jacobians, trained_names
from nfield.training.settings import TrainingSettings


def small_field(backbone=None, seed=0, in_dim=1):
    backbone = backbone or MLPConfig(width=6, depth=2, activation="tanh")
    return Field(Identity(in_dim), backbone.build(in_dim, 1, generator(seed, "weights"))).double()


class Residuals:
    """A task of given residuals on one fixed batch; `losses` are their mean squares."""

    quality_name = "snr"

    def __init__(self, batch, residuals, on_batch=None):
        self.points, self.of, self.on_batch = batch, residuals, on_batch

    def batch(self, generator):
        if self.on_batch is not None:
            self.on_batch()
        return self.points

    def residuals(self, field, batch):
        return self.of(field, batch)

    def losses(self, field, batch):
        return {name: r.square().mean() for name, r in self.of(field, batch).items()}

    @torch.enable_grad()
    def evaluate(self, field):
        loss = sum(float(term.detach()) for term in self.losses(field, self.points).values())
        return Evaluation(quality=-10 * math.log10(loss) if loss > 0 else math.inf, band_errors=[])


def regression(count=40, on_batch=None):
    x = torch.linspace(-1, 1, count, dtype=torch.float64)[:, None]
    y = torch.sin(3 * x) + 0.3 * x.square()
    return Residuals((x, y), lambda field, batch: {"mse": field(batch[0]) - batch[1]}, on_batch)


def options(**changes):
    return TrainingSettings(
        **{"steps": 30, "optimizer": "levenberg", "precision": "float64", "schedule": "constant", "evaluations": 2}
        | changes
    )


def trained(field, task, **changes):
    return fit(field, task, options(**changes), generator=generator(0, "batches"))


def with_derivatives(field, batch):
    """A second-order operator inside and a periodic condition, as equations have them."""
    inside = batch["inside"].clone().requires_grad_()
    u = field(inside)
    (slope,) = torch.autograd.grad(u.sum(), inside, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), inside, create_graph=True)
    left, right = field(batch["left"]), field(batch["right"])
    return {"equation": bend + u * slope - 1, "ends": torch.cat([left - right, left.square() + right])}


@pytest.mark.parametrize("case", ["regression", "equation", "two columns"])
def test_row_jacobians_are_those_of_autograd(case):
    # Oracle: jacrev of all residuals at once with respect to one vector of parameters, by central differences for the
    # case that autograd.grad inside forbids it.
    field = small_field()
    x = torch.linspace(-1, 1, 7, dtype=torch.float64)[:, None]
    if case == "regression":
        task = regression(7)
    elif case == "two columns":
        task = Residuals(x, lambda f, p: {"a": torch.cat([f(p), f(p).square() * p], 1)})
    else:
        ends = {"left": -torch.ones(1, 1, dtype=torch.float64), "right": torch.ones(1, 1, dtype=torch.float64)}
        task = Residuals({"inside": x, **ends}, with_derivatives)
    names = trained_names(field)
    parts = list(row_jacobians(field, task, task.points, names))
    jacobian, residual = torch.cat([j for j, _ in parts]), torch.cat([r for _, r in parts])

    def weighted(vector):
        pieces = vector.split([field.get_parameter(n).numel() for n in names])
        weights = {n: v.view_as(field.get_parameter(n)) for n, v in zip(names, pieces, strict=True)}
        terms = task.of(lambda points: functional_call(field, weights, (points,)), task.points)
        return torch.cat([r.T.reshape(-1) / math.sqrt(r.numel()) for r in terms.values()])

    start = torch.cat([field.get_parameter(n).detach().reshape(-1) for n in names])
    assert torch.allclose(residual, weighted(start).detach(), atol=1e-14)
    if case == "equation":
        steps = 1e-6 * torch.eye(len(start), dtype=torch.float64)
        columns = [(weighted(start + h) - weighted(start - h)).detach() / 2e-6 for h in steps]
        assert torch.allclose(jacobian, torch.stack(columns, 1), atol=1e-7)
    else:
        assert torch.allclose(jacobian, jacrev(weighted)(start), atol=1e-13)


def test_blocks_of_rows_add_up_to_the_whole(monkeypatch):
    field, task = small_field(), regression(23)
    names = trained_names(field)
    ((whole, r),) = row_jacobians(field, task, task.points, names)
    monkeypatch.setattr("nfield.training.row_jacobians.LARGEST_BLOCK", 5 * whole.shape[1])
    parts = list(row_jacobians(field, task, task.points, names))
    assert [len(j) for j, _ in parts] == [5, 5, 5, 5, 3]
    assert torch.allclose(torch.cat([j for j, _ in parts]), whole, atol=1e-15)
    assert torch.allclose(torch.cat([v for _, v in parts]), r, atol=1e-15)


class Linear(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1, 3, dtype=torch.float64))

    def forward(self, points):
        return torch.cat([points, points.square(), torch.ones_like(points)], 1) @ self.weight.T

    def parameter_groups(self):
        return [{"name": "network", "params": [self.weight], "rate": 1.0}]


def test_a_quadratic_takes_one_step():
    """Residuals that are linear in the parameters: a Gauss-Newton step is exact up to the damping, 1e-12 here."""
    field, x = Linear(), torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    wanted = torch.tensor([[2.0, -3.0, 0.5]], dtype=torch.float64)
    task = Residuals(x, lambda f, p: {"mse": f(p) - torch.cat([p, p.square(), torch.ones_like(p)], 1) @ wanted.T})
    optimizer = LevenbergMarquardt(field.parameter_groups())
    optimizer.load_state_dict({"search": torch.tensor([1e-12, 2.0]), "left": torch.zeros(10)})
    optimizer.step(
        lambda: row_jacobians(field, task, x, ["weight"]), lambda: float(task.losses(field, x)["mse"].detach())
    )
    assert torch.allclose(field.weight, wanted, atol=1e-10)


class Valley(torch.nn.Module):
    """Rosenbrock's function as two residuals, 10 (y − x²) and 1 − x, from the usual start (−1.2, 1)."""

    def __init__(self):
        super().__init__()
        self.place = torch.nn.Parameter(torch.tensor([-1.2, 1.0], dtype=torch.float64))

    def forward(self, points):
        x, y = self.place
        return torch.stack([10 * (y - x**2), 1 - x])[None].expand(len(points), 2)

    def parameter_groups(self):
        return [{"name": "network", "params": [self.place], "rate": 1.0}]


def test_rosenbrock_as_least_squares():
    field = Valley()
    task = Residuals(torch.zeros(1, 1, dtype=torch.float64), lambda f, p: {"valley": f(p)})
    result = trained(field, task, steps=40)
    assert torch.allclose(field.place, torch.ones(2, dtype=torch.float64), atol=1e-10)
    assert result.steps < 40  # it has said that it has converged


def test_other_points_at_each_step_are_no_sign_of_convergence():
    """Residuals three times as large at each step: it is judged by what it leaves at its own points."""
    field, state = Valley(), {"size": 1.0}

    def residuals(f, p):
        return {"valley": f(p) * state["size"]}

    def grow():
        state["size"] *= 3

    task = Residuals(torch.zeros(1, 1, dtype=torch.float64), residuals, on_batch=grow)
    result = trained(field, task, steps=60)
    assert torch.allclose(field.place, torch.ones(2, dtype=torch.float64), atol=1e-10)
    assert 11 < result.steps < 60


def test_every_step_lowers_the_loss_or_changes_nothing():
    field, task = small_field(), regression()
    names, losses = trained_names(field), []
    optimizer = LevenbergMarquardt(field.parameter_groups())

    def loss():
        with torch.no_grad():
            return float(task.losses(field, task.points)["mse"])

    for _ in range(40):
        losses.append(loss())
        optimizer.step(lambda: row_jacobians(field, task, task.points, names), loss)
    assert all(b <= a for a, b in itertools.pairwise(losses))
    assert losses[-1] < 1e-3 * losses[0]


def test_scipy_finds_the_same_minimum():
    """A network too small to fit the data exactly; both searches start close to one minimum."""
    field, task = small_field(MLPConfig(width=2, depth=1, activation="tanh")), regression()
    names = trained_names(field)
    trained(field, task, steps=20)
    start = copy.deepcopy(field)
    result = trained(field, task, steps=400)

    def residuals(vector):
        pieces = torch.from_numpy(vector).split([start.get_parameter(n).numel() for n in names])
        weights = {n: v.view_as(start.get_parameter(n)) for n, v in zip(names, pieces, strict=True)}
        with torch.no_grad():
            r = functional_call(start, weights, (task.points[0],)) - task.points[1]
        return r[:, 0].numpy() / math.sqrt(len(r))

    begin = torch.cat([start.get_parameter(n).detach().reshape(-1) for n in names]).numpy()
    found = scipy.optimize.least_squares(residuals, begin, method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert result.history[-1]["loss"] > 1e-8
    with torch.no_grad():
        loss = float(task.losses(field, task.points)["mse"])
    assert loss == pytest.approx(float(np.sum(found.fun**2)), rel=1e-3)


def test_lbfgs_in_float64_goes_far_below_the_rounding_of_float32():
    field = Linear()
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    task = Residuals(x, lambda f, p: {"mse": f(p) - 2 * p + p.square()})
    trained(field, task, optimizer="lbfgs", steps=10)
    with torch.no_grad():
        assert float(task.losses(field, x)["mse"]) < 1e-28


def test_lbfgs_in_float64_goes_on_where_the_loss_is_small():
    """Scaling a problem by 1e-6, its loss by 1e-12, leaves the course of the search as it was."""
    found = []
    for size in (1.0, 2.0**-20):
        field, (x, y) = small_field(), regression().points
        task = Residuals((x, y), lambda f, b, size=size: {"mse": size * (f(b[0]) - b[1])})
        trained(field, task, optimizer="lbfgs", steps=20)
        with torch.no_grad():
            found.append(float((field(x) - y).square().mean()))
    assert found[1] < 1e-5
    assert found[1] == pytest.approx(found[0], rel=0.5)


def test_networks_that_are_too_large_are_refused():
    wide = small_field(MLPConfig(width=100, depth=2, activation="tanh"))
    assert wide.count_parameters() > MOST_PARAMETERS
    with pytest.raises(UserError, match=f"all {wide.count_parameters()} trained numbers at once"):
        trained(wide, regression())


def test_points_that_are_too_many_are_refused(monkeypatch):
    monkeypatch.setattr("nfield.training.row_jacobians.LARGEST_JACOBIAN", 100)
    x = torch.zeros(8, 1, dtype=torch.float64)
    task = Residuals({"inside": x, "left": x[:1], "right": x[:1]}, with_derivatives)
    with pytest.raises(UserError, match="do not fit into memory"):
        trained(small_field(), task)


def test_tasks_without_residuals_are_refused(toys):
    assert not isinstance(toys.Sine(), LeastSquaresTask)
    with pytest.raises(UserError, match="needs residuals, which Sine has not"):
        trained(toys.Toy(), toys.Sine())


def test_an_interrupted_run_goes_on_exactly(tmp_path):
    """Oracle: the same run without an interruption, bit for bit."""

    def run(path, stop_at=None):
        calls = []

        def on_batch():
            calls.append(1)
            if len(calls) == stop_at:
                signal.raise_signal(signal.SIGINT)

        field, folder = small_field(), RunFolder.create(path, resume=True)
        fit(field, regression(on_batch=on_batch), options(), generator=generator(0), folder=folder, resume=True)
        return field

    expected = run(tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", stop_at=9)
    again = run(tmp_path / "broken")
    for a, b in zip(again.parameters(), expected.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_last_layer_is_the_least_squares_solution():
    """Oracle: numpy's least squares of the features of the layers before, computed here."""
    field, task = small_field(SIRENConfig(width=12, depth=1, first_omega=3.0)), regression()
    assert solve_last_layer(field, task, task.points)
    x, y = (tensor.numpy() for tensor in task.points)
    first = field.backbone.hidden[0]
    features = np.sin(3 * (x @ first.weight.detach().numpy().T + first.bias.detach().numpy()))
    features = np.concatenate([features, np.ones_like(x)], 1)
    best = np.linalg.lstsq(features, y, rcond=1e-12)[0]
    assert np.allclose(field(task.points[0]).detach().numpy(), features @ best, atol=1e-11)
    assert not solve_last_layer(field, task, task.points)
    assert len(last_layer_names(field)) == 2


def test_the_last_layer_is_solved_for_linear_equations_too():
    """u'' = −sin x with u(−1), u(1) given: sines of frequencies up to 3 hold the solution to many digits."""
    field = small_field(SIRENConfig(width=20, depth=1, first_omega=3.0))
    ends = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)

    def residuals(field, batch):
        inside = batch["inside"].clone().requires_grad_()
        (slope,) = torch.autograd.grad(field(inside).sum(), inside, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), inside, create_graph=True)
        return {"equation": bend + inside.sin(), "ends": field(batch["ends"]) - batch["ends"].sin()}

    x = torch.linspace(-1, 1, 60, dtype=torch.float64)[:, None]
    task = Residuals({"inside": x, "ends": ends}, residuals)
    assert solve_last_layer(field, task, task.points)
    assert torch.allclose(field(x), x.sin(), atol=1e-8)
