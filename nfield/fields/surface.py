"""A surface as the zeros of a signed distance, in the units and axes of its data; and what can be asked of it."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float

from nfield.fields.base import count_parameters

CHUNK = 1 << 16
NEWTON_STEPS = 8
MARCH_STEPS = 128
NEAR = 1e-4
"""Of the extent: closer than this a ray has arrived."""


class Hits(NamedTuple):
    """Where rays meet the surface."""

    hit: Bool[torch.Tensor, "*batch"]
    distance: Float[torch.Tensor, "*batch"]
    """Along the ray, in input units; infinite where nothing is met."""
    point: Float[torch.Tensor, "*batch 3"]


class SurfaceField(torch.nn.Module):
    """Signed distance in input units, negative inside: `scale · network((x − centre) / scale)`.

    `network` takes positions with the data within [−1/2, 1/2]³ and gives values of shape (..., 1).
    """

    in_dim = 3

    def __init__(self, network: torch.nn.Module, centre: Float[torch.Tensor, "3"], scale: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("centre", centre.to(torch.float64))
        self.register_buffer("scale", torch.tensor(float(scale), dtype=torch.float64))
        self.centre: torch.Tensor
        self.scale: torch.Tensor

    def inner(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 3"]:
        """Positions as the network takes them; the difference is formed in double precision."""
        return ((points.to(torch.float64) - self.centre) / self.scale).to(torch.float32)

    def forward(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch"]:
        """Signed distances at points in input units."""
        values = self.network(self.inner(points))[..., 0].to(torch.float64) * self.scale
        return values.to(points.dtype)

    def gradient(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 3"]:
        """∇f, without unit; near 1 in length close to the surface."""
        return self._each(self._gradient, points)

    def normal(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 3"]:
        """Unit normals of the level surfaces, pointing outwards."""
        return torch.nn.functional.normalize(self.gradient(points), dim=-1)

    def distance(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch"]:
        """Signed distance corrected by its slope: `f / |∇f|`, right to second order near the surface."""
        return self(points).detach() / self.gradient(points).norm(dim=-1).clamp(min=0.1)

    def closest_point(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch 3"]:
        """The surface point that Newton steps along the gradient lead to; the closest one near the surface."""

        def follow(part: torch.Tensor) -> torch.Tensor:
            place = part.to(torch.float64)
            for _ in range(NEWTON_STEPS):
                slope = self._gradient(place)
                with torch.no_grad():
                    place = place - (self(place)[:, None] * slope) / slope.square().sum(-1, keepdim=True).clamp(
                        min=0.01
                    )
            return place.to(part.dtype)

        return self._each(follow, points)

    def inside(self, points: Float[torch.Tensor, "*batch 3"]) -> Bool[torch.Tensor, "*batch"]:
        """Whether points lie inside."""
        with torch.no_grad():
            return self(points) < 0

    def curvature(self, points: Float[torch.Tensor, "*batch 3"]) -> Float[torch.Tensor, "*batch"]:
        """Mean curvature `½ div(∇f/|∇f|)` of the level surfaces, per input unit; positive for a ball.

        From differences of normals over a hundredth of the extent, as splines and ReLU networks bend in steps.
        """
        step = float(self.scale) * 5e-3

        def measure(part: torch.Tensor) -> torch.Tensor:
            place, total = part.to(torch.float64), torch.zeros(len(part), dtype=torch.float64, device=part.device)
            for axis in range(3):
                shift = torch.zeros(3, dtype=torch.float64, device=part.device)
                shift[axis] = step
                ahead, behind = (
                    torch.nn.functional.normalize(self._gradient(place + s), dim=-1) for s in (shift, -shift)
                )
                total += (ahead[:, axis] - behind[:, axis]) / (2 * step)
            return (total / 2).to(part.dtype)

        return self._each(measure, points)

    def intersect(self, origins: Float[torch.Tensor, "*batch 3"], directions: Float[torch.Tensor, "*batch 3"]) -> Hits:
        """First meeting of rays with the surface, by sphere tracing; directions need not be unit vectors."""
        shape, extent = origins.shape[:-1], float(self.scale)
        start = origins.reshape(-1, 3).to(torch.float64)
        along = torch.nn.functional.normalize(directions.reshape(-1, 3).to(torch.float64), dim=-1)
        # Rays begin at the ball around the data, where distances are known.
        radius = 1.2 * extent
        offset = start - self.centre
        middle = -(offset * along).sum(-1)
        half = (radius**2 - offset.square().sum(-1) + middle**2).clamp(min=0).sqrt()
        travelled, end = (middle - half).clamp(min=0), middle + half
        active, hit = (half > 0) & (end > 0), torch.zeros(len(start), dtype=torch.bool, device=start.device)
        with torch.no_grad():
            for _ in range(MARCH_STEPS):
                rows = active.nonzero()[:, 0]
                if not len(rows):
                    break
                value = self(start[rows] + travelled[rows, None] * along[rows])
                arrived = value.abs() < NEAR * extent
                hit[rows[arrived]] = True
                travelled[rows] += torch.where(arrived, 0, 0.8 * value.abs())
                active[rows] = ~arrived & (travelled[rows] < end[rows])
        distance = torch.where(hit, travelled, torch.inf)
        point = torch.where(hit[:, None], start + travelled[:, None] * along, torch.nan)
        return Hits(
            hit.reshape(shape), distance.reshape(shape).to(origins.dtype), point.reshape(*shape, 3).to(origins.dtype)
        )

    def count_parameters(self) -> int:
        """Numbers that were trained or solved for."""
        count = getattr(self.network, "count_parameters", None)
        return count_parameters(self) if count is None else count()

    def _gradient(self, flat: Float[torch.Tensor, "n 3"]) -> Float[torch.Tensor, "n 3"]:
        with torch.enable_grad():
            x = self.inner(flat.detach()).requires_grad_(True)
            (slope,) = torch.autograd.grad(self.network(x).sum(), x)
        return slope.to(flat.dtype)

    def _each(self, function: object, points: torch.Tensor) -> torch.Tensor:
        flat = points.reshape(-1, 3)
        parts = [function(part) for part in flat.split(CHUNK)]  # type: ignore[operator]
        return torch.cat(parts).reshape(*points.shape[:-1], *parts[0].shape[1:])
