"""Activations against their definitions, and their declared figures against quadrature and differences."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from nfield.backbones.activations import ACTIVATIONS, Activations, AdaptiveScope, check_activation
from nfield.backbones.compact import phi, s2relu, srelu
from nfield.core.checks import UserError

X = torch.linspace(-2, 5, 1401, dtype=torch.float64)


def plus(x: torch.Tensor) -> torch.Tensor:
    return x.clamp(min=0)


def test_compact_activations_are_their_definitions() -> None:
    torch.testing.assert_close(srelu(X), plus(X) * plus(1 - X), rtol=0, atol=1e-15)
    squares = plus(X) ** 2 - 3 * plus(X - 1) ** 2 + 3 * plus(X - 2) ** 2 - plus(X - 3) ** 2
    torch.testing.assert_close(phi(X), squares, rtol=0, atol=1e-13)
    torch.testing.assert_close(s2relu(X), (2 * math.pi * X).sin() * srelu(X), rtol=0, atol=1e-15)


def test_phi_is_twice_the_quadratic_b_spline() -> None:
    spline = BSpline.basis_element([0, 1, 2, 3], extrapolate=False)(X.numpy())
    expected = 2 * torch.from_numpy(spline).nan_to_num(0)
    torch.testing.assert_close(phi(X), expected, rtol=0, atol=1e-13)
    assert float(phi(torch.tensor(1.5))) == 1.5


def test_phi_has_the_derivatives_of_the_b_spline() -> None:
    """Also at the middle, x = 1.5, where the absolute value inside has no derivative of its own."""
    x = torch.cat([X[(X - X.round()).abs() > 1e-6], torch.tensor([1.5], dtype=torch.float64)]).requires_grad_()
    (slope,) = torch.autograd.grad(phi(x).sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    spline = BSpline.basis_element([0, 1, 2, 3], extrapolate=False)
    for measured, k in ((slope, 1), (bend, 2)):
        expected = 2 * torch.from_numpy(spline.derivative(k)(x.detach().numpy())).nan_to_num(0)
        torch.testing.assert_close(measured.detach(), expected, rtol=0, atol=1e-9)


@given(x=st.floats(3, 1e6, width=32) | st.floats(-1e6, 0, width=32))
@settings(deadline=None, max_examples=25)
def test_phi_is_exactly_zero_outside_its_support(x: float) -> None:
    """The sum of four squares would leave the rounding errors of x², thousands for x = 1e6 in float32."""
    assert float(phi(torch.tensor(x, dtype=torch.float32))) == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gain_is_the_smaller_of_the_two_that_keep_signal_and_gradient(name: str) -> None:
    """Oracle: both expectations over N(0, 1), by a fine Riemann sum."""
    z = torch.linspace(-10, 10, 400_001, dtype=torch.float64, requires_grad=True)
    weight = (-(z**2) / 2).exp().detach() / math.sqrt(2 * math.pi) * 20 / 400_000
    value = ACTIVATIONS[name].function(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    gains = [float((q.detach() ** 2 * weight).sum()) ** -0.5 for q in (value, slope)]
    assert ACTIVATIONS[name].gain == pytest.approx(min(gains), rel=1e-3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_declared_order_is_where_derivatives_start_to_jump(name: str) -> None:
    """The (k-1)-th derivative is continuous across the breaks, the k-th jumps; smooth activations never jump."""
    order, step = ACTIVATIONS[name].derivative_order, 1e-9
    breaks = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)

    def jumps(k: int) -> float:
        sides = []
        for x in (breaks - step, breaks + step):
            y = x.requires_grad_()
            value = ACTIVATIONS[name].function(y) + 0 * y**4
            for _ in range(k):
                (value,) = torch.autograd.grad(value.sum(), y, create_graph=True)
            sides.append(value.detach())
        return float((sides[0] - sides[1]).abs().max())

    if order == math.inf:
        assert max(jumps(k) for k in range(4)) < 1e-6
    else:
        assert jumps(int(order) - 1) < 1e-6
        assert jumps(int(order)) > 0.5


@pytest.mark.parametrize("name", [n for n, a in ACTIVATIONS.items() if a.centre])
def test_centre_is_the_middle_of_the_support(name: str) -> None:
    activation = ACTIVATIONS[name]
    active = X[activation.function(X) != 0]
    assert float(active[0] + active[-1]) / 2 == pytest.approx(activation.centre, abs=0.01)


def test_adaptive_slope_multiplies_the_argument_per_scope() -> None:
    x = torch.tensor([[0.3, -0.2]])
    cases: list[tuple[AdaptiveScope, int]] = [("global", 1), ("layer", 2), ("neuron", 2)]
    for scope, count in cases:
        activations = Activations("tanh", scope, 10.0, [(2,), (2,)])
        assert len(activations.slopes) == count
        with torch.no_grad():
            activations.slopes[-1].fill_(0.3)  # 10 * 0.3 = 3
        torch.testing.assert_close(activations(x, 1), (3 * x).tanh())
        torch.testing.assert_close(activations(x, 0), (3 * x).tanh() if scope == "global" else x.tanh())
    with torch.no_grad():
        activations.slopes[0].copy_(torch.tensor([0.1, 0.2]))
    torch.testing.assert_close(activations(x, 0), torch.stack([x[:, 0].tanh(), (2 * x[:, 1]).tanh()], -1))


def test_unknown_scope_is_refused() -> None:
    with pytest.raises(UserError, match=r"Unknown scope of adaptive activations 'neurons'\. Did you mean 'neuron'\?"):
        check_activation("relu", "neurons", 1.0)
