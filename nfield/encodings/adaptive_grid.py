"""Adaptive grid: a pyramid of feature grids whose fine levels exist only where the data has detail.

Level l has half the nodes per axis of level l + 1. A level is cut into square tiles; tiles that are left out hold
zeros and cost no parameters. `allocate` chooses them, within a number of parameters, by the energy that the data's
Laplacian pyramid has in each tile: a best-basis choice as in wavelet compression, where dense and hashed grids spend
the same on sky as on grass. All levels are dense until `allocate` is called.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float

from nfield.core.checks import UserError
from nfield.encodings.base import AbstractEncoding, check_in_dim
from nfield.encodings.first_order import first_order_only
from nfield.kernels.interpolation import PADDING, interpolate_grid, interpolate_points

ORDERS = {"linear": 1, "cubic": 3}


@dataclass(frozen=True, kw_only=True)
class AdaptiveGridConfig:
    """A pyramid of grids, halving in resolution, with fine tiles only where the data has detail."""

    resolution: int | tuple[int, ...] = 32
    """Nodes of the finest level, for all axes or one number per axis."""
    levels: int = 6
    """How many levels at the most; halving ends where an axis would have fewer than 2 nodes."""
    features: int = 2
    """Features per node."""
    tile: int = 4
    """Nodes along the edge of a tile, the unit in which detail is kept or left out."""
    interpolation: Literal["linear", "cubic"] = "linear"
    """Linear is the fastest; cubic has continuous second derivatives."""
    first: tuple[float, ...] | None = None
    """Coordinates of the finest level's first node; by default half a cell inside [-1, 1]."""
    last: tuple[float, ...] | None = None
    """Coordinates of the finest level's last node; by default half a cell inside [-1, 1]."""
    initial_scale: float = 1e-2
    """Features start uniformly in [-initial_scale, initial_scale]."""
    rate: float = 2.0
    """Factor on the learning rate: features see few of the points, so they need larger steps than the network."""

    def __post_init__(self) -> None:
        numbers = self.resolution if isinstance(self.resolution, tuple) else (self.resolution,)
        if min(numbers) < 1:
            raise UserError(f"resolution must be at least 1 node per axis, but is {self.resolution}.")
        for name in ("levels", "features", "tile"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} must be at least 1, but is {getattr(self, name)}.")
        if self.rate <= 0 or self.initial_scale < 0:
            raise UserError("rate must be above 0 and initial_scale not below 0.")
        if (self.first is None) != (self.last is None):
            raise UserError("Give both first and last, the coordinates of the end nodes, or neither.")

    def build(self, in_dim: int, generator: torch.Generator) -> "AdaptiveGrid":
        """The module for coordinates of dimension 1 to 3."""
        return AdaptiveGrid(self, in_dim, generator)


class AdaptiveGrid(AbstractEncoding):
    """Features of all levels, interpolated and concatenated from coarse to fine.

    A level's values are stored as (n_1, features, n_2, ..., n_d), so that whole rows are read at a time.
    """

    def __init__(self, config: AdaptiveGridConfig, in_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_in_dim(in_dim, 1, 3)
        finest = config.resolution if isinstance(config.resolution, tuple) else (config.resolution,) * in_dim
        if len(finest) != in_dim:
            raise UserError(f"resolution has {len(finest)} numbers, but the coordinates have {in_dim}.")
        self.config, self.in_dim = config, in_dim
        self.order = ORDERS[config.interpolation]
        self.derivative_order: float = self.order if self.order == 1 else 2
        self.nodes: list[tuple[int, ...]] = [finest]
        while len(self.nodes) < config.levels and min(self.nodes[-1]) > 2:
            self.nodes.append(tuple(-(-n // 2) for n in self.nodes[-1]))
        self.nodes.reverse()
        self.out_dim = config.features * len(self.nodes)
        first = config.first or tuple(-1 + 1 / n for n in finest)
        last = config.last or tuple(1 - 1 / n for n in finest)
        spacing = [(b - a) / max(n - 1, 1) or 2.0 for a, b, n in zip(first, last, finest, strict=True)]
        origins, spacings = [], []
        for level in range(len(self.nodes)):
            factor = 2 ** (len(self.nodes) - 1 - level)
            spacings.append([s * factor for s in spacing])
            origins.append([a + s * (factor - 1) / 2 for a, s in zip(first, spacing, strict=True)])
        self.register_buffer("origin", torch.tensor(origins))
        self.register_buffer("spacing", torch.tensor(spacings))
        self.origin: torch.Tensor
        self.spacing: torch.Tensor
        self.values = torch.nn.ParameterList()
        for level, stored in enumerate(self._stored_shapes()):
            start = torch.rand(math.prod(stored), generator=generator) * 2 - 1
            self.values.append(torch.nn.Parameter(start * config.initial_scale))
            self.register_buffer(f"kept_{level}", torch.ones(0, dtype=torch.bool))
            self.register_buffer(f"places_{level}", torch.zeros(0, dtype=torch.long), persistent=False)

    def octaves(self) -> Float[torch.Tensor, " features"]:
        """log2 of the levels' cells per unit of x, along the axis on which they are finest."""
        return -self.spacing.amin(-1).float().log2().repeat_interleave(self.config.features)

    def _stored_shapes(self) -> list[tuple[int, ...]]:
        pad = 2 * PADDING[self.order]
        return [(n[0] + pad, self.config.features, *(m + pad for m in n[1:])) for n in self.nodes]

    def tiles(self, level: int) -> tuple[int, ...]:
        """Tiles per axis of a level."""
        pad = 2 * PADDING[self.order]
        return tuple(-(-(n + pad) // self.config.tile) for n in self.nodes[level])

    def _places(self, level: int, kept: Bool[torch.Tensor, "..."]) -> torch.Tensor:
        """Flat indices, into the level's dense values, of the nodes in the kept tiles."""
        stored = self._stored_shapes()[level]
        mask = kept
        for axis in range(self.in_dim):
            mask = mask.repeat_interleave(self.config.tile, axis)
        mask = mask[tuple(slice(n) for n in (stored[0], *stored[2:]))]
        return mask[:, None].expand(stored).reshape(-1).nonzero()[:, 0]

    def allocate(self, detail: Sequence[Float[torch.Tensor, "..."]], parameters: int) -> None:
        """Keep the tiles with the most energy per parameter, `parameters` at the most.

        `detail` holds, per level from coarse to fine, the data's energy at each tile, of shape `tiles(level)`. Called
        once, before training: the values of tiles that are left out are dropped.
        """
        shapes = self._stored_shapes()
        cost, score = [], []
        for level, energy in enumerate(detail):
            whole = torch.zeros(self.tiles(level))
            ones = torch.ones(shapes[level][0], *shapes[level][2:])
            index: torch.Tensor | None = None
            for axis, n in enumerate(self.tiles(level)):
                at = (torch.arange(ones.shape[axis]) // self.config.tile).clamp(max=n - 1)
                at = at.reshape([-1 if i == axis else 1 for i in range(self.in_dim)])
                index = at if index is None else index * n + at
            if index is None:
                raise AssertionError("a grid has at least one axis")
            whole.view(-1).index_add_(0, index.expand(ones.shape).reshape(-1), ones.reshape(-1))
            cost.append((whole * self.config.features).reshape(-1))
            score.append(energy.reshape(-1).to(torch.float32) / cost[-1].clamp(min=1))
        scores, costs = torch.cat(score), torch.cat(cost)
        best = torch.argsort(scores, descending=True, stable=True)
        chosen = torch.zeros(len(scores), dtype=torch.bool)
        chosen[best[torch.cumsum(costs[best], 0) <= parameters]] = True
        for level, part in enumerate(torch.split(chosen, [len(s) for s in score])):
            if not bool(part.all()):
                self._keep(level, part.reshape(self.tiles(level)))

    def _keep(self, level: int, kept: Bool[torch.Tensor, "..."]) -> None:
        places = self._places(level, kept.cpu()).to(self.origin.device)
        value = self.values[level]
        self.values[level] = torch.nn.Parameter(value.detach()[places].clone())
        setattr(self, f"kept_{level}", kept.to(self.origin.device))
        setattr(self, f"places_{level}", places)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Weights say themselves which tiles they hold: take that over before the values are copied."""
        for level in range(len(self.nodes)):
            kept = state_dict.get(f"{prefix}kept_{level}")
            # Weights of a file are on the CPU, wherever the grid is.
            if kept is None or kept.numel() == 0 or torch.equal(kept.cpu(), getattr(self, f"kept_{level}").cpu()):
                continue
            places = self._places(level, kept.cpu()).to(self.origin.device)
            setattr(self, f"kept_{level}", kept.to(self.origin.device))
            setattr(self, f"places_{level}", places)
            self.values[level] = torch.nn.Parameter(self.values[level].new_zeros(len(places)))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def dense(self, level: int) -> Float[torch.Tensor, "..."]:
        """The level's values on all its nodes, zero where tiles are left out."""
        shape, values = self._stored_shapes()[level], self.values[level]
        if getattr(self, f"kept_{level}").numel():
            values = values.new_zeros(math.prod(shape)).index_copy(0, getattr(self, f"places_{level}"), values)
        return values.reshape(shape)

    def _differentiable(self, x: torch.Tensor) -> torch.Tensor:
        """Coordinates, guarded against second derivatives that linear interpolation does not have."""
        return first_order_only(x, "The adaptive grid with linear interpolation") if self.order == 1 else x

    def forward(self, x: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch out"]:
        """Features at scattered points of shape (..., d)."""
        self.check_dimension(x.shape[-1])
        flat = self._differentiable(x).reshape(-1, self.in_dim)
        features = [
            interpolate_points(
                self.dense(level),
                (flat - self.origin[level].to(flat.dtype)) / self.spacing[level].to(flat.dtype),
                nodes,
                self.order,
            )
            for level, nodes in enumerate(self.nodes)
        ]
        return torch.cat(features, -1).reshape(*x.shape[:-1], self.out_dim)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "*grid features"]:
        """Features of shape (n_1, ..., n_d, out_dim) at the tensor product of coordinate vectors."""
        self.check_dimension(len(axes))
        features, guarded = [], [self._differentiable(x) for x in axes]
        for level, nodes in enumerate(self.nodes):
            positions = [
                (x - self.origin[level, i].to(x.dtype)) / self.spacing[level, i].to(x.dtype)
                for i, x in enumerate(guarded)
            ]
            features.append(interpolate_grid(self.dense(level), positions, nodes, self.order))
        return torch.cat(features, 1).movedim(1, -1)
