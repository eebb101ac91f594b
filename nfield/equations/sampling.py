"""Points to train on: fresh uniform ones, Sobol sequences, or uniform ones of which large residuals are kept."""

import torch
from jaxtyping import Float, Int64

from nfield.core.checks import choice

SAMPLERS = ("stratified", "uniform", "sobol", "adaptive")
"""How points inside the domain are drawn at each step; those on boundaries are uniform or Sobol."""


def unit_points(
    kind: str, count: int, dimension: int, generator: torch.Generator
) -> Float[torch.Tensor, "count dimension"]:
    """`count` points in the unit cube, float64, new at each call.

    `uniform`: independent. `sobol`: a Sobol sequence with a random shift modulo 1 (Cranley & Patterson 1976), which
    keeps its evenness and makes each call differ. `stratified`: one point in each cell of a division of the first axis
    into `count` parts, with the other axes shuffled (Latin hypercube; McKay et al. 1979).
    `adaptive` draws as `uniform` does: which of these are kept is decided where residuals are known.
    """
    choice(kind, SAMPLERS, "sampler")
    uniform = torch.rand(count, dimension, generator=generator, dtype=torch.float64)
    if kind == "sobol":
        sequence = torch.quasirandom.SobolEngine(dimension).draw(count, dtype=torch.float64)
        return (sequence + uniform[:1]) % 1
    if kind == "stratified":
        cells = torch.stack([torch.randperm(count, generator=generator) for _ in range(dimension)], 1)
        return (cells + uniform) / count
    return uniform


def adaptive_choice(
    residuals: Float[torch.Tensor, " m"], noise: Float[torch.Tensor, " m"], count: int
) -> Int64[torch.Tensor, " count"]:
    """Indices of `count` of the m candidates, drawn without replacement in proportion to `|r|/mean|r| + 1`.

    Residual-adaptive distribution of Wu et al. (arXiv 2207.10289), with their default exponents k = c = 1. `noise` is
    uniform in [0, 1): the largest log w − log(−log noise) are such a draw (Gumbel top-k; Vieira 2014).
    """
    sizes = residuals.abs().double()
    weights = sizes / sizes.mean().clamp(min=1e-300) + 1
    keys = weights.log() - (-noise.double().clamp(1e-12, 1 - 1e-12).log()).log()
    return keys.topk(count).indices
