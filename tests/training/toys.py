"""Small fields and tasks with known answers."""

import math

import numpy as np
import torch

from nfield.core.seeding import generator
from nfield.core.types import Evaluation


class Toy(torch.nn.Module):
    """A tanh network from one coordinate to one value."""

    def __init__(self, seed=0, width=12):
        super().__init__()
        source = generator(seed, "weights")

        def weights(*shape):
            return torch.nn.Parameter(torch.randn(shape, generator=source) / math.sqrt(shape[-1]))

        self.first, self.hidden, self.last = weights(width, 1), weights(width, width), weights(1, width)
        self.bias = torch.nn.Parameter(torch.zeros(width))
        self.register_buffer("offset", torch.zeros(1))

    def forward(self, points):
        hidden = torch.tanh(3 * points @ self.first.T + self.bias)
        return torch.tanh(hidden @ self.hidden.T) @ self.last.T + self.offset

    def parameter_groups(self):
        return [
            {"name": "features", "params": [self.first], "rate": 2.0},
            {"name": "network", "params": [self.hidden, self.last, self.bias], "rate": 1.0},
        ]


class Sine:
    """Fit sin(3 x) on [-1, 1]; `on_batch` is called with each batch before its loss."""

    quality_name = "psnr"

    def __init__(self, on_batch=None, on_evaluate=None):
        self.on_batch, self.on_evaluate = on_batch, on_evaluate
        self.evaluated = 0

    def batch(self, generator):
        return torch.rand(32, 1, generator=generator) * 2 - 1

    def losses(self, field, batch):
        loss = (field(batch) - torch.sin(3 * batch)).square().mean()
        if self.on_batch is not None:
            loss = loss * self.on_batch(batch)
        return {"mse": loss}

    def evaluate(self, field):
        self.evaluated += 1
        if self.on_evaluate is not None:
            self.on_evaluate()
        assert not field.training
        assert not torch.is_grad_enabled()
        weight = next(field.parameters())
        x = torch.linspace(-1, 1, 64, dtype=weight.dtype, device=weight.device)[:, None]
        error = (field(x) - torch.sin(3 * x)).square().mean().item()
        picture = np.full((4, 4, 1), min(255, int(255 * min(error, 1.0))), dtype=np.uint8)
        quality = -10 * math.log10(error) if error > 0 else math.inf
        return Evaluation(quality=quality, band_errors=[error, None], numbers={"mse": error}, snapshot=picture)


class Parameters(torch.nn.Module):
    """A matrix and a vector to be moved to their targets."""

    def __init__(self, matrix, vector):
        super().__init__()
        self.matrix, self.vector = torch.nn.Parameter(matrix.clone()), torch.nn.Parameter(vector.clone())

    def forward(self, points):
        return points

    def parameter_groups(self):
        return [
            {"name": "network", "params": [self.matrix], "rate": 1.0},
            {"name": "bias", "params": [self.vector], "rate": 0.5},
        ]


class Distance:
    """Half the squared distance to given targets, the vector's entries weighted by 1, 2, 3, ..."""

    quality_name = "closeness"

    def __init__(self, matrix, vector):
        self.matrix, self.vector = matrix, vector

    def batch(self, generator):
        return {"weights": torch.arange(1.0, 1.0 + len(self.vector))}

    def losses(self, field, batch):
        assert batch["weights"].dtype == field.vector.dtype
        return {
            "matrix": 0.5 * (field.matrix - self.matrix.to(field.matrix)).square().sum(),
            "vector": 0.5 * (batch["weights"] * (field.vector - self.vector.to(field.vector)).square()).sum(),
        }

    def evaluate(self, field):
        distance = max(
            (field.matrix - self.matrix.to(field.matrix)).abs().max().item(),
            (field.vector - self.vector.to(field.vector)).abs().max().item(),
        )
        return Evaluation(quality=-distance, band_errors=[])
