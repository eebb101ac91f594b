"""Interpolation of values on regular grids, at scattered points and at tensor products of coordinates.

Notation: a grid has `n_i` nodes along axis i; a position `p` is measured in nodes (node k lies at p = k) and is
clamped to [0, n - 1], so that values outside the grid continue those on its border. `order` is the degree of the
B-spline: 1 is d-linear, 3 is cubic (twice continuously differentiable; it smooths the nodes' values).

At the tensor product of m_1 x ... x m_d coordinates the interpolation separates: rows are mixed first, then the other
axes by small matrix products. That costs about m_1 n_2 + m_1 m_2 instead of 2^d random reads a point, and is what makes
grids fast on a CPU. `interpolate_points` is the twin that the tests compare it with.
"""

from collections.abc import Sequence
from itertools import product

import torch
from jaxtyping import Float, Int

PADDING = {1: 0, 3: 1}
"""Nodes stored beyond each end of an axis: a cubic needs one neighbour outside."""


def spline_weights(
    positions: Float[torch.Tensor, " m"], nodes: int, order: int
) -> tuple[Int[torch.Tensor, " m"], Float[torch.Tensor, "support m"]]:
    """First stored node and the `order + 1` weights of each position; they sum to one.

    `nodes` counts the nodes without padding; returned indices count stored nodes, padding included.
    """
    p = positions.clamp(0, nodes - 1)
    first = p.detach().floor().clamp(max=max(nodes - 2, 0)).long()
    t = p - first
    if order == 1:
        return first, torch.stack([1 - t, t]) if nodes > 1 else torch.ones_like(t)[None]
    third = (
        (1 - t) ** 3,
        3 * t**3 - 6 * t**2 + 4,
        -3 * t**3 + 3 * t**2 + 3 * t + 1,
        t**3,
    )
    return first, torch.stack(third[: 4 if nodes > 1 else 3]) / 6


def weight_matrix(positions: Float[torch.Tensor, " m"], nodes: int, order: int) -> Float[torch.Tensor, "m stored"]:
    """The interpolation along one axis as a dense matrix of shape (m, stored nodes)."""
    first, weights = spline_weights(positions, nodes, order)
    columns = first + torch.arange(len(weights), device=first.device)[:, None]
    matrix = positions.new_zeros(len(positions), nodes + 2 * PADDING[order])
    return matrix.scatter_add(1, columns.T, weights.T)


def interpolate_grid(
    values: Float[torch.Tensor, "n1 features *rest"],
    positions: Sequence[Float[torch.Tensor, " _"]],
    nodes: Sequence[int],
    order: int,
) -> Float[torch.Tensor, "..."]:
    """Values at the tensor product of one vector of positions per axis.

    `values` holds the stored nodes as (n_1, features, n_2, ..., n_d); the result is (m_1, features, m_2, ..., m_d).
    """
    first, weights = spline_weights(positions[0], nodes[0], order)
    rows = values.reshape(len(values), -1)
    mixed = rows.new_zeros(())
    for k, weight in enumerate(weights):
        mixed = mixed + rows.index_select(0, first + k) * weight[:, None]
    result = mixed.reshape(len(first), *values.shape[1:])
    for axis in range(len(nodes) - 1, 0, -1):
        matrix = weight_matrix(positions[axis], nodes[axis], order)
        at = axis + 1
        # In 3-D the middle axis stands before one that is interpolated already.
        result = result @ matrix.T if at == result.ndim - 1 else matrix @ result
    return result


def interpolate_points(
    values: Float[torch.Tensor, "n1 features *rest"],
    positions: Float[torch.Tensor, "m d"],
    nodes: Sequence[int],
    order: int,
) -> Float[torch.Tensor, "m features"]:
    """Values at scattered points: every point reads its own `(order + 1)^d` nodes."""
    features, dimensions = values.shape[1], len(nodes)
    table = values.movedim(1, -1).reshape(-1, features)
    stored = [n + 2 * PADDING[order] for n in nodes]
    axes = [spline_weights(positions[:, i], nodes[i], order) for i in range(dimensions)]
    result = table.new_zeros(len(positions), features)
    for corner in product(*(range(len(weights)) for _, weights in axes)):
        index = torch.zeros_like(axes[0][0])
        weight = torch.ones_like(positions[:, 0])
        for (first, weights), k, size in zip(axes, corner, stored, strict=True):
            index = index * size + first + k
            weight = weight * weights[k]
        result = result + table.index_select(0, index) * weight[:, None]
    return result
