"""Loss terms on the first and second derivatives of a signed distance, as functions of these derivatives alone.

Notation: d, the network's value; ∇d, its slope, shape (n, 3); H, its Hessian ∇²d, shape (n, 3, 3); both with respect
to the coordinates of the network, in which the longest edge of the cloud's box is 1. With that edge in input units as
`scale`, a distance in input units is `scale` times d, at `scale` times the point: slopes are the same in both, and the
Hessian in input units is H / scale. So divergence is in 1/edge, smoothness in 1/edge² and the determinant in 1/edge³,
and a weight means the same for a cloud in millimetres and in metres.

All terms of the Hessian share one: in three dimensions it costs one gradient and three products with it, however many
terms are on.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float

ANNEALED = ("divergence", "singular_hessian")
"""Terms that shape the field at first, and would later keep it from its details."""


def value_and_slope(
    field: Callable[[torch.Tensor], torch.Tensor], points: Float[torch.Tensor, "n 3"]
) -> tuple[Float[torch.Tensor, " n"], Float[torch.Tensor, "n 3"]]:
    """d and ∇d at points that require a gradient; both can be differentiated on."""
    value = field(points)[..., 0]
    (slope,) = torch.autograd.grad(value.sum(), points, create_graph=True)
    return value, slope


def hessian_of(slope: Float[torch.Tensor, "n 3"], points: Float[torch.Tensor, "n 3"]) -> Float[torch.Tensor, "n 3 3"]:
    """H at the points that `slope` was taken at, by three backward products; it can be differentiated on.

    A point's slope must depend on no other point, as in every network without batch normalisation.
    """
    rows = [
        torch.autograd.grad(slope[:, axis].sum(), points, create_graph=True, materialize_grads=True)[0]
        for axis in range(3)
    ]
    return torch.stack(rows, 1)


def eikonal(slope: Float[torch.Tensor, "n 3"]) -> Float[torch.Tensor, ""]:
    """Mean `(|∇d| − 1)²` (Gropp et al., Implicit Geometric Regularization, 2002.10099); has no unit."""
    return (slope.norm(dim=-1) - 1).square().mean()


def divergence(hessian: Float[torch.Tensor, "n 3 3"]) -> Float[torch.Tensor, ""]:
    """Mean `|Δd| = |tr H|`, in 1/edge (DiGS, Ben-Shabat et al., 2106.10811): few sources and sinks of the slope.

    On a surface with mean curvature M its distance has Δd = 2M, so that the term is not zero for what is looked for: it
    prefers simple fields, and its weight is taken back during training.
    """
    return hessian.diagonal(dim1=-2, dim2=-1).sum(-1).abs().mean()


def singular_hessian(hessian: Float[torch.Tensor, "n 3 3"]) -> Float[torch.Tensor, ""]:
    """Mean `|det H|`, in 1/edge³ (Neural-Singular-Hessian, Wang et al., 2309.01793), for points near the surface.

    A distance is straight along its slope, H ∇d = 0, wherever it is smooth: H is singular there.
    """
    first, second, third = hessian.unbind(-2)
    # As a polynomial the determinant has a gradient at singular matrices too, which are what is aimed at; a
    # factorisation divides by pivots that vanish.
    return (first * torch.linalg.cross(second, third)).sum(-1).abs().mean()


def smoothness(hessian: Float[torch.Tensor, "n 3 3"]) -> Float[torch.Tensor, ""]:
    """Mean `|H|² = Σ_ij H_ij²`, in 1/edge²: the thin-plate energy (Duchon 1977).

    The regulariser of Smooth Signed Distance reconstruction (Calakli & Taubin, Computer Graphics Forum 30(7), 2011),
    and what the splines make as small as possible.
    """
    return hessian.square().sum((-2, -1)).mean()


SECOND_ORDER: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "divergence": divergence,
    "singular_hessian": singular_hessian,
    "smoothness": smoothness,
}
"""Every term of the Hessian by name."""


def annealing(fraction: float, start: float, end: float) -> float:
    """Factor on an annealed weight: 1 up to `start`, then in a straight line down to 0 at `end` (shares of training).

    Where both are the same it drops at once; where both are 1 it stays at 1 throughout.
    """
    if fraction < start:
        return 1.0
    return max(0.0, (end - fraction) / (end - start)) if end > start else 0.0
