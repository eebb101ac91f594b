"""Fields with known surfaces, and random ones."""

import math

import torch


def ball(radius=0.7, middle=(0.0, 0.0, 0.0)):
    return lambda x: (x - torch.tensor(middle, dtype=x.dtype)).norm(dim=-1) - radius


def torus(large=0.6, small=0.25):
    def field(x):
        ring = torch.hypot(x[:, 0], x[:, 1]) - large
        return torch.hypot(ring, x[:, 2]) - small

    return field


def box(half=(0.5, 0.4, 0.3)):
    def field(x):
        q = x.abs() - torch.tensor(half, dtype=x.dtype)
        return q.clamp(min=0).norm(dim=-1) + q.amax(-1).clamp(max=0)

    return field


def capsule(length=0.4, radius=0.3):
    def field(x):
        z = x[:, 2] - x[:, 2].clamp(-length, length)
        return torch.stack([x[:, 0], x[:, 1], z], -1).norm(dim=-1) - radius

    return field


def gyroid(waves=2.0):
    def field(x):
        k = math.pi * waves
        x, y, z = (k * x).unbind(-1)
        return (x.sin() * y.cos() + y.sin() * z.cos() + z.sin() * x.cos()) / k

    return field


def random_waves(seed, highest, count=24):
    """A sum of plane waves with random directions, up to `highest` radians per unit."""
    draw = torch.Generator().manual_seed(seed)
    waves = torch.randn(3, count, generator=draw, dtype=torch.float64)
    waves = waves / waves.norm(dim=0) * highest * torch.rand(count, generator=draw, dtype=torch.float64)
    phases = 2 * math.pi * torch.rand(count, generator=draw, dtype=torch.float64)
    return lambda x: (x.double() @ waves + phases).sin().mean(-1)


def union(*fields):
    return lambda x: torch.stack([f(x) for f in fields]).amin(0)
