"""Weights of loss terms, so that none is learned at the cost of the others."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float

BALANCES = ("none", "gradients", "tangent-kernel")
"""How soft conditions are weighed against the residual."""
KEPT = 0.9
"""Share of the old weights that is kept at each update."""


def balanced_weights(
    kind: str,
    residuals: Mapping[str, torch.Tensor],
    signs: Mapping[str, torch.Tensor],
    parameters: Sequence[torch.Tensor],
) -> Float[torch.Tensor, " terms"]:
    """A weight for each term's mean square.

    `gradients`: Σ_j ‖∇L_j‖ / ‖∇L_i‖, so that all weighted gradients are as long (Wang et al., arXiv 2308.08468,
    algorithm 1). `tangent-kernel`: Σ_j c_j / c_i, c_i the mean diagonal of term i's tangent kernel, so that all decay
    at one rate (Wang, Yu, Perdikaris, arXiv 2007.14527); its trace is estimated by random `signs` s (Hutchinson 1989):
    E‖∇(s·r)‖² = tr K.
    """
    found = []
    for name, residual in residuals.items():
        target = residual.square().mean() if kind == "gradients" else (signs[name][: len(residual)] * residual).sum()
        gradients = torch.autograd.grad(target, parameters, retain_graph=True, allow_unused=True)
        length = math.sqrt(sum(float(g.detach().square().sum()) for g in gradients if g is not None))
        found.append(length if kind == "gradients" else length**2 / len(residual))
    total = sum(found)
    return torch.tensor([total / value if value > 0 else 1.0 for value in found])
