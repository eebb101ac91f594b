"""Space without bounds drawn into a cube: Barron et al., Mip-NeRF 360 (arXiv 2111.12077), with the maximum norm.

Notation: x, a point in units in which the scene's middle part is the cube [-1, 1]³; y, the same in [-1, 1]³ with all
of space in it:  y = x / 2 where ‖x‖∞ <= 1,  y = (2 - 1 / ‖x‖∞) x / ‖x‖∞ / 2 beyond. No distance grows by it.
"""

from jaxtyping import Float
from torch import Tensor


def contract(x: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """All of space into [-1, 1]³; the cube [-1, 1]³ comes out half as large."""
    size = x.abs().amax(-1, keepdim=True).clamp(min=1)
    return x * ((2 - 1 / size) / size / 2)


def same(x: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
    """Bounded scenes need no contraction."""
    return x
