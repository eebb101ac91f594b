"""Sparse lattices of quadratic B-splines near a cloud: nodes by sorted keys, values at points, refinement.

Notation: node k of a level with step h lies at (k + 1/2)·h along each axis, so that a node of one level has two
children of the next along each axis, at a quarter of its step on either side. A point's nearest node and its 26
neighbours carry the point's value. Keys pack the three integers of a node into one, in lexicographic order.
"""

import itertools
import warnings
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from nfield.core.blocks import blocks
from nfield.core.moving import beside, sent

BITS = 20
LARGEST = 2 ** (BITS - 1)
"""Nodes reach from -LARGEST to LARGEST - 1 along each axis."""
AROUND = tuple(itertools.product((-1, 0, 1), repeat=3))
NODES_AT_ONCE = 1 << 20
"""Nodes whose neighbours are looked up together: what bounds memory."""

Nodes = Int[torch.Tensor, "*shape 3"]
Keys = Int[torch.Tensor, " n"]


def pack(nodes: Nodes) -> Int[torch.Tensor, "*shape"]:
    """Keys of nodes."""
    x, y, z = (nodes + LARGEST).unbind(-1)
    return (x << (2 * BITS)) | (y << BITS) | z


def unpack(keys: Int[torch.Tensor, "*shape"]) -> Nodes:
    """Nodes of keys."""
    low = (1 << BITS) - 1
    return torch.stack([keys >> (2 * BITS), (keys >> BITS) & low, keys & low], -1) - LARGEST


def dilated(keys: Keys, reach: int) -> Int[torch.Tensor, " m"]:
    """Keys of all nodes within `reach` of the given ones along every axis, sorted."""
    for axis in range(3):
        along = 1 << (BITS * (2 - axis))
        keys = torch.unique(torch.cat([keys + step * along for step in range(-reach, reach + 1)]))
    return keys


def block(low: Int[torch.Tensor, "3"], high: Int[torch.Tensor, "3"]) -> Keys:
    """Keys of all nodes from `low` to `high`, both included, sorted."""
    ends = torch.stack([low, high + 1], 1).tolist()
    axes = [torch.arange(start, stop, device=low.device) for start, stop in ends]
    return pack(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3))


def shift(x: int, y: int, z: int) -> int:
    """What the keys of nodes grow by where the nodes do by so many steps."""
    return (x << (2 * BITS)) + (y << BITS) + z


def look_up(
    keys: Keys, wanted: Int[torch.Tensor, "*shape"]
) -> tuple[Int[torch.Tensor, "*shape"], Bool[torch.Tensor, "*shape"]]:
    """Rows of the wanted keys among sorted keys, and whether they are there; the row means nothing where not."""
    rows = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return rows, keys[rows] == wanted


def spline_weights(
    fraction: Float[torch.Tensor, "p 3"], *, slopes: bool = False
) -> tuple[Float[torch.Tensor, "p 27"], list[Float[torch.Tensor, "p 27"]]]:
    """Weights of the 27 nodes around points at `fraction`, in [-1/2, 1/2] steps, of their nearest; with `slopes`
    also those of the three partial derivatives, per step.
    """
    low, high = 0.5 - fraction, 0.5 + fraction
    along = torch.stack([low * low / 2, 0.75 - fraction * fraction, high * high / 2], 1)
    # (p, 3, 3): tap, axis. An outer product over the axes gives the 27 in the order of AROUND.
    x, y, z = along.unbind(-1)
    values = _outer(x, y, z)
    if not slopes:
        return values, []
    dx, dy, dz = torch.stack([-low, -2 * fraction, high], 1).unbind(-1)
    return values, [_outer(dx, y, z), _outer(x, dy, z), _outer(x, y, dz)]


def _outer(
    x: Float[torch.Tensor, "p 3"], y: Float[torch.Tensor, "p 3"], z: Float[torch.Tensor, "p 3"]
) -> Float[torch.Tensor, "p 27"]:
    return (x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :]).flatten(1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """Nodes of one step, each with the coefficient of its B-spline."""

    step: float
    keys: Keys
    """Sorted."""
    values: Float[torch.Tensor, " n"]

    @cached_property
    def around(self) -> Int[torch.Tensor, "n 27"]:
        """Rows of the 27 nodes around every node; -1 where one of them is missing in the first column."""
        return self.around_nodes(self.keys)

    def around_nodes(self, nodes: Keys) -> Int[torch.Tensor, "m 27"]:
        """The same for nodes of the given keys."""
        rows = torch.zeros(len(nodes), 27, dtype=torch.int32, device=nodes.device)
        whole = torch.ones(len(nodes), dtype=torch.bool, device=nodes.device)
        for tap, offset in enumerate(AROUND):
            found, there = look_up(self.keys, nodes + shift(*offset))
            rows[:, tap] = found.to(torch.int32)
            whole &= there
        rows[:, 0].masked_fill_(~whole, -1)
        return rows

    def locate(
        self, points: Float[torch.Tensor, "p 3"], *, once: bool = False
    ) -> tuple[Int[torch.Tensor, "p 27"], Bool[torch.Tensor, " p"], Float[torch.Tensor, "p 3"]]:
        """Rows of the nodes around points, whether all are there, and the places from the nearest, in steps.

        Tables for all nodes are kept for further calls, unless `once` says that these points are the only ones.
        """
        scaled = points / self.step - 0.5
        nearest = scaled.detach().round()
        inside = (nearest.abs() < LARGEST - 2).all(-1)
        found, there = look_up(self.keys, pack(torch.where(inside[:, None], nearest, 0).long()))
        rows = self.around_nodes(self.keys[found]) if once else self.around[found]
        return rows.long(), there & inside & (rows[:, 0] >= 0), scaled - nearest

    def parents(
        self, fine: Keys
    ) -> tuple[Int[torch.Tensor, "n 8"], Float[torch.Tensor, " 8"], Bool[torch.Tensor, " n"]]:
        """Rows and weights of the eight nodes that a node of half the step is refined from, and whether all exist."""
        nodes = unpack(fine)
        parent, side = nodes >> 1, 2 * (nodes & 1) - 1
        rows, there = [], torch.ones(len(fine), dtype=torch.bool, device=fine.device)
        weights = []
        for corner in itertools.product((0, 1), repeat=3):
            found, ok = look_up(self.keys, pack(parent + side * beside(corner, side)))
            rows.append(found)
            there &= ok
            weights.append(0.75 ** (3 - sum(corner)) * 0.25 ** sum(corner))
        return torch.stack(rows, 1), sent(torch.tensor(weights), fine.device), there

    def refined(self, fine: Keys, step: float) -> Float[torch.Tensor, " n"]:
        """Coefficients of the same function at nodes of half the step, or of the same, all parents of which exist."""
        if step == self.step:
            return self.values[look_up(self.keys, fine)[0]]
        parts = []
        for part in fine.split(NODES_AT_ONCE):
            rows, weights, _ = self.parents(part)
            parts.append((self.values[rows] * weights.to(self.values.dtype)).sum(1))
        return torch.cat(parts)

    def has_parents(self, fine: Keys, step: float) -> Bool[torch.Tensor, " n"]:
        """Which nodes of half the step, or of the same, can be refined."""
        if step == self.step:
            return look_up(self.keys, fine)[1]
        return torch.cat([self.parents(part)[2] for part in fine.split(NODES_AT_ONCE)])


def evaluate_levels(levels: list[Level], points: Float[torch.Tensor, "p 3"]) -> Float[torch.Tensor, " p"]:
    """The value of the finest level that reaches each point; beyond all, that at the nearest place plus the distance.

    Differentiable with respect to the points: once smoothly, twice almost everywhere.
    """
    coarsest = levels[0]
    nodes = unpack(coarsest.keys)
    low, high = (nodes.amin(0) + 1.01) * coarsest.step, (nodes.amax(0) - 0.01) * coarsest.step
    inside = torch.maximum(torch.minimum(points, high.to(points)), low.to(points))
    beyond = (points - inside).square().sum(-1)
    parts: list[torch.Tensor] = []
    where: list[torch.Tensor] = []
    left = torch.arange(len(points), device=points.device)
    for level in reversed(levels):
        rows, whole, fraction = level.locate(inside[left])
        weights, _ = spline_weights(fraction[whole])
        parts.append((level.values.to(weights.dtype)[rows[whole]] * weights).sum(-1))
        where.append(left[whole])
        left = left[~whole]
        if not len(left):
            break
    values = points.new_zeros(len(points)).index_put((torch.cat(where),), torch.cat(parts))
    # The square root's slope at zero would be infinite.
    return values + torch.where(beyond > 0, beyond, 1.0).sqrt() * (beyond > 0)


def sparse_rows(rows: Int[torch.Tensor, "r k"], weights: Float[torch.Tensor, "r k"], columns: int) -> torch.Tensor:
    """A sparse matrix with k entries in each of its rows."""
    count, k = rows.shape
    starts = torch.arange(0, count * k + 1, k, device=rows.device)
    return csr(starts, rows.reshape(-1), weights.reshape(-1), (count, columns))


def csr(starts: torch.Tensor, columns: torch.Tensor, values: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
    """A matrix in compressed rows."""
    # Short indices take half the memory, and products with them a third of the time.
    kind = torch.int32 if max(len(columns), *shape) < 2**31 else torch.int64
    with warnings.catch_warnings():
        # torch calls the layout experimental; products with vectors, all that is used here, are not.
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(starts.to(kind), columns.to(kind), values, shape, check_invariants=False)


def transposed(matrix: torch.Tensor) -> torch.Tensor:
    """The transpose in compressed rows, so that products with it need no scattered additions."""
    starts, columns, values = matrix.crow_indices(), matrix.col_indices(), matrix.values()
    height, width = matrix.shape
    if not values.is_cuda:
        # Counting finds the places of all entries in one pass; sorting them takes several times the matrix.
        turned = csr_matrix((values.numpy(), columns.numpy(), starts.numpy()), shape=(height, width)).tocsc()
        starts, rows, values = (torch.from_numpy(part) for part in (turned.indptr, turned.indices, turned.data))
        return csr(starts, rows, values, (width, height))
    # With nothing that the CPU would have to wait for, such as the largest column that counting asks for.
    every = torch.arange(height, device=columns.device)
    rows = torch.repeat_interleave(every, starts.diff(), output_size=len(columns))
    sorted_columns, order = torch.sort(columns, stable=True)
    ends = torch.arange(width + 1, dtype=columns.dtype, device=columns.device)
    return csr(torch.searchsorted(sorted_columns, ends), rows[order], values[order], (width, height))


def squared_product(matrix: torch.Tensor, vector: Float[torch.Tensor, " c"]) -> Float[torch.Tensor, " r"]:
    """The product with the squares of a matrix's entries, which are made block by block and not kept."""
    starts, columns, values = matrix.crow_indices(), matrix.col_indices(), matrix.values()
    parts = []
    for rows in blocks(matrix.shape[0], NODES_AT_ONCE):
        # The ends of the whole are known without reading them.
        low = int(starts[rows.start]) if rows.start else 0
        high = int(starts[rows.stop]) if rows.stop < matrix.shape[0] else len(values)
        shape = (rows.stop - rows.start, matrix.shape[1])
        squares = csr(starts[rows.start : rows.stop + 1] - low, columns[low:high], values[low:high].square(), shape)
        parts.append(squares @ vector)
    return torch.cat(parts)
