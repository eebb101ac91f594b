"""Radiance fields with closed forms, in place of trained ones."""

import torch

from nfield.fields.radiance import RadianceField
from nfield.fields.scene import SceneField, ViewFrame
from nfield.rendering.occupancy import OccupancyGrid


class SolidBall(RadianceField):
    """A ball around the origin, soft over `softness` at its surface, coloured by place: (1 + x / r) / 2."""

    def __init__(self, radius: float, softness: float = 0.02, densest: float = 400.0) -> None:
        torch.nn.Module.__init__(self)
        self.radius, self.softness, self.densest = radius, softness, densest
        self.grid = OccupancyGrid(32)
        self.cameras, self.shown = None, None

    def density(self, places: torch.Tensor) -> torch.Tensor:
        """Densities, falling from the middle of the soft layer to both sides."""
        return self.densest * torch.sigmoid((self.radius - places.norm(dim=-1)) / self.softness * 4)

    def forward(self, places: torch.Tensor, directions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Densities and colours."""
        return self.density(places), (1 + places / self.radius) / 2


def ball_field(
    radius: float = 0.5, middle: tuple[float, float, float] = (3.0, -1.0, 2.0), scale: float = 10.0, **frame: float
) -> SceneField:
    """A ball of `radius` normalised units in a world of its own units."""
    settings = {"contracted": False, "step": 0.01, **frame}
    ball = SolidBall(radius)
    # Empty space costs nothing then.
    draw = torch.Generator().manual_seed(0)
    for _ in range(30):
        ball.grid.update(ball.density, draw, step=0.01, decay=1.0)
    return SceneField(ball, ViewFrame(middle=middle, scale=scale, **settings))  # type: ignore[arg-type]
