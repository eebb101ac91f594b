"""What training finds out about the cameras themselves: how each picture was exposed, and small errors of its pose.

Notation of picture i: g_i, logarithms of the gains of its three channels (values of pictures are about a power of the
light, so that a longer exposure is a gain); w_i, a rotation vector about the camera; t_i, a shift in units of the
normalised world. The means over all pictures are left out of all three: they would only make the scene brighter, or
move it, and held-out cameras know nothing of that.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

POSE_RATE = 0.05
"""Factor on the learning rate of turns (in radians) and shifts."""
EXPOSURE_RATE = 1.0
"""The same of exposures."""
DECAY = 1e-3
"""Weight of the squares of all corrections, without which a picture that shows little would drift."""


class CameraCorrections(torch.nn.Module):
    """Exposures and poses of the pictures that are trained on, as far as each is asked for."""

    def __init__(self, pictures: int, *, exposure: bool, poses: bool) -> None:
        super().__init__()
        self.gains = torch.nn.Parameter(torch.zeros(pictures, 3)) if exposure else None
        self.turns = torch.nn.Parameter(torch.zeros(pictures, 3)) if poses else None
        self.shifts = torch.nn.Parameter(torch.zeros(pictures, 3)) if poses else None

    @staticmethod
    def _centred(values: Float[Tensor, "pictures 3"]) -> Float[Tensor, "pictures 3"]:
        return values - values.mean(0)

    def motions(self) -> tuple[Float[Tensor, "pictures 3 3"], Float[Tensor, "pictures 3"]]:
        """Rotations of the cameras about themselves, in the world's axes, and their shifts in normalised units."""
        if self.turns is None or self.shifts is None:
            raise AssertionError("poses are not corrected here")
        x, y, z = self._centred(self.turns).unbind(-1)
        none = torch.zeros_like(x)
        skew = torch.stack([none, -z, y, z, none, -x, -y, x, none], -1).reshape(-1, 3, 3)
        return torch.linalg.matrix_exp(skew), self._centred(self.shifts)

    def rays(
        self, picture: Int[Tensor, " n"], origin: Float[Tensor, "n 3"], direction: Float[Tensor, "n 3"], scale: float
    ) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """Rays of the world with their cameras' corrections; `scale` is the length of a normalised unit."""
        if self.turns is None:
            return origin, direction
        turns, shifts = self.motions()
        turned = (turns[picture].to(direction) @ direction[..., None])[..., 0]
        return origin + scale * shifts[picture].to(origin), turned

    def gain_factors(self) -> Float[Tensor, "pictures 3"]:
        """Gain of each picture's channels; their geometric mean is 1."""
        if self.gains is None:
            raise AssertionError("exposures are not corrected here")
        return self._centred(self.gains).exp()

    def exposed(self, picture: Int[Tensor, " n"], colour: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Light of the scene as the pictures show it."""
        return colour if self.gains is None else colour * self.gain_factors()[picture]

    def penalty(self) -> Tensor:
        """The weighted mean square of all corrections."""
        return DECAY * torch.stack([values.square().mean() for values in self.parameters()]).sum()

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Optimiser groups with their factors on the learning rate."""
        poses = [values for values in (self.turns, self.shifts) if values is not None]
        gains = [] if self.gains is None else [self.gains]
        return [
            {"name": name, "params": values, "rate": rate}
            for name, values, rate in (("poses", poses, POSE_RATE), ("exposures", gains, EXPOSURE_RATE))
            if values
        ]
