"""Camera paths: where a camera goes that turns around a scene, sways before it, or visits other cameras.

Poses are camera-to-world matrices in OpenGL's axes: right, up, backward and position as columns.
"""

import math

import numpy as np
from jaxtyping import Float64
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, RotationSpline

Poses = Float64[np.ndarray, "_ 4 4"]
Vector = Float64[np.ndarray, "3"]

PULL = 0.01
"""Weight of the cameras' mean upward axis where their right axes leave the upward direction open."""
STEEPEST = math.radians(80)
"""Straight above or below there is no side, and no upward direction in the picture."""
TURNS = 2
"""Turns of a spiral."""
SWAY = (0.03, 0.3)
"""Bounds of a spiral's half axes, as shares of the distance from the middle."""
SWAYING = 0.9
"""Share of the cameras within a spiral's half axes."""
FRAMES_PER_CAMERA = 6
"""Frames from one camera that is visited to the next, at the least."""
LEAST_VISITED = 8
"""Cameras that are visited in any case: the way between two far apart leads through the scene, or looks away."""


def upward(poses: Poses) -> Vector:
    """The world's upward direction, of cameras that are held about level: the one that their right axes are square to.

    Where they all look the same way, which leaves a plane of such directions, it is drawn to their mean upward axis.
    """
    right, mean = poses[:, :3, 0], poses[:, :3, 1].mean(0)
    spread = right.T @ right / len(right)
    if np.linalg.norm(mean) < 1e-6:
        return np.linalg.eigh(spread)[1][:, 0]
    up = np.linalg.solve(spread + PULL * np.eye(3), mean)
    return up / np.linalg.norm(up)


def orbit(poses: Poses, middle: Vector, up: Vector, frames: int) -> Poses:
    """A full turn around the upward axis through `middle`, as far off and high as the given cameras in the median.

    It begins at the side of the first camera; the frame after the last would be the first again.
    """
    up = up / np.linalg.norm(up)
    offsets = poses[:, :3, 3] - middle
    distances = np.linalg.norm(offsets, axis=1)
    elevation = float(np.median(_elevations(offsets, up)).clip(-STEEPEST, STEEPEST))
    first = _level(offsets[0], up)
    second = np.cross(up, first)
    angles = 2 * math.pi * np.arange(frames) / frames
    around = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second
    backward = math.cos(elevation) * around + math.sin(elevation) * up
    return _looking(middle + float(np.median(distances)) * backward, middle, up)


def spiral(poses: Poses, middle: Vector, up: Vector, frames: int) -> Poses:
    """Two turns on a slanted ellipse before the cameras' mean place, about as wide as they stand, looking at `middle`.

    After Mildenhall et al., Local Light Field Fusion (arXiv 1905.00889), whose cameras all stand on one side. The frame
    after the last would be the first again.
    """
    up = up / np.linalg.norm(up)
    offsets = poses[:, :3, 3] - middle
    distance = float(np.median(np.linalg.norm(offsets, axis=1)))
    mean = offsets.mean(0)
    if np.linalg.norm(mean) < SWAY[1] * distance:  # cameras all around: any side is as good
        mean = offsets[0]
    sway = math.asin(SWAY[1])
    elevation = float(_elevations(mean[None], up)[0].clip(-STEEPEST + sway, STEEPEST - sway))
    backward = math.cos(elevation) * _level(mean, up) + math.sin(elevation) * up
    centre = distance * backward
    axes = _looking((middle + centre)[None], middle, up)[0, :3, :3]
    spread = np.quantile(np.abs((offsets - centre) @ axes), SWAYING, axis=0)
    half = spread.clip(SWAY[0] * distance, SWAY[1] * distance)
    angles = 2 * math.pi * TURNS * np.arange(frames) / frames
    steps = np.stack([np.cos(angles), np.sin(angles), np.sin(angles / TURNS)], 1) * half
    return _looking(middle + centre + steps @ axes.T, middle, up)


def interpolated(poses: Poses, middle: Vector, frames: int) -> Poses:
    """A smooth way past the given cameras, from the first one on: past as many, far from each other, as frames allow.

    Places go along a cubic spline and turns along a spline of rotations, both over the distance from one camera to the
    next, in which a turn counts as the way that it makes at the distance of the `middle`.
    """
    reach = float(np.median(np.linalg.norm(poses[:, :3, 3] - middle, axis=1)))
    between = _distances(poses, reach)
    order = _short_tour(between, _far_apart(between, max(LEAST_VISITED, frames // FRAMES_PER_CAMERA)))
    path = np.tile(poses[order[0]], (frames, 1, 1))
    if len(order) < 2:
        return path
    times = np.concatenate([[0.0], np.cumsum(between[order[:-1], order[1:]])])
    at = np.linspace(0, times[-1], frames)
    path[:, :3, 3] = CubicSpline(times, poses[order, :3, 3])(at)
    path[:, :3, :3] = RotationSpline(times, Rotation.from_matrix(poses[order, :3, :3]))(at).as_matrix()
    return path


def _elevations(offsets: Float64[np.ndarray, "n 3"], up: Vector) -> Float64[np.ndarray, " n"]:
    """Angles above the level plane."""
    heights = offsets @ up
    return np.arctan2(heights, np.linalg.norm(offsets - heights[:, None] * up, axis=1))


def _level(offset: Vector, up: Vector) -> Vector:
    """The level direction towards `offset`; any where it points straight up."""
    level = offset - (offset @ up) * up
    if np.linalg.norm(level) <= 1e-6 * np.linalg.norm(offset):
        level = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    return level / np.linalg.norm(level)


def _looking(places: Float64[np.ndarray, "n 3"], target: Vector, up: Vector) -> Poses:
    """Level cameras at `places` that look at `target`."""
    backward = places - target
    backward = backward / np.linalg.norm(backward, axis=1, keepdims=True)
    right = np.cross(up, backward)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    path = np.tile(np.eye(4), (len(places), 1, 1))
    path[:, :3, :3] = np.stack([right, np.cross(backward, right), backward], -1)
    path[:, :3, 3] = places
    return path


def _distances(poses: Poses, reach: float) -> Float64[np.ndarray, "n n"]:
    """How far apart all pairs of cameras are, a turn counting as the way that it makes at a distance of `reach`."""
    places, turns = poses[:, :3, 3], poses[:, :3, :3].reshape(len(poses), 9)
    cosines = ((turns @ turns.T - 1) / 2).clip(-1, 1)
    return np.linalg.norm(places[:, None] - places, axis=-1) + reach * np.arccos(cosines) * (cosines < 1 - 1e-12)


def _far_apart(between: Float64[np.ndarray, "n n"], count: int) -> list[int]:
    """At most so many cameras from the first on, each the farthest from those before; none at the place of another."""
    chosen = [0]
    nearest = between[0].copy()
    while len(chosen) < count and nearest.max() > 1e-9 * between.max():
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, between[chosen[-1]])
    return chosen


def _short_tour(between: Float64[np.ndarray, "n n"], cameras: list[int]) -> list[int]:
    """The cameras in an order of a short way from the first one: the nearest next, then stretches turned round."""
    rest, tour = cameras[1:], cameras[:1]
    while rest:
        rest.sort(key=lambda camera: float(between[tour[-1], camera]))
        tour.append(rest.pop(0))
    shorter = True
    while shorter:
        shorter = False
        for start in range(1, len(tour) - 1):
            for end in range(start + 1, len(tour)):
                before = between[tour[start - 1], tour[start]]
                after = between[tour[start - 1], tour[end]]
                if end + 1 < len(tour):
                    before += between[tour[end], tour[end + 1]]
                    after += between[tour[start], tour[end + 1]]
                if after < before - 1e-12:
                    tour[start : end + 1] = tour[start : end + 1][::-1]
                    shorter = True
    return tour
