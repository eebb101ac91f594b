"""Spherical harmonics against quadrature, scipy and symmetry."""

import math

import numpy as np
import pytest
import torch
from scipy.special import lpmv

from nfield.core.checks import UserError
from nfield.core.seeding import generator
from nfield.encodings import SphericalHarmonicsConfig


def sphere() -> tuple[torch.Tensor, torch.Tensor]:
    """Directions and weights: Gauss-Legendre in z, equal angles around; exact far beyond degree 8."""
    z, weights = np.polynomial.legendre.leggauss(12)
    angle = 2 * math.pi * np.arange(24) / 24
    z, angle = (a.ravel() for a in np.meshgrid(z, angle, indexing="ij"))
    radius = np.sqrt(1 - z * z)
    directions = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], -1)
    return torch.from_numpy(directions), torch.from_numpy(np.repeat(weights, 24) * 2 * math.pi / 24)


@pytest.mark.parametrize("degree", range(5))
def test_orthonormal_on_the_sphere(degree: int) -> None:
    encoding = SphericalHarmonicsConfig(degree=degree).build(3, generator(0))
    directions, weights = sphere()
    features = encoding(directions)
    assert encoding.out_dim == (degree + 1) ** 2
    gram = features.T @ (features * weights[:, None])
    torch.testing.assert_close(gram, torch.eye(encoding.out_dim, dtype=torch.float64), rtol=0, atol=1e-13)


def test_equals_associated_legendre_functions() -> None:
    directions, _ = sphere()
    features = SphericalHarmonicsConfig(degree=4).build(3, generator(0))(directions)
    x, y, z = directions.numpy().T
    angle = np.arctan2(y, x)
    for l in range(5):
        for m in range(-l, l + 1):
            k = abs(m)
            norm = math.sqrt((2 * l + 1) / (4 * math.pi) * math.factorial(l - k) / math.factorial(l + k))
            turn = np.cos(k * angle) if m >= 0 else np.sin(k * angle)
            # scipy's functions carry the Condon-Shortley phase (-1)^m, which is taken off here.
            expected = (-1) ** k * norm * (math.sqrt(2) if m else 1) * lpmv(k, l, z) * turn
            np.testing.assert_allclose(features[:, l * l + l + m].numpy(), expected, atol=1e-13)


def test_length_of_the_direction_does_not_matter() -> None:
    encoding = SphericalHarmonicsConfig().build(3, generator(0))
    direction = torch.tensor([[0.3, -0.4, 0.9]], dtype=torch.float64)
    torch.testing.assert_close(encoding(direction), encoding(1000 * direction))


@pytest.mark.parametrize("degree", [-1, 5])
def test_degrees_outside_the_table_are_refused(degree: int) -> None:
    with pytest.raises(UserError, match="degree must lie between 0 and 4"):
        SphericalHarmonicsConfig(degree=degree)


def test_only_three_dimensions() -> None:
    with pytest.raises(UserError, match="dimension 3, but was asked for 2"):
        SphericalHarmonicsConfig().build(2, generator(0))
