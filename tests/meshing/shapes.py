"""Fields with known surfaces, and random ones."""

import math

import numpy as np
import torch

from nfield.core.mesh import Mesh


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


def joined(*meshes):
    """One mesh of several, none of their vertices shared."""
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    return Mesh(
        vertices=np.concatenate([m.vertices for m in meshes]),
        faces=np.concatenate([m.faces + start for m, start in zip(meshes, starts, strict=False)]),
    )


def tetrahedron(edge=1.0, place=(0.0, 0.0, 0.0), inward=False):
    """Three edges along the axes from `place`: area (3 + √3)/2 edge², volume edge³/6."""
    faces = np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    return Mesh(
        vertices=np.concatenate([np.zeros((1, 3)), edge * np.eye(3)]) + place,
        faces=faces[:, ::-1].copy() if inward else faces,
    )


def square(cells=1, edge=1.0):
    """An open square in the plane z = 0, facing up, of cells² squares of two faces each."""
    row = np.arange(cells + 1) * (edge / cells)
    vertices = np.stack([*np.meshgrid(row, row, indexing="ij"), np.zeros((cells + 1, cells + 1))], -1).reshape(-1, 3)
    i, j = np.divmod(np.arange(cells**2), cells)
    a = i * (cells + 1) + j
    b, c, d = a + cells + 1, a + cells + 2, a + 1
    return Mesh(vertices=vertices, faces=np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]))


def icosphere(level=2, radius=1.0, middle=(0.0, 0.0, 0.0)):
    """A closed mesh of 20 * 4^level faces whose vertices lie on a sphere."""
    import trimesh

    ball = trimesh.creation.icosphere(level)
    directions = ball.vertices / np.linalg.norm(ball.vertices, axis=1, keepdims=True)
    return Mesh(vertices=radius * directions + middle, faces=ball.faces.astype(np.int64))
