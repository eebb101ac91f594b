"""Multiresolution hash grid (Müller et al., Instant Neural Graphics Primitives, arXiv 2201.05989).

Notation: level l has N_l cells along each axis of [-1, 1]^d; `cell` is the lower corner of the cell around a point in
nodes, `fraction` the place within it in [0, 1]. A level whose nodes all fit its table is dense; else a node's row is
the XOR of coordinate times prime, modulo the table size. All tables lie one behind the other in `features`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int

from nfield.core.checks import UserError, at_least, choice, positive
from nfield.encodings.base import AbstractEncoding, check_in_dim
from nfield.encodings.first_order import first_order_only

PRIMES = (1, 2_654_435_761, 805_459_861)


@dataclass(frozen=True, kw_only=True)
class HashGridConfig:
    """Learned features on grids of growing resolution; fine levels share a table of bounded size by hashing."""

    levels: int = 12
    """Number of grids, from coarse to fine."""
    coarsest: int = 16
    """Cells along each axis of the coarsest grid."""
    finest: int = 512
    """Cells along each axis of the finest grid."""
    features: int = 2
    """Features per node."""
    table_size: int = 2**14
    """Rows of a level's table at the most; a power of two. Levels with more nodes are hashed."""
    interpolation: Literal["linear", "smooth"] = "linear"
    """Linear is the paper's; smooth (a quintic step between nodes) has continuous second derivatives."""
    initial_scale: float = 1e-4
    """Features start uniformly in [-initial_scale, initial_scale]."""
    rate: float = 2.0
    """Factor on the learning rate of the features."""

    def __post_init__(self) -> None:
        for name in ("levels", "coarsest", "features"):
            at_least(getattr(self, name), 1, name)
        at_least(self.finest, self.coarsest, "finest")
        at_least(self.table_size, 2, "table_size")
        if self.table_size & (self.table_size - 1):
            nearest = 2 ** round(math.log2(self.table_size))
            raise UserError(f"table_size must be a power of two, but is {self.table_size}. Try {nearest}.")
        choice(self.interpolation, ["linear", "smooth"], "interpolation")
        at_least(self.initial_scale, 0, "initial_scale")
        positive(self.rate, "rate")

    def resolutions(self) -> list[int]:
        """Cells per axis of every level: floor(coarsest · b^l), b chosen so that the last is `finest`."""
        growth = (self.finest / self.coarsest) ** (1 / max(self.levels - 1, 1))
        # The small addend keeps rounding errors from taking a cell off the levels that are whole numbers.
        return [math.floor(self.coarsest * growth**level + 1e-6) for level in range(self.levels)]

    def build(self, in_dim: int, generator: torch.Generator) -> "HashGrid":
        """The module for coordinates of dimension 1 to 3, its features drawn from the generator."""
        return HashGrid(self, in_dim, generator)


class HashGrid(AbstractEncoding):
    """Features of all levels, interpolated and concatenated from coarse to fine; constant beyond [-1, 1]."""

    def __init__(self, config: HashGridConfig, in_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        self.config, self.in_dim = config, check_in_dim(in_dim, 1, 3)
        self.out_dim = config.levels * config.features
        self.smooth = config.interpolation == "smooth"
        self.derivative_order = 2 if self.smooth else 1
        cells = config.resolutions()
        # Smooth steps are flat at nodes: half a cell of shift keeps the levels' nodes, and the domain's edge, apart.
        self.nodes = nodes = [n + 2 if self.smooth else n + 1 for n in cells]
        sizes = [min(n**in_dim, config.table_size) for n in nodes]
        self.dense_levels = sum(n**in_dim <= config.table_size for n in nodes)
        factors = [
            [n**axis if level < self.dense_levels else PRIMES[axis] % config.table_size for axis in range(in_dim)]
            for level, n in enumerate(nodes)
        ]
        # Modulo a power of two the factors can be reduced first, which keeps the products within 32 bits.
        narrow = max(max(nodes) * config.table_size, sum(sizes)) < 2**31
        self.index_dtype = torch.int32 if narrow else torch.int64
        for name, values in (
            ("cells", cells),
            ("offsets", [sum(sizes[:level]) for level in range(config.levels)]),
            ("factors", factors),
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.int64))
        self.cells: torch.Tensor
        self.offsets: torch.Tensor
        self.factors: torch.Tensor
        start = torch.rand(sum(sizes), config.features, generator=generator, device=generator.device)
        self.features = torch.nn.Parameter((2 * start - 1) * config.initial_scale)

    def octaves(self) -> Float[torch.Tensor, " features"]:
        """log2 of the levels' cells per unit of x; [-1, 1] is two units long."""
        return (self.cells.float() / 2).log2().repeat_interleave(self.config.features)

    def _locate(
        self, x: Float[torch.Tensor, "*shape"], cells: Int[torch.Tensor, "*any"]
    ) -> tuple[Int[torch.Tensor, "*out"], Float[torch.Tensor, "*out"]]:
        """Lower node and weight of the upper node along one axis, for broadcastable coordinates and resolutions."""
        position = (x.clamp(-1, 1) + 1) * (cells / 2).to(x.dtype) + (0.5 if self.smooth else 0.0)
        last = cells if self.smooth else cells - 1
        cell = torch.minimum(position.detach().floor(), last.to(x.dtype))
        t = position - cell
        return cell.to(self.index_dtype), t * t * t * (t * (6 * t - 15) + 10) if self.smooth else t

    def _rows(self, nodes: Sequence[Int[torch.Tensor, "..."]], levels: slice) -> Int[torch.Tensor, "*combined"]:
        """Table rows of nodes given per axis as (k_i, levels, n): all combinations, of shape (Π k_i, levels, n).

        All of the levels are dense, or all are hashed.
        """
        hashed = (levels.start or 0) >= self.dense_levels
        factors = self.factors[levels].to(self.index_dtype)
        rows = nodes[0] * factors[:, 0, None]
        for axis, along in enumerate(nodes[1:], 1):
            term = along * factors[:, axis, None]
            rows = (rows[:, None] ^ term if hashed else rows[:, None] + term).flatten(0, 1)
        if hashed:
            rows = rows & (self.config.table_size - 1)
        return rows + self.offsets[levels, None].to(self.index_dtype)

    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch features"]:
        """Features of shape (..., levels · features) at points of shape (..., d)."""
        self.check_dimension(x.shape[-1])
        flat = self._gate(x.reshape(-1, self.in_dim))
        # Points run along the last axis throughout: products with short last axes are many times slower.
        corners, weights = [], flat.new_ones(())
        for axis in range(self.in_dim):
            cell, t = self._locate(flat[:, axis].contiguous(), self.cells[:, None])
            corners.append(torch.stack([cell, cell + 1]))
            sides = torch.stack([1 - t, t])
            weights = sides if axis == 0 else (weights[:, None] * sides).flatten(0, 1)
        split = self.dense_levels
        parts = [slice(0, split), slice(split, self.config.levels)]
        rows = torch.cat([self._rows([c[:, part] for c in corners], part) for part in parts], 1)
        values = _WeightedRows.apply(self.features, rows.flatten(1), weights.flatten(1).to(self.features.dtype))
        by_level = values.reshape(self.config.levels, len(flat), self.config.features)
        return torch.cat(by_level.unbind(), 1).reshape(*x.shape[:-1], self.out_dim)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "*grid features"]:
        """Features at a tensor product: every node is read once, then the axes are interpolated one by one."""
        self.check_dimension(len(axes))
        gated = [self._gate(axis) for axis in axes]
        levels = []
        for level in range(self.config.levels):
            used, lower, upper, fractions = [], [], [], []
            for axis in gated:
                cell, fraction = self._locate(axis, self.cells[level])
                nodes, low, high = _read_nodes(cell, self.nodes[level])
                used.append(nodes[:, None, None])
                lower.append(low)
                upper.append(high)
                fractions.append(fraction)
            rows = self._rows(used, slice(level, level + 1)).reshape(-1)
            values = self.features.index_select(0, rows).reshape(*(len(u) for u in used), self.config.features)
            for i, fraction in enumerate(fractions):
                t = fraction.reshape(len(fraction), *[1] * (self.in_dim - i))
                below, above = values.index_select(i, lower[i]), values.index_select(i, upper[i])
                values = below + t * (above - below)
            levels.append(values)
        return torch.cat(levels, -1)

    def _gate(self, x: Float[torch.Tensor, "*shape"]) -> Float[torch.Tensor, "*shape"]:
        return x if self.smooth else first_order_only(x, "The hash grid with linear interpolation")


def _read_nodes(
    cell: Int[torch.Tensor, " n"], nodes: int
) -> tuple[Int[torch.Tensor, " k"], Int[torch.Tensor, " n"], Int[torch.Tensor, " n"]]:
    """Nodes to read along an axis for points in these cells, and each point's lower and upper one among them.

    On a CPU that is every node that is needed, once. On a GPU the CPU would have to wait for their number: there all
    nodes of the level are read, or where these are more, two for each point.
    """
    ends = torch.stack([cell, cell + 1])
    if not cell.is_cuda:
        found, place = torch.unique(ends, return_inverse=True)
        return found, place[0], place[1]
    if nodes <= ends.numel():
        return torch.arange(nodes, dtype=cell.dtype, device=cell.device), ends[0], ends[1]
    number = torch.arange(len(cell), device=cell.device)
    return ends.reshape(-1), number, number + len(cell)


class _WeightedRows(torch.autograd.Function):
    """Sums of table rows with weights, (k, n) indices and weights to (n, features); differentiable any number of times.

    The forward is torch's fused `embedding_bag`; its own backward and `index_put` are many times slower on CPUs than
    additions into one vector for each feature, side by side.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(table: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        bags, shares = torch.stack(rows.unbind(), 1), torch.stack(weights.unbind(), 1)
        return torch.nn.functional.embedding_bag(bags, table, mode="sum", per_sample_weights=shares)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, None, torch.Tensor | None]:
        table, rows, weights = ctx.saved_tensors
        flat = rows.reshape(-1).long()
        for_table = for_weights = None
        if ctx.needs_input_grad[0]:
            shares = (weights * torch.stack(gradient.unbind(1))[:, None]).flatten(1)
            summed = shares.new_zeros(shares.shape[0], len(table)).scatter_add_(1, flat.expand_as(shares), shares)
            # Stacking is a quarter of the time of copying the transposed view.
            for_table = torch.stack(summed.unbind(), 1)
        if ctx.needs_input_grad[2]:
            read = table.index_select(0, flat).reshape(*weights.shape, -1)
            for_weights = (read * gradient).sum(-1)
        return for_table, None, for_weights
