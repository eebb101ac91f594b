"""A radiance field: density at a place, and the colour that it sends into a direction.

Notation: x, a place in the normalised cube in which the scene lies ([-1, 1]³, or all of space drawn into it); d, a unit
direction that light is seen along, away from the camera.
    (s, h) = backbone(encoding(x)),  σ = exp(s),  c = sigmoid(head(h, directions(d)))
Densities are per unit of length of the normalised world. Mildenhall et al., NeRF (arXiv 2003.08934); the exponential
and the features h after Müller et al., Instant Neural Graphics Primitives (arXiv 2201.05989).
"""

import math
from typing import Any

import torch
from jaxtyping import Float

from nfield.backbones.base import AbstractBackbone
from nfield.encodings.base import AbstractEncoding
from nfield.fields.base import count_parameters, parameter_groups
from nfield.fields.camera_corrections import CameraCorrections
from nfield.rendering.occupancy import OccupancyGrid

LARGEST_EXPONENT = 12.0
"""Beyond it densities grow no more: at one of e^12 any step is opaque."""


class _TruncatedExponential(torch.autograd.Function):
    """exp(min(x, LARGEST_EXPONENT)), whose slope never dies so that densities that are too high come down again."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        value = x.clamp(max=LARGEST_EXPONENT).exp()
        ctx.save_for_backward(value)
        return value

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (value,) = ctx.saved_tensors
        return gradient * value


class RadianceField(torch.nn.Module):
    """Density and colour from encodings of place and direction, a backbone and a head for the colour.

    `grid` is the occupancy grid, saved with the weights. `cameras` are corrections of the images that are trained on.
    With `coarse_first`, `show` chooses which features the backbone sees.
    """

    def __init__(
        self,
        encoding: AbstractEncoding,
        backbone: AbstractBackbone,
        directions: AbstractEncoding,
        head: AbstractBackbone,
        grid: OccupancyGrid,
        *,
        cameras: CameraCorrections | None = None,
        coarse_first: bool = False,
    ) -> None:
        super().__init__()
        self.encoding, self.backbone, self.directions, self.head = encoding, backbone, directions, head
        self.grid, self.cameras = grid, cameras
        if coarse_first:
            self.register_buffer("shown", torch.ones(encoding.out_dim))
        self.shown: torch.Tensor | None = self.shown if coarse_first else None

    def show(self, share: float) -> None:
        """Show the backbone the features up to a share of the octaves of all, finer ones not yet.

        Features come in one octave at a time by a raised cosine (Lin et al., BARF, arXiv 2104.06405, equation 14).
        """
        if self.shown is None:
            raise AssertionError("this field was not made to learn coarse features first")
        octaves = self.encoding.octaves().to(self.shown)
        low, high = octaves.amin(), octaves.amax()
        risen = (low + share * (high - low) - octaves + 1).clamp(0, 1)
        self.shown.copy_((1 - torch.cos(math.pi * risen)) / 2)

    def _encoded(self, places: Float[torch.Tensor, "n 3"]) -> Float[torch.Tensor, "n features"]:
        features = self.encoding(places)
        return features if self.shown is None else features * self.shown

    def _density(self, raw: Float[torch.Tensor, " n"]) -> Float[torch.Tensor, " n"]:
        return _TruncatedExponential.apply(raw.float())

    def density(self, places: Float[torch.Tensor, "n 3"]) -> Float[torch.Tensor, " n"]:
        """Densities alone."""
        return self._density(self.backbone(self._encoded(places))[:, 0])

    def forward(
        self, places: Float[torch.Tensor, "n 3"], directions: Float[torch.Tensor, "n 3"]
    ) -> tuple[Float[torch.Tensor, " n"], Float[torch.Tensor, "n 3"]]:
        """Densities, and colours in [0, 1], at places seen along directions."""
        values = self.backbone(self._encoded(places))
        seen = torch.cat([values[:, 1:].float(), self.directions(directions).float()], -1)
        return self._density(values[:, 0]), torch.sigmoid(self.head(seen).float())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups; an encoding with features of its own may ask for larger steps by `config.rate`."""
        return parameter_groups(self, self.encoding, [] if self.cameras is None else self.cameras.parameter_groups())

    def count_parameters(self) -> int:
        """Number of trained numbers."""
        return count_parameters(self)
