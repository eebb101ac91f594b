"""What the scanner does, and does badly: options with their checks. Lengths are shares of the mesh's diagonal."""

import dataclasses
import math
from typing import Optional

from nfield.core.checks import UserError, at_least, within

LARGEST_SIDE = 4096
"""Pixels along a side of a depth image, at the most."""

STEEPEST = 85.0
"""Largest --max-incidence with --grazing-noise: towards 90 degrees the noise would grow beyond all bounds."""

USUAL_STEEPEST = 80.0
"""The default of --max-incidence with --grazing-noise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What the scanner does, and does badly."""

    points: int = 100_000
    """Number of points; with --pixels the largest number, as depth images of a given size may hold fewer."""
    noise: float = 0.0
    """Standard deviation of the noise (along the ray of a camera), as a share of the bounding box's diagonal."""
    grazing_noise: float = 0.0
    """Growth G of the noise with the angle a between ray and normal: it is multiplied by 1 + G (a / (90 - a))^2.
    About 0.05 for a Kinect a metre away (Nguyen, Izadi and Lovell 2012)."""
    quadratic_noise: bool = False
    """Noise grows with the square of the depth, as of cameras that triangulate; --noise is then that at the middle
    of the object."""
    depth_step: float = 0.0
    """Depths are rounded to multiples of this, as a share of the diagonal; 0 for none."""
    outliers: float = 0.0
    """Share of the points that lie anywhere in the bounding box, enlarged by 10 %."""
    cameras: int = 12
    """Number of cameras, evenly around the object."""
    distance: float = 1.5
    """Distance of the cameras from the middle of the object, as a share of the diagonal; from 0.55."""
    field_of_view: Optional[float] = None
    """Degrees over a side of the square depth images. Default: the ball around the bounding box just fits."""
    pixels: Optional[int] = None
    """Pixels along a side of the depth images, one ray through each. Default: as many as the points need."""
    max_incidence: Optional[float] = None
    """Degrees between ray and normal beyond which nothing returns. Default: 90, and 80 with --grazing-noise."""
    holes: int = 0
    """Number of balls around random points of the surface from which no points come."""
    hole_radius: float = 0.05
    """Radius of these balls, as a share of the diagonal."""
    misregistration: float = 0.0
    """Standard deviation of each camera's shift along each axis, as a share of the diagonal; it is also turned about
    the middle, so that the corners of the bounding box move by about as much."""
    normals: bool = False
    """Give the normals of the mesh's faces, turned towards the camera."""

    def __post_init__(self) -> None:
        at_least(self.points, 1, "--points")
        for name in ("noise", "grazing_noise", "depth_step", "hole_radius", "misregistration"):
            at_least(getattr(self, name), 0, f"--{name.replace('_', '-')}")
        within(self.outliers, 0, 1, "--outliers")
        at_least(self.cameras, 1, "--cameras")
        # Nearer than half a diagonal, cameras would stand inside the ball around the object.
        within(self.distance, 0.55, 100, "--distance (in diagonals of the bounding box)")
        if self.field_of_view is not None:
            within(self.field_of_view, 1, 160, "--field-of-view (in degrees)")
        if self.pixels is not None:
            within(self.pixels, 2, LARGEST_SIDE, "--pixels")
        if self.max_incidence is not None:
            within(self.max_incidence, 1, 90, "--max-incidence (in degrees)")
        at_least(self.holes, 0, "--holes")
        for name in ("grazing_noise", "quadratic_noise"):
            if getattr(self, name) and not self.noise:
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} says how --noise grows, but --noise is 0. Give it too, or leave this out.")
        if self.grazing_noise and self.steepest > STEEPEST:
            raise UserError(
                f"--max-incidence must be at most {STEEPEST:g} degrees with --grazing-noise, but is "
                f"{self.max_incidence:g}: towards 90 the noise grows beyond all bounds."
            )

    @property
    def steepest(self) -> float:
        """Degrees between ray and normal beyond which nothing returns."""
        if self.max_incidence is not None:
            return self.max_incidence
        return USUAL_STEEPEST if self.grazing_noise else 90.0

    @property
    def half_width(self) -> float:
        """Half the width of a depth image at distance one from the camera."""
        if self.field_of_view is not None:
            return math.tan(math.radians(self.field_of_view) / 2)
        # The ball around the bounding box has a radius of half a diagonal.
        return math.tan(math.asin(0.5 / self.distance))
