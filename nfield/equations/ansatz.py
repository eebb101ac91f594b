"""Functions that meet conditions exactly, whatever the network N gives.

On boxes u = N + P(g - N): P is the transfinite interpolation of values on the faces, the Boolean sum of one projector
per axis (Gordon & Hall 1973), to which the Taylor polynomial at the first moment belongs; g are the prescribed values.
This is the constrained expression of the theory of functional connections (Mortari 2017; Leake & Mortari 2020). Where N
is the solution already nothing is changed, while a factor that vanishes on the boundary would have to be divided out by
N, at the length of the finest waves. On other domains, where the value is one number, u = g + D N with D zero on the
boundary (Lagaris et al. 1998; Sukumar & Srivastava, arXiv 2104.08426). What cannot be met so is left to loss terms.
"""

import itertools
import math
from collections.abc import Callable

import torch
from jaxtyping import Float

from nfield.equations.conditions import Condition, Dirichlet, Initial, Periodic, values_at
from nfield.equations.domains import Box
from nfield.equations.problem import Problem


class Ansatz:
    """Which conditions of a problem are met exactly, and the functions G and D that do it.

    Periodic axes are met by the network's input, see `lift`. Dirichlet values are met where there is one condition for
    the whole boundary, and the domain is a box or the value a number. Initial values are always met.
    """

    def __init__(self, problem: Problem, *, hard: bool = True) -> None:
        self.problem = problem
        self.periodic = problem.periodic_axes if hard else ()
        starts = problem.of(Initial) if hard else []
        self.starts = {c.order: c.value for c in starts}
        self.boundary: Dirichlet | None = None
        whole = problem.of(Dirichlet)
        possible = hard and len(whole) == 1 and whole[0].where is None and not self.periodic
        if possible and (isinstance(problem.domain, Box) or not callable(whole[0].value)):
            self.boundary = whole[0]
        self.hard: list[Condition] = [c for c in problem.conditions if self._is_hard(c)]
        self.soft: list[Condition] = [c for c in problem.conditions if not self._is_hard(c)]

    def _is_hard(self, condition: Condition) -> bool:
        if isinstance(condition, Periodic):
            return bool(self.periodic)
        if isinstance(condition, Initial):
            return condition.order in self.starts
        return condition is self.boundary

    @property
    def lifted(self) -> int:
        """Coordinates that the network sees: two for each periodic axis, one for each other."""
        return self.problem.dimension + len(self.periodic)

    def lift(self, scaled: Float[torch.Tensor, "*n d"]) -> Float[torch.Tensor, "*n lifted"]:
        """Coordinates in [-1, 1]^d, with cos πs and sin πs in the place of a periodic one (Dong & Ni, 2007.07442)."""
        if not self.periodic:
            return scaled
        columns = []
        for axis in range(scaled.shape[-1]):
            s = scaled[..., axis : axis + 1]
            columns += [(math.pi * s).cos(), (math.pi * s).sin()] if axis in self.periodic else [s]
        return torch.cat(columns, -1)

    def __call__(
        self,
        points: Float[torch.Tensor, "n d"],
        network: Callable[[torch.Tensor], torch.Tensor],
        *,
        by_point: bool = False,
    ) -> Float[torch.Tensor, "n 1"]:
        """u at points, from a network that is called at these and at their projections onto faces and the start.

        `by_point`: the network is another one for each point, so that it is called with all of them also where their
        projections are one place.
        """
        value = network(points)
        if self.boundary is not None and not isinstance(self.problem.domain, Box):
            space = points[:, : self.problem.domain.dimension]
            if not self.starts:
                return self.prescribed(points) + self.problem.domain.vanishing(space) * value
            inner = self.problem.domain.vanishing(space) * (value - self._start_of(points, network))
            return self._at_start(points) + inner
        return self.prescribed(points) + value - self._sum(points, network, by_point)

    def prescribed(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "n 1"]:
        """u for a network that is zero: the prescribed values where there are any, continued inside."""
        if self.boundary is not None and not callable(self.boundary.value) and not self.starts:
            return torch.full_like(points[:, :1], float(self.boundary.value))
        if self.starts and (self.boundary is None or not isinstance(self.problem.domain, Box)):
            return self._at_start(points)
        return self._sum(points, None)

    def _sum(
        self, points: torch.Tensor, network: Callable[[torch.Tensor], torch.Tensor] | None, by_point: bool = False
    ) -> Float[torch.Tensor, "n 1"]:
        """P of the prescribed values, or of a network: 1 - Π(1 - P_i), all products of projectors with their signs."""
        axes = self.problem.domain.dimension
        projectors = (list(range(axes)) if self.boundary is not None else []) + ([axes] if self.starts else [])
        total = torch.zeros_like(points[:, :1])
        for count in range(1, len(projectors) + 1):
            for chosen in itertools.combinations(projectors, count):
                total = total - (-1) ** count * self._projected(points, chosen, network, by_point)
        return total

    def _projected(
        self,
        points: torch.Tensor,
        chosen: tuple[int, ...],
        network: Callable[[torch.Tensor], torch.Tensor] | None,
        by_point: bool,
    ) -> torch.Tensor:
        """The product of the projectors of these axes."""
        spatial = [axis for axis in chosen if axis < self.problem.domain.dimension]
        starts = len(spatial) < len(chosen)
        total = torch.zeros_like(points[:, :1])
        for ends in itertools.product((0, 1), repeat=len(spatial)):
            weight = torch.ones_like(points[:, :1])
            columns = [points[:, axis : axis + 1] for axis in range(points.shape[1])]
            for axis, end in zip(spatial, ends, strict=True):
                low, high = self.problem.low[axis], self.problem.high[axis]
                share = (columns[axis] - low) / (high - low)
                weight = weight * (share if end else 1 - share)
                columns[axis] = torch.full_like(columns[axis], high if end else low)
            place = torch.cat(columns, 1)
            if network is not None and not starts and len(spatial) == points.shape[1] and not by_point:
                found = network(place[:1]).expand(len(points), 1)  # a corner is one point
            elif starts:
                one = len(spatial) == self.problem.domain.dimension and not by_point
                found = self._at_start(place) if network is None else self._start_of(place, network, one_place=one)
            elif network is not None:
                found = network(place)
            elif self.boundary is not None:
                found = values_at(self.boundary.value, place, "The boundary value")
            else:
                raise AssertionError("there is a boundary to project to")
            total = total + weight * found
        return total

    def _start(self, points: torch.Tensor) -> torch.Tensor:
        return torch.cat([points[:, :-1], torch.full_like(points[:, -1:], self.problem.low[-1])], 1)

    def _at_start(self, points: torch.Tensor) -> torch.Tensor:
        """u₀ + (t - t₀) u₁, the Taylor polynomial in time of what is known at the first moment."""
        start, passed = self._start(points), points[:, -1:] - self.problem.low[-1]
        value = values_at(self.starts[0], start, "The initial value") if 0 in self.starts else 0 * passed
        if 1 in self.starts:
            value = value + passed * values_at(self.starts[1], start, "The initial slope")
        return value

    def _start_of(
        self, points: torch.Tensor, network: Callable[[torch.Tensor], torch.Tensor], *, one_place: bool = False
    ) -> torch.Tensor:
        """The same polynomial of a network; `one_place` says that the points differ in time alone."""
        start, passed = self._start(points), points[:, -1:] - self.problem.low[-1]
        if one_place:
            start = start[:1]
        if 1 not in self.starts:
            return network(start).expand(len(points), 1)
        kept = torch.is_grad_enabled()
        with torch.enable_grad():
            start = start if start.requires_grad else start.detach().requires_grad_()
            value = network(start)
            (slope,) = torch.autograd.grad(value.sum(), start, create_graph=kept)
        polynomial = value + passed * slope[:, -1:]
        return polynomial if kept else polynomial.detach()
