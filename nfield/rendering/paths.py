"""Camera paths: where a camera goes that turns around a scene.

Poses are camera-to-world matrices in OpenGL's axes: right, up, backward and position as columns.
"""

import math

import numpy as np
from jaxtyping import Float64

Poses = Float64[np.ndarray, "_ 4 4"]
Vector = Float64[np.ndarray, "3"]

PULL = 0.01
"""Weight of the cameras' mean upward axis where their right axes leave the upward direction open."""


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
    heights = offsets @ up
    level = offsets - heights[:, None] * up
    distance = float(np.median(np.linalg.norm(offsets, axis=1)))
    elevation = float(np.median(np.arctan2(heights, np.linalg.norm(level, axis=1))))
    # Straight above or below there is no side, and no upward direction in the picture.
    elevation = float(np.clip(elevation, math.radians(-80), math.radians(80)))
    first = level[0] if np.linalg.norm(level[0]) > 1e-6 * distance else np.cross(up, np.eye(3)[np.abs(up).argmin()])
    first = first / np.linalg.norm(first)
    second = np.cross(up, first)
    angles = 2 * math.pi * np.arange(frames) / frames
    around = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second
    backward = math.cos(elevation) * around + math.sin(elevation) * up
    right = np.cross(up, backward)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    path = np.tile(np.eye(4), (frames, 1, 1))
    path[:, :3, 0], path[:, :3, 1], path[:, :3, 2] = right, np.cross(backward, right), backward
    path[:, :3, 3] = middle + distance * backward
    return path
