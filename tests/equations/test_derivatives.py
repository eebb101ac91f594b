"""Derivatives by automatic differentiation, against closed forms in float64."""

import pytest
import torch

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.equations import Derivatives


def some_points(dimension: int) -> torch.Tensor:
    return torch.rand(50, dimension, generator=generator(0), dtype=torch.float64)


def test_derivatives_of_a_product_of_waves() -> None:
    at = Derivatives(some_points(3), "xyt")
    u = (2 * at.x).sin() * at.y**3 * (-at.t).exp()
    s, c = (2 * at.x).sin(), (2 * at.x).cos()
    e = (-at.t).exp()
    for along, wanted in {
        "x": 2 * c * at.y**3 * e,
        "xx": -4 * u,
        "yy": s * 6 * at.y * e,
        "t": -u,
        "xy": 2 * c * 3 * at.y**2 * e,
        "xxt": 4 * u,
        "yyyy": torch.zeros_like(u),
    }.items():
        assert torch.allclose(at(u, along), wanted, atol=1e-12), along
    assert torch.allclose(at.laplacian(u), -4 * u + s * 6 * at.y * e, atol=1e-12)


def test_values_that_are_constant_or_linear_have_derivatives_of_zero() -> None:
    at = Derivatives(some_points(1), "x")
    assert float(at(torch.ones(50, 1, dtype=torch.float64), "xx").abs().max()) == 0
    assert float(at(3 * at.x, "xx").abs().max()) == 0


def test_an_unknown_coordinate_is_named() -> None:
    at = Derivatives(some_points(1), "x")
    with pytest.raises(UserError, match="no coordinate 't'"):
        at(at.x, "t")
