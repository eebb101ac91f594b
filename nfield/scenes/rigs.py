"""Camera rigs: where the cameras of a set of views stand. All look at one point, with z upwards in their pictures.

Matrices are camera-to-world, with the columns right, up, backward and position (OpenGL: cameras look along -z).
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import at_least, choice, positive
from nfield.rendering.cameras import Camera

Rig = Literal["hemisphere", "orbit", "forward-facing", "random"]
RIGS: tuple[Rig, ...] = get_args(Rig)
LOWEST, HIGHEST = math.sin(math.radians(4)), math.sin(math.radians(80))
"""Sines of the elevations that the hemisphere reaches: straight from above no camera knows which way is up."""
ELEVATION = 25.0
"""Degrees above the horizon of the orbit, and of the middle of the forward-facing cameras."""
SPAN = 20.0
"""Degrees from the middle to the outermost forward-facing camera, as seen from the point that all look at."""
GOLDEN = math.pi * (3 - math.sqrt(5))
TRIES = 128
"""Turns of the cameras held out, of which the one farthest from those of training is taken."""

Directions = Float64[np.ndarray, "n 3"]


def rig_poses(
    rig: str, count: int, radius: float, *, seed: int = 0, middle: Float64[np.ndarray, "3"] | None = None
) -> Float64[np.ndarray, "count 4 4"]:
    """Matrices of `count` cameras at a distance from the middle, by default the origin.

    `hemisphere`: evenly over the sky, on a spiral of golden angles (Swinbank and Purser, "Fibonacci grids", 2006);
    `orbit`: evenly on a level circle; `forward-facing`: evenly on a patch in front, at -y; `random`: anywhere on the
    hemisphere. The seed turns the first two about z, and draws the last.
    """
    at_least(count, 0, "The number of cameras")
    positive(radius, "The radius of the rig")
    draw = np.random.default_rng(seed)
    return _poses(_DIRECTIONS[choice(rig, RIGS, "rig")](count, draw), radius, middle)


def rig_splits(
    rig: str, train: int, test: int, radius: float, *, seed: int = 0, middle: Float64[np.ndarray, "3"] | None = None
) -> tuple[Float64[np.ndarray, "train 4 4"], Float64[np.ndarray, "test 4 4"]]:
    """Matrices of the cameras for training, and of others, spread as evenly, that stand between them."""
    poses = rig_poses(rig, train, radius, seed=seed, middle=middle)
    # A stream of its own, lest random cameras held out should repeat those of training.
    draw = np.random.default_rng([seed, 1])
    others = _DIRECTIONS[rig](test, draw)
    if rig != "random" and train and test:
        others = _turned_between(others, poses[:, :3, 2], _axis(rig))
    return poses, _poses(others, radius, middle)


def _poses(
    directions: Directions, radius: float, middle: Float64[np.ndarray, "3"] | None
) -> Float64[np.ndarray, "n 4 4"]:
    target = np.zeros(3) if middle is None else np.asarray(middle, dtype=np.float64)
    up = np.array([0.0, 0.0, 1.0])
    cameras = [Camera(position=target + radius * towards, target=target, up=up) for towards in directions]
    return np.array([camera.camera_to_world for camera in cameras]).reshape(len(cameras), 4, 4)


def _around(heights: Float64[np.ndarray, " n"], angles: Float64[np.ndarray, " n"]) -> Directions:
    """Unit vectors of given z and angles about it."""
    level = np.sqrt(1 - heights**2)
    return np.stack([level * np.cos(angles), level * np.sin(angles), heights], -1)


def _hemisphere(count: int, draw: np.random.Generator) -> Directions:
    # Equal steps in height cut the sphere into rings of equal area.
    shares = (np.arange(count) + 0.5) / max(count, 1)
    return _around(LOWEST + shares * (HIGHEST - LOWEST), GOLDEN * np.arange(count) + draw.uniform(0, 2 * math.pi))


def _orbit(count: int, draw: np.random.Generator) -> Directions:
    angles = 2 * math.pi * np.arange(count) / max(count, 1) + draw.uniform(0, 2 * math.pi)
    return _around(np.full(count, math.sin(math.radians(ELEVATION))), angles)


def _forward(count: int, draw: np.random.Generator) -> Directions:
    tilts = math.radians(SPAN) * np.sqrt((np.arange(count) + 0.5) / max(count, 1))
    turns = GOLDEN * np.arange(count) + draw.uniform(0, 2 * math.pi)
    front = _axis("forward-facing")
    right = np.array([1.0, 0.0, 0.0])
    across = np.cos(turns)[:, None] * right + np.sin(turns)[:, None] * np.cross(front, right)
    return np.cos(tilts)[:, None] * front + np.sin(tilts)[:, None] * across


def _random(count: int, draw: np.random.Generator) -> Directions:
    return _around(draw.uniform(LOWEST, HIGHEST, count), draw.uniform(0, 2 * math.pi, count))


def _axis(rig: str) -> Float64[np.ndarray, "3"]:
    """What the rig is round about."""
    if rig == "forward-facing":
        return np.array([0.0, -math.cos(math.radians(ELEVATION)), math.sin(math.radians(ELEVATION))])
    return np.array([0.0, 0.0, 1.0])


def _turned_between(
    others: Directions, taken: Float64[np.ndarray, "m 3"], axis: Float64[np.ndarray, "3"]
) -> Directions:
    """The other directions, turned about the axis so that the least angle to those taken is largest."""
    from scipy.spatial.transform import Rotation

    turned = [
        Rotation.from_rotvec(angle * axis).apply(others) for angle in np.linspace(0, 2 * math.pi, TRIES, endpoint=False)
    ]
    return min(turned, key=lambda directions: float((directions @ taken.T).max()))


_DIRECTIONS: dict[str, Callable[[int, np.random.Generator], Directions]] = {
    "hemisphere": _hemisphere,
    "orbit": _orbit,
    "forward-facing": _forward,
    "random": _random,
}
