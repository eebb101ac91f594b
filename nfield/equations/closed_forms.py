"""Solutions that are known in closed form, or up to one integral."""

import math

import numpy as np
import torch
from jaxtyping import Float

QUADRATURE = 100
"""Nodes of Gauss-Hermite quadrature; with 100 the Burgers solution is right to about 1e-8 away from the shock."""


def helmholtz_solution(x: Float[torch.Tensor, "n 1"], wave: float, mu: float) -> Float[torch.Tensor, "n 1"]:
    """u'' + λ²u = sin μx with u(±1) = 0: (sin μx − (sin μ / sin λ) sin λx) / (λ² − μ²)."""
    return ((mu * x).sin() - math.sin(mu) / math.sin(wave) * (wave * x).sin()) / (wave**2 - mu**2)


def burgers_solution(points: Float[torch.Tensor, "n 2"], viscosity: float) -> Float[torch.Tensor, "n 1"]:
    """u_t + u u_x = ν u_xx from −sin πx, by the Cole-Hopf transform (Basdevant et al. 1986).

    u = −∫ sin π(x−y) f(x−y) e^{−y²/4νt} dy / ∫ f(x−y) e^{−y²/4νt} dy with f(y) = e^{−cos(πy)/2πν}; y = 2√(νt) z.
    """
    nodes, weights = (torch.from_numpy(a).to(points) for a in np.polynomial.hermite.hermgauss(QUADRATURE))
    x, t = points[:, :1], points[:, 1:].clamp(min=0)
    place = math.pi * (x - 2 * (viscosity * t + 1e-300).sqrt() * nodes)
    exponent = -place.cos() / (2 * math.pi * viscosity)
    # Logarithms: f reaches e^50, and the weights fall to 1e-75.
    share = torch.softmax(exponent + weights.log(), 1)
    return -(place.sin() * share).sum(1, keepdim=True)
