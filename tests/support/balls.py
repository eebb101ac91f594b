"""Clouds of a sphere, whose distances everybody knows."""

import math

import numpy as np
import torch

from nfield.points.smooth_distance import Sample


def ball(count: int, noise: float = 0.0, seed: int = 0) -> Sample:
    """Points of a sphere of radius 0.4."""
    draw = np.random.default_rng(seed)
    normals = draw.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    points = 0.4 * normals + noise * draw.normal(size=(count, 3))
    area = 4 * math.pi * 0.16 / count
    return Sample(
        points=torch.from_numpy(points).float(),
        normals=torch.from_numpy(normals).float(),
        areas=torch.full((count,), area),
        weights=torch.ones(count),
    )
