"""PhaseDNN in its parallel form: `f(x) = Re Σ_j e^{iω_j·x} T_j(x)` (Cai, Li, Liu, arXiv 1905.01389 and 1909.11759).

Each T_j is a network of its own with a complex value, which can learn the band of the data around ω_j, shifted down to
zero, without the others: `nfield.spectral.split_bands` makes these bands, `nfield.training.phase_bands` trains on them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float

from nfield.backbones.activations import check_activation
from nfield.backbones.base import AbstractBackbone, check_dims
from nfield.backbones.batched import BatchedMLP
from nfield.backbones.phase import Shifts, check_finite, shifts_for
from nfield.core.checks import at_least, positive
from nfield.encodings.coordinates import exact_where_coordinates


@dataclass(frozen=True, kw_only=True)
class PhaseParallelConfig:
    """One small network for each wave vector; all of the same size."""

    shifts: Shifts = ()
    """Wave vectors ω_j in radians per unit of x, as in the coupled form. None: zero and octaves along each axis."""
    width: int = 32
    """Neurons per hidden layer of each network."""
    depth: int = 2
    """Number of hidden layers of each network."""
    scale: float = 1.0
    """Factor on the coordinates that the networks see: larger widens the band around each wave vector."""
    activation: str = "sine"
    """Activation by name."""

    def __post_init__(self) -> None:
        for name in ("width", "depth"):
            at_least(getattr(self, name), 1, name)
        positive(self.scale, "scale")
        check_activation(self.activation, None, 1.0)
        check_finite(self.shifts)

    def build(self, in_dim: int, out_dim: int, generator: torch.Generator) -> "PhaseParallel":
        """The module for coordinates of dimension `in_dim`, its weights drawn from the generator."""
        return PhaseParallel(self, in_dim, out_dim, generator)


class PhaseParallel(AbstractBackbone):
    """`T_j = a_j · network_j`, a_j the band's amplitude, so that every network has values of size one to learn."""

    def __init__(self, config: PhaseParallelConfig, in_dim: int, out_dim: int, generator: torch.Generator) -> None:
        super().__init__()
        check_dims(in_dim, out_dim)
        self.in_dim, self.out_dim = in_dim, out_dim
        shifts = torch.tensor(shifts_for(config.shifts, in_dim), device=generator.device)
        self.register_buffer("shifts", shifts)
        self.shifts: torch.Tensor
        self.register_buffer("amplitudes", torch.ones(len(shifts), device=generator.device))
        self.amplitudes: torch.Tensor
        self.networks = BatchedMLP(
            len(shifts),
            in_dim,
            2 * out_dim,
            generator,
            width=config.width,
            depth=config.depth,
            activation=config.activation,
            scale=config.scale,
        )
        self.derivative_order = self.networks.activations.derivative_order

    def bands(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n shifts c 2"]:
        """T_j over its amplitude at points of shape (n, in_dim), real and imaginary part last."""
        return self.networks(points).transpose(0, 1).unflatten(-1, (self.out_dim, 2))

    def joined(
        self, bands: Float[torch.Tensor, "n shifts c 2"], points: Float[torch.Tensor, "n d"]
    ) -> Float[torch.Tensor, "n c"]:
        """`Re Σ_j e^{iω_j·x} a_j bands_j` at the bands' own points."""
        with exact_where_coordinates(points):
            angles = points @ self.shifts.T
            waves = self.amplitudes[:, None] * torch.stack([angles.cos(), -angles.sin()], -1)
        return torch.einsum("njk,njck->nc", waves.to(bands.dtype), bands)

    def forward(self, features: Float[torch.Tensor, "*batch n"]) -> Float[torch.Tensor, "*batch c"]:
        """Values of shape (..., out_dim) at coordinates of shape (..., in_dim)."""
        flat = features.reshape(-1, self.in_dim)
        return self.joined(self.bands(flat), flat).reshape(*features.shape[:-1], self.out_dim)
