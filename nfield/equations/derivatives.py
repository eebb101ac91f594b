"""Derivatives of a function at points, by automatic differentiation, named by letters: `at(u, "xx")` is u_xx."""

import torch
from jaxtyping import Float

from nfield.core.checks import UserError

SPACE = "xyz"
TIME = "t"


def axis_names(dimension: int, with_time: bool) -> str:
    """Letters of the coordinates in their order: x, y, z, then t where there is time."""
    return SPACE[: dimension - with_time] + (TIME if with_time else "")


class Derivatives:
    """Points that a function was evaluated at, and its derivatives there.

    `points` is of shape (n, d); `x`, `y`, `z` and `t` are its columns, of shape (n, 1). Calling with values of shape
    (n, 1) that were computed from `points`, and letters of axes, differentiates once along each letter. All first
    derivatives come from one pass backwards and are kept, so that `at(u, "xx")` and `at(u, "yy")` share the gradient.
    """

    def __init__(self, points: Float[torch.Tensor, "n d"], names: str) -> None:
        self.points = points if points.requires_grad else points.detach().requires_grad_()
        self.names = names
        # Values are kept beside their derivatives: the id of a value that is gone may be another's.
        self._gradients: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    @property
    def x(self) -> Float[torch.Tensor, "n 1"]:
        """First coordinate."""
        return self.coordinate("x")

    @property
    def y(self) -> Float[torch.Tensor, "n 1"]:
        """Second coordinate of space."""
        return self.coordinate("y")

    @property
    def z(self) -> Float[torch.Tensor, "n 1"]:
        """Third coordinate of space."""
        return self.coordinate("z")

    @property
    def t(self) -> Float[torch.Tensor, "n 1"]:
        """Time."""
        return self.coordinate("t")

    def coordinate(self, name: str) -> Float[torch.Tensor, "n 1"]:
        """The column of that coordinate."""
        axis = self._axis(name)
        return self.points[:, axis : axis + 1]

    def __call__(self, u: Float[torch.Tensor, "n 1"], along: str) -> Float[torch.Tensor, "n 1"]:
        """The derivative of `u` along each letter of `along` in turn, such as "x", "tt" or "xy"."""
        for name in along:
            axis = self._axis(name)
            u = self.gradient(u)[:, axis : axis + 1]
        return u

    def gradient(self, u: Float[torch.Tensor, "n 1"]) -> Float[torch.Tensor, "n d"]:
        """Derivatives along all coordinates, time included."""
        key = id(u)
        if key not in self._gradients:
            found = None
            if u.requires_grad:
                (found,) = torch.autograd.grad(u.sum(), self.points, create_graph=True, allow_unused=True)
            # What does not depend on the points is constant.
            self._gradients[key] = (u, torch.zeros_like(self.points) if found is None else found)
        return self._gradients[key][1]

    def laplacian(self, u: Float[torch.Tensor, "n 1"]) -> Float[torch.Tensor, "n 1"]:
        """Sum of the second derivatives along the coordinates of space."""
        parts = [self(u, name * 2) for name in self.names if name != TIME]
        return torch.stack(parts).sum(0)

    def _axis(self, name: str) -> int:
        if name not in self.names or len(name) != 1:
            raise UserError(
                f"There is no coordinate '{name}' in this problem. Its coordinates are {', '.join(self.names)}."
            )
        return self.names.index(name)
