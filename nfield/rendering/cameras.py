"""Cameras for pictures of surfaces: where they stand, how they are framed, and the rays through their pixels.

Notation: rays are p + t d with d of unit length along the camera's middle axis. In a picture x grows to the right and
y upwards; row 0 of the pixels is at the top.
"""

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float, Float64

from nfield.core.limits import Up

VIEW_ANGLE = 25.0
"""Degrees from the lower to the upper edge of a picture: a long lens, which bends shapes little."""

MARGIN = 1.1
"""Room around the surface, as a factor on its extent in the picture."""

FIRST_AZIMUTH = -40.0
ELEVATION = 18.0
ELEVATION_ABOVE = 68.0
"""Degrees around the upward axis and above the horizon of the views."""

Vector = Float64[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A pinhole camera that stands at `position` and looks at `target`."""

    position: Vector
    target: Vector
    up: Vector
    """Any vector that shall point upwards in the picture; not along the line of sight."""
    view_angle: float = VIEW_ANGLE
    """Degrees over the shorter side of the picture."""

    @property
    def axes(self) -> Float64[np.ndarray, "3 3"]:
        """Unit vectors to the right, upwards, and backwards from the target to the camera, as rows."""
        backward = self.position - self.target
        backward = backward / np.linalg.norm(backward)
        right = np.cross(self.up, backward)
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(backward, right), backward])

    @property
    def camera_to_world(self) -> Float64[np.ndarray, "4 4"]:
        """Camera axes (x right, y up, z backwards) and position as a rigid motion."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes.T
        matrix[:3, 3] = self.position
        return matrix

    def directions(self, height: int, width: int) -> Float64[np.ndarray, "height width 3"]:
        """Directions through the middles of the pixels, of length 1 along the middle axis."""
        right, up, backward = self.axes
        pixel = 2 * math.tan(math.radians(self.view_angle) / 2) / min(height, width)
        across = (np.arange(width) + 0.5 - width / 2) * pixel
        upward = (height / 2 - np.arange(height) - 0.5) * pixel
        return across[None, :, None] * right + upward[:, None, None] * up - backward


def upright(up: Up) -> Float64[np.ndarray, "3 3"]:
    """Unit vectors to the right, upwards and to the front of whatever is drawn with this axis upwards, as rows.

    The front is the side of +z, or of -y where z points up or down. The rows are also the rotation that makes y the
    upward axis and z the front.
    """
    upward = (-1.0 if up.startswith("-") else 1.0) * np.eye(3)["xyz".index(up[-1])]
    front = np.array([0.0, -1.0, 0.0]) if up.endswith("z") else np.array([0.0, 0.0, 1.0])
    return np.stack([np.cross(upward, front), upward, front])


def view_names(count: int = 4) -> list[str]:
    """Names of the views of `orbit_cameras`."""
    if count == 4:
        return ["front left", "right", "back", "above"]
    return [f"view {index + 1}" for index in range(count)]


def orbit_cameras(
    low: Float[np.ndarray, "3"],
    high: Float[np.ndarray, "3"],
    count: int = 4,
    *,
    up: Up = "y",
    inside: Float64[np.ndarray, "n 3"] | None = None,
) -> list[Camera]:
    """Cameras around the box from `low` to `high`, all at the distance from which it fits into each square picture.

    All but the last stand evenly around the upward axis, the first in front to the left; the last looks from
    above. The front is that of `upright`. Pictures of several meshes taken by the cameras of one box can be laid over
    one another. Where points `inside` the box are given, these have to fit rather than the box's corners, which brings
    the cameras nearer.
    """
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        low, high, inside = -np.ones(3), np.ones(3), None
    side, upward, front = upright(up)
    around = max(1, count - 1)
    angles = [(FIRST_AZIMUTH + 360 * index / around, ELEVATION) for index in range(around)]
    angles += [(FIRST_AZIMUTH, ELEVATION_ABOVE)] * (count - around)
    middle = (low + high) / 2
    corners = np.array(list(product(*zip(low, high, strict=True)))) if inside is None else inside
    # Directions are found around the origin: far from it a step of unit length would be lost in rounding.
    origin = np.zeros(3)
    turned = []
    for azimuth, elevation in np.radians(angles[:count]):
        level = math.cos(azimuth) * front + math.sin(azimuth) * side
        direction = math.cos(elevation) * level + math.sin(elevation) * upward
        turned.append(Camera(position=direction, target=origin, up=upward))
    distance = max(_fitting_distance(camera, corners - middle) for camera in turned)
    return [replace(camera, position=middle + distance * camera.position, target=middle) for camera in turned]


def _fitting_distance(camera: Camera, points: Float64[np.ndarray, "n 3"]) -> float:
    """Distance from the origin at which all the points lie inside the picture, with the margin."""
    right, up, toward = camera.axes @ points[np.isfinite(points).all(1)].T
    slope = math.tan(math.radians(camera.view_angle) / 2) / MARGIN
    distance = float((np.maximum(np.abs(right), np.abs(up)) / slope + toward).max(initial=0.0))
    return distance if distance > 0 else 1.0
