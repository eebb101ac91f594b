"""The solution of an equation as a field: a network behind a function that meets conditions exactly."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float

from nfield.equations.ansatz import Ansatz
from nfield.fields.base import Field

POINTS_AT_ONCE = 1 << 15


class SolutionField(torch.nn.Module):
    """`u` at places in the problem's own units: the `Ansatz` around `size · N(s)`, s the same place in [-1, 1]^d.

    Periodic coordinates enter N as a cosine and a sine. The weights of the loss terms
    are kept here, so that they belong to every checkpoint.
    """

    def __init__(self, network: Field, ansatz: Ansatz, terms: int = 1) -> None:
        super().__init__()
        self.network, self.ansatz = network, ansatz
        problem = ansatz.problem
        low, high = (torch.tensor(ends, dtype=torch.float64) for ends in (problem.low, problem.high))
        # Not in the state: they follow from the problem, and would be rounded with the weights.
        self.centre, self.half_sides = (low + high) / 2, (high - low) / 2
        self.register_buffer("weights", torch.ones(terms, dtype=torch.float64).float())
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.weights: torch.Tensor
        self.calls: torch.Tensor

    def _apply(self, fn: Any, recurse: bool = True) -> "SolutionField":
        moved = super()._apply(fn, recurse)
        self.centre, self.half_sides = (t.to(self.weights.device) for t in (self.centre, self.half_sides))
        return moved

    @property
    def in_dim(self) -> int:
        """Number of coordinates, time included."""
        return self.ansatz.problem.dimension

    @property
    def out_dim(self) -> int:
        """One value at a point."""
        return self.network.out_dim

    @property
    def derivative_order(self) -> float:
        """How many derivatives with respect to the coordinates are right."""
        return self.network.derivative_order

    @property
    def encoding(self) -> torch.nn.Module:
        """The network's encoding."""
        return self.network.encoding

    @property
    def backbone(self) -> torch.nn.Module:
        """The network behind the encoding."""
        return self.network.backbone

    def forward(self, points: Float[torch.Tensor, "*batch d"]) -> Float[torch.Tensor, "*batch 1"]:
        """Values of shape (..., 1) at points of shape (..., d), in the problem's units."""
        flat = points.reshape(-1, points.shape[-1]).to(self.weights.dtype)
        if torch.is_grad_enabled() or len(flat) <= POINTS_AT_ONCE:
            values = self._values(flat)
        else:
            values = torch.cat([self._values(part) for part in flat.split(POINTS_AT_ONCE)])
        return values.reshape(*points.shape[:-1], 1)

    def _values(self, points: torch.Tensor) -> torch.Tensor:
        return self.around(self.network, points)

    def around(
        self,
        network: Callable[[torch.Tensor], torch.Tensor],
        points: Float[torch.Tensor, "n d"],
        *,
        by_point: bool = False,
    ) -> Float[torch.Tensor, "n 1"]:
        """Values with another function in the place of the network, which may be another one `by_point`."""

        def sized(places: torch.Tensor) -> torch.Tensor:
            scaled = (places - self.centre.to(places)) / self.half_sides.to(places)
            return self.ansatz.problem.size * network(self.ansatz.lift(scaled))

        return self.ansatz(points, sized, by_point=by_point)

    def on_grid(self, axes: Sequence[Float[torch.Tensor, " _"]]) -> Float[torch.Tensor, "..."]:
        """Values of shape (n_1, ..., n_d, 1) at the tensor product of coordinates."""
        return self(torch.stack(torch.meshgrid(*axes, indexing="ij"), -1))

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Those of the network."""
        return self.network.parameter_groups()

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return self.network.count_parameters()
