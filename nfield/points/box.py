"""A periodic grid around a cloud: points to nodes and back, and derivatives by Fourier transforms.

Notation: N nodes along each axis, h their distance, k angular wave numbers in radians per unit length. A field is a
tensor (N, N, N). `spread` is the transpose of `sample`, so that least squares over points stay symmetric.
"""

import itertools
import math

import torch
from jaxtyping import Complex, Float, Int

Field = Float[torch.Tensor, "n n n"]


class Box:
    """A cube of N³ nodes with the points in its middle, and trilinear interpolation at these points."""

    def __init__(self, points: Float[torch.Tensor, "p 3"], nodes: int, margin: float = 1.5) -> None:
        """`margin` is the cube's edge over the cloud's longest: the copies of a periodic field must stay far away."""
        low, high = points.amin(0), points.amax(0)
        self.nodes = nodes
        self.edge = float((high - low).max()) * margin
        self.step = self.edge / nodes
        self.origin = (low + high) / 2 - self.edge / 2
        cells = (points - self.origin) / self.step
        corner = cells.floor()
        self.rows, self.weights = self._corners(corner.long(), (cells - corner).float())
        device = points.device
        full = 2 * math.pi * torch.fft.fftfreq(nodes, self.step, device=device)
        half = 2 * math.pi * torch.fft.rfftfreq(nodes, self.step, device=device)
        if nodes % 2 == 0:  # the highest wave has no sign, and so no derivative that is real
            full[nodes // 2] = half[-1] = 0
        self.waves = (full[:, None, None], full[None, :, None], half[None, None, :])

    def _corners(
        self, corner: Int[torch.Tensor, "p 3"], t: Float[torch.Tensor, "p 3"]
    ) -> tuple[Int[torch.Tensor, "p 8"], Float[torch.Tensor, "p 8"]]:
        rows, weights = [], []
        for offset in itertools.product((0, 1), repeat=3):
            x, y, z = ((corner + torch.tensor(offset, device=corner.device)) % self.nodes).unbind(-1)
            rows.append((x * self.nodes + y) * self.nodes + z)
            factors = [t[:, axis] if one else 1 - t[:, axis] for axis, one in enumerate(offset)]
            weights.append(factors[0] * factors[1] * factors[2])
        return torch.stack(rows, -1), torch.stack(weights, -1)

    @property
    def squared(self) -> Float[torch.Tensor, "n n m"]:
        """|k|² of every wave."""
        x, y, z = self.waves
        return x**2 + y**2 + z**2

    def sample(self, field: Field) -> Float[torch.Tensor, " p"]:
        """The field at the points."""
        return (field.reshape(-1)[self.rows] * self.weights).sum(-1)

    def spread(self, values: Float[torch.Tensor, " p"]) -> Field:
        """Each point's value shared among the eight nodes around it."""
        field = torch.zeros(self.nodes**3, device=values.device)
        field.index_add_(0, self.rows.reshape(-1), (values[:, None] * self.weights).reshape(-1))
        return field.reshape((self.nodes,) * 3)

    def transform(self, field: Field) -> Complex[torch.Tensor, "n n m"]:
        """Fourier coefficients of a field."""
        return torch.fft.rfftn(field)

    def back(self, coefficients: Complex[torch.Tensor, "n n m"]) -> Field:
        """The field of Fourier coefficients."""
        return torch.fft.irfftn(coefficients, s=(self.nodes,) * 3)
