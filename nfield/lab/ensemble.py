"""Networks of one kind and several seeds, trained side by side.

Their weights are stacked, so that a layer of all is one product, and their losses add, so that Adam and gradient
descent, which treat each weight by its own gradient, train every one as if it were alone.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.func import functional_call, stack_module_state, vmap

from nfield.backbones import BackboneConfig
from nfield.core.seeding import generator
from nfield.encodings.hash_grid import HashGrid

Points = Float[torch.Tensor, "n d"] | Float[torch.Tensor, "members n d"]


class Ensemble:
    """Members of one configuration, each with weights drawn from its own seed.

    `gain` multiplies all weights, biases too, at the start. Buffers, such as frequencies drawn, are each member's own.
    Networks on hash grids, whose gathering torch cannot stack, are computed one after the other, with the same values.
    """

    def __init__(
        self,
        config: BackboneConfig,
        in_dim: int,
        out_dim: int,
        seeds: Iterable[int],
        *,
        dtype: torch.dtype = torch.float32,
        gain: float = 1.0,
        device: torch.device | str = "cpu",
    ) -> None:
        members = [config.build(in_dim, out_dim, generator(seed, "weights")).to(device, dtype) for seed in seeds]
        stacked, buffers = stack_module_state(members)
        self.count = len(members)
        self.parameters: dict[str, torch.Tensor] = {
            name: (gain * value.detach()).requires_grad_(True) for name, value in stacked.items()
        }
        self._buffers = buffers
        # Only its structure is used: every value comes from the stacks.
        self._shell = members[0]
        self._stackable = not any(isinstance(module, HashGrid) for module in members[0].modules())

    def _one(self, parameters: dict[str, Any], buffers: dict[str, Any], points: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = functional_call(self._shell, (parameters, buffers), (points,))
        return values

    def __call__(self, points: Points) -> Float[torch.Tensor, "members n c"]:
        """Values of all members at the same points, or at each one's own."""
        return self._values(self.parameters, self._buffers, points)

    def _values(
        self, parameters: dict[str, torch.Tensor], buffers: dict[str, torch.Tensor], points: Points
    ) -> Float[torch.Tensor, "members n c"]:
        if self._stackable:
            own = 0 if points.ndim == 3 else None
            values: torch.Tensor = vmap(self._one, in_dims=(0, 0, own))(parameters, buffers, points)
            return values
        rows = {name: value.unbind(0) for name, value in {**parameters, **buffers}.items()}
        count = len(next(iter(rows.values())))
        apart = points.unbind(0) if points.ndim == 3 else [points] * count
        return torch.stack(
            [
                self._one({name: rows[name][i] for name in parameters}, {name: rows[name][i] for name in buffers}, x)
                for i, x in enumerate(apart)
            ]
        )

    def in_blocks(self, points: Float[torch.Tensor, "n d"], block: int = 1 << 14) -> Float[torch.Tensor, "members n c"]:
        """Values at any number of points, without gradients."""
        with torch.no_grad():
            return torch.cat([self(part) for part in points.split(block)], 1)

    def curves(self, points: Float[torch.Tensor, "n d"]) -> Float[np.ndarray, "members n"]:
        """The first output at any number of points."""
        return self.in_blocks(points)[..., 0].cpu().numpy()

    @property
    def parameters_of_one(self) -> int:
        """Number of trained numbers of one member."""
        return sum(value[0].numel() for value in self.parameters.values())

    def parameters_of_member(self, row: int) -> dict[str, torch.Tensor]:
        """A copy of one member's weights, still as stacks: what `member(row)` takes."""
        return {name: value.detach()[row : row + 1].clone() for name, value in self.parameters.items()}

    def member(
        self, row: int
    ) -> Callable[[dict[str, torch.Tensor], Float[torch.Tensor, "*shape d"]], Float[torch.Tensor, "1 n c"]]:
        """One member alone, as a function of stacks of one set of weights and of points."""
        buffers = {name: value[row : row + 1] for name, value in self._buffers.items()}

        def alone(parameters: dict[str, torch.Tensor], points: torch.Tensor) -> torch.Tensor:
            return self._values(parameters, buffers, points)

        return alone
