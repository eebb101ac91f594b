"""Optimisers against hand-made twins, closed forms and convex problems with known minima."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nfield.core.device import available_devices
from nfield.core.seeding import generator
from nfield.training.adam import Adam
from nfield.training.loop import fit
from nfield.training.muon import Muon, orthogonalise
from nfield.training.optimizers import OPTIMIZERS, USUAL_RATES, AdamOptions, Updater
from nfield.training.settings import TrainingSettings
from nfield.training.state import MovingAverage


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=generator(seed, "test"), dtype=dtype)


def group(*params, name="network", rate=1.0):
    return {"name": name, "params": list(params), "rate": rate}


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "levenberg"])
def test_every_optimizer_finds_the_minimum_of_a_convex_loss(toys, optimizer, device):
    matrix, vector = normal(9, 12), normal(5, seed=1)
    field = toys.Parameters(torch.zeros(9, 12), torch.zeros(5))
    options = TrainingSettings(
        steps=6 if optimizer == "lbfgs" else 400,
        optimizer=optimizer,
        learning_rate=None if optimizer == "lbfgs" else 0.4,
        schedule="constant" if optimizer == "lbfgs" else "exponential",
        final_rate=1e-4,
        precision="float32",
        evaluations=2,
    )
    result = fit(field, toys.Distance(matrix, vector), options, generator=generator(0), device=device)
    assert result.history[-1]["closeness"] > -2e-3
    assert result.history[0]["closeness"] < -1
    assert field.matrix.device.type == device


def test_every_optimizer_has_a_usual_rate():
    assert USUAL_RATES.keys() == OPTIMIZERS.keys()


@pytest.mark.parametrize("decoupled", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_adam_follows_its_formulas(decoupled, fused):
    # Oracle: Kingma & Ba's algorithm 1 (and Loshchilov & Hutter's algorithm 2) in numpy, float64.
    beta1, beta2, epsilon, decay, rate = 0.9, 0.99, 1e-3, 0.1, 0.05
    start, gradients = normal(7, dtype=torch.float64), normal(5, 7, seed=1, dtype=torch.float64)
    parameter = torch.nn.Parameter(start.clone())
    adam = Adam(
        [group(parameter)],
        betas=(beta1, beta2),
        epsilon=epsilon,
        weight_decay=decay,
        decoupled=decoupled,
        fused=fused,
    )
    w, m, v = start.numpy().copy(), np.zeros(7), np.zeros(7)
    for t, gradient in enumerate(gradients, start=1):
        parameter.grad = gradient.clone()
        adam.param_groups[0]["lr"] = rate
        adam.step()
        g = gradient.numpy() if decoupled else gradient.numpy() + decay * w
        w = w * (1 - rate * decay) if decoupled else w
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        w = w - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=1e-10, atol=1e-12)


def test_adam_agrees_with_torch_also_for_parameters_without_a_gradient():
    ours = [torch.nn.Parameter(normal(4, 3)), torch.nn.Parameter(normal(2))]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    adam = Adam([group(*ours)], betas=(0.9, 0.999), epsilon=1e-8)
    reference = torch.optim.Adam(theirs, lr=0.01)
    adam.param_groups[0]["lr"] = 0.01
    for step in range(4):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = normal(*p.shape, seed=step)
            q.grad = p.grad.clone()
        if step == 1:
            ours[1].grad = theirs[1].grad = None
        adam.step()
        reference.step()
    for p, q in zip(ours, theirs, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-7)


def test_first_adam_step_has_the_length_of_the_rate(toys):
    # At the first step mean / sqrt(square) is the gradient's sign: each weight moves by its group's rate.
    field = toys.Parameters(torch.zeros(2, 2), torch.zeros(3))
    task = toys.Distance(torch.tensor([[1.0, -2.0], [3.0, -4.0]]), torch.tensor([-5.0, 6.0, 0.1]))
    options = TrainingSettings(steps=1, learning_rate=0.01, schedule="constant", precision="float32")
    fit(field, task, options, generator=generator(0))
    torch.testing.assert_close(field.matrix.detach(), 0.01 * torch.tensor([[1.0, -1.0], [1.0, -1.0]]))
    torch.testing.assert_close(field.vector.detach(), 0.005 * torch.tensor([-1.0, 1.0, 1.0]))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10**6))
def test_orthogonalise_keeps_singular_vectors_and_levels_singular_values(rows, columns, seed):
    # Oracle: the singular value decomposition in float64.
    matrix = normal(rows, columns, seed=seed, dtype=torch.float64)
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    levelled = u.T @ orthogonalise(matrix) @ vh.T
    values = levelled.diagonal()
    torch.testing.assert_close(levelled, torch.diag(values), rtol=0, atol=1e-9)
    assert ((values > 0.6) & (values < 1.3))[s > 0.02 * s.norm()].all()


def test_muon_takes_a_stack_matrix_by_matrix():
    stack = torch.randn(3, 10, 8, generator=torch.Generator().manual_seed(0))
    gradient = (
        torch.randn(3, 10, 8, generator=torch.Generator().manual_seed(1))
        * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    )
    together = torch.nn.Parameter(stack.clone())
    apart = [torch.nn.Parameter(matrix.clone()) for matrix in stack]
    together.grad = gradient
    for matrix, part in zip(apart, gradient, strict=True):
        matrix.grad = part
    for parameters in ([together], apart):
        (muon,) = OPTIMIZERS["muon"]([{"params": parameters, "name": "network"}], AdamOptions())
        assert isinstance(muon, Muon)
        muon.param_groups[0]["lr"] = 0.01
        muon.step()
    torch.testing.assert_close(together.detach(), torch.stack([p.detach() for p in apart]))


def test_orthogonalise_takes_zeros():
    assert torch.equal(orthogonalise(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_first_muon_step_by_hand():
    start, gradient = normal(8, 10), normal(8, 10, seed=1)
    parameter = torch.nn.Parameter(start.clone())
    parameter.grad = gradient.clone()
    muon = Muon([group(parameter)], weight_decay=0.1)
    muon.param_groups[0]["lr"] = 0.01
    muon.step()
    # The first average, 0.05 g, and its look-ahead have the gradient's direction, and so its orthogonal factor.
    expected = start * (1 - 0.001) - 0.01 * 0.2 * math.sqrt(10) * orthogonalise(gradient)
    torch.testing.assert_close(parameter.detach(), expected, rtol=1e-4, atol=1e-5)


def test_muon_leaves_vectors_tables_and_narrow_matrices_to_adam():
    hidden, narrow, vector, table = (torch.nn.Parameter(torch.zeros(s)) for s in ((8, 8), (3, 8), (8,), (16, 16)))
    groups = [group(hidden, narrow, vector), group(table, name="features", rate=10.0)]
    first, second = OPTIMIZERS["muon"](groups, AdamOptions())
    assert isinstance(first, Muon)
    assert [p is hidden for g in first.param_groups for p in g["params"]] == [True]
    assert [len(g["params"]) for g in second.param_groups] == [2, 1]
    assert second.param_groups[1]["rate"] == 10.0
    assert len(OPTIMIZERS["muon"]([group(vector)], AdamOptions())) == 1


def test_rates_of_groups_are_factors_on_the_learning_rate():
    first, second = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    updater = Updater([group(first), group(second, rate=5.0)], "adam")
    updater.step(lambda: {"loss": first.sum() + second.sum()}, 0.1)
    torch.testing.assert_close([first.item(), second.item()], [-0.1, -0.5])


@pytest.mark.parametrize(("clip", "length"), [(0.0, 5.0), (1.0, 1.0), (10.0, 5.0)])
def test_clipping_shortens_the_gradient_of_all_groups_together(clip, length):
    first, second = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    updater = Updater([group(first), group(second)], "adam", clip=clip)
    updater.step(lambda: {"loss": 3 * first.sum() + 4 * second.sum()}, 0.0)
    gradient = torch.cat([first.grad, second.grad])
    torch.testing.assert_close(gradient, length * torch.tensor([0.6, 0.8]))


def test_frozen_parameters_stay_and_a_field_without_any_is_only_evaluated(toys):
    field = toys.Parameters(torch.zeros(2, 2), torch.zeros(3))
    field.matrix.requires_grad_(False)
    task = toys.Distance(torch.ones(2, 2), torch.ones(3))
    fit(field, task, TrainingSettings(steps=3, precision="float32"), generator=generator(0))
    assert torch.equal(field.matrix, torch.zeros(2, 2))
    assert (field.vector != 0).all()
    field.vector.requires_grad_(False)
    kept = field.vector.clone()
    for optimizer in ("adam", "lbfgs"):
        fit(field, task, TrainingSettings(steps=2, optimizer=optimizer, precision="float32"), generator=generator(0))
    assert torch.equal(field.vector, kept)


def test_a_non_finite_gradient_of_a_finite_loss_is_noticed():
    parameter = torch.nn.Parameter(torch.zeros(1))
    for optimizer in set(OPTIMIZERS) - {"levenberg"}:
        updater = Updater([group(parameter)], optimizer)
        terms, health = updater.step(lambda: {"loss": parameter.sqrt().sum()}, 0.0)
        assert math.isfinite(terms["loss"])
        assert not math.isfinite(health)
        parameter.data.zero_()


@settings(deadline=None, max_examples=25)
@given(st.floats(0.5, 0.9999), st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_moving_average_is_the_stated_weighted_sum(decay, values):
    # Oracle: sum over t of (1 - d_t) w_t times the product of all later d, plus the start's share, in float64.
    module = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    module.weight.data.fill_(2.0)
    average = MovingAverage(module, decay)
    for step, value in enumerate(values, start=1):
        module.weight.data.fill_(value)
        average.update(step)
    decays = [min(decay, (1 + t) / (10 + t)) for t in range(1, len(values) + 1)]
    expected = 2.0 * math.prod(decays)
    for t, value in enumerate(values):
        expected += (1 - decays[t]) * value * math.prod(decays[t + 1 :])
    with average.in_field():
        assert module.weight.item() == pytest.approx(expected, abs=1e-12)
    assert module.weight.item() == values[-1]
    average.copy_to_field()
    assert module.weight.item() == pytest.approx(expected, abs=1e-12)
