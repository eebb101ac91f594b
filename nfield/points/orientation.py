"""Normals that point outwards, for a cloud that has none.

The indicator of a solid (1 inside, 0 outside) is, by Gauss's theorem, the convolution of its outward normals with the
gradient of the fundamental solution, and takes the value 1/2 on the surface. Asking for 1/2 at every point gives linear
equations for the normals, whose regularised least-norm solution needs neither a first guess nor a walk from neighbour
to neighbour (parametric Gauss reconstruction: Lin, Xiao, Shi, Wang, ACM TOG 42(2), 2022). Here the convolution is a
Fourier transform on a grid, so that a product with all equations costs hardly more than the transform. Where noise
puts points behind one another their single normals are undetermined: they then take the side to which the indicator
of all of them falls, which a few repetitions settle.

Notation: μ (n, 3), vectors of the points: outward normal times area; χ, the indicator; a, areas.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64

from nfield.points.box import Box
from nfield.points.neighbours import Neighbourhoods

NODES = (64, 160)
"""Fewest and most nodes per axis."""
RIDGE = 0.1
"""Weight of the norm against the equations, relative to their largest eigenvalue and for 2,500 points."""
STEPS = 40
ROUNDS = 3
"""Repetitions of turning every normal to the side where the indicator falls."""
SQUARE = 0.2
"""Cosine below which two directions say nothing about each other's sign."""
TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """Outward normals and how well they agree with one another."""

    normals: Float32[np.ndarray, "n 3"]
    """Unit vectors."""
    residual: float
    """Root mean square of χ − 1/2 at the points, first solution: 0 for a perfect solid, 1/2 without any inside."""
    doubtful: float
    """Share of points whose given direction is nearly square to the indicator's gradient: their signs may be wrong."""


class Indicator:
    """The linear map from μ to χ at the points, χ being 0 on average over the box's faces; and its transpose."""

    def __init__(self, box: Box, smoothing: float = 1.0) -> None:
        """`smoothing` is the standard deviation, in grid steps, of a Gaussian that joins points to a surface."""
        self.box = box
        squared = box.squared
        gaussian = torch.exp(-((smoothing * box.step) ** 2) * squared / 2)
        # Per volume of a cell, so that vectors at points become a density.
        self.green = gaussian / torch.where(squared > 0, squared, 1.0) / box.step**3
        self.green[0, 0, 0] = 0
        faces = torch.zeros((box.nodes,) * 3, device=squared.device)
        faces[0] = faces[:, 0] = faces[:, :, 0] = 1
        self.faces = faces / faces.sum()

    def field(self, vectors: Float[torch.Tensor, "p 3"]) -> Float[torch.Tensor, "n n n"]:
        """χ on the grid, from `∇²χ = −div μ`."""
        divergence = sum(
            1j * wave * self.box.transform(self.box.spread(vectors[:, axis]))
            for axis, wave in enumerate(self.box.waves)
        )
        chi = self.box.back(divergence * self.green)
        return chi - (self.faces * chi).sum()

    def __call__(self, vectors: Float[torch.Tensor, "p 3"]) -> Float[torch.Tensor, " p"]:
        """χ at the points."""
        return self.box.sample(self.field(vectors))

    def outward(self, vectors: Float[torch.Tensor, "p 3"]) -> Float[torch.Tensor, "p 3"]:
        """Unit vectors at the points along which χ falls."""
        chi = self.box.transform(self.field(vectors))
        slope = torch.stack([self.box.sample(self.box.back(-1j * wave * chi)) for wave in self.box.waves], -1)
        return torch.nn.functional.normalize(slope, dim=-1)

    def transposed(self, values: Float[torch.Tensor, " p"]) -> Float[torch.Tensor, "p 3"]:
        """The transpose, from values at the points to vectors there."""
        source = self.box.spread(values) - values.sum() * self.faces
        potential = self.box.transform(source) * self.green
        return torch.stack([self.box.sample(self.box.back(-1j * wave * potential)) for wave in self.box.waves], -1)


def solve_vectors(
    indicator: Indicator, areas: Float[torch.Tensor, " p"], ridge: float = RIDGE, steps: int = STEPS
) -> tuple[Float[torch.Tensor, "p 3"], float]:
    """μ of least norm, weighted by areas, with χ near 1/2 at every point; and the root mean square of χ − 1/2.

    Conjugate gradients on `(G W Gᵀ + ρ) ξ = 1/2`, `μ = W Gᵀ ξ`, W the areas relative to their mean.
    """
    weights = (areas / areas.mean())[:, None]

    def product(x: Float[torch.Tensor, " p"]) -> Float[torch.Tensor, " p"]:
        return indicator(weights * indicator.transposed(x))

    count = len(areas)
    direction = torch.ones(count, device=areas.device)
    largest = 0.0
    for _ in range(4):  # power iteration: all equations are alike, so their sum is near the leading eigenvector
        direction = product(direction / direction.norm())
        largest = float(direction.norm())
    rho = ridge * largest * (2500 / count) ** 0.5
    solution = torch.zeros(count, device=areas.device)
    residual = torch.full((count,), 0.5, device=areas.device)
    direction, square = residual.clone(), residual.square().sum()
    start = square
    for _ in range(steps):
        image = product(direction) + rho * direction
        length = square / (direction * image).sum()
        solution += length * direction
        residual -= length * image
        following = residual.square().sum()
        if following <= TOLERANCE**2 * start:
            break
        direction = residual + (following / square) * direction
        square = following
    vectors = weights * indicator.transposed(solution)
    return vectors, float((indicator(vectors) - 0.5).square().mean().sqrt())


def orient(
    around: Neighbourhoods,
    normals: Float64[np.ndarray, "n 3"] | None = None,
    *,
    device: str | torch.device = "cpu",
) -> Orientation:
    """Outward unit normals of a cloud: `normals` with their signs chosen, or the directions in which χ falls.

    Takes seconds for any shape. Meant for closed surfaces; pieces of open ones come out turned to the side that they
    bend away from.
    """
    extent = float(np.ptp(around.points, axis=0).max())
    # In units of the cloud's extent: single precision then serves clouds of any size.
    points = torch.from_numpy(around.points / extent).to(device)
    nodes = int(np.clip(1.5 * extent / max(around.spacing(), 1e-9 * extent), *NODES)) // 2 * 2
    indicator = Indicator(Box(points, nodes))
    areas = torch.from_numpy(around.areas()).to(device)
    areas = (areas / areas.mean()).float()
    vectors, residual = solve_vectors(indicator, areas)
    outward = torch.nn.functional.normalize(vectors, dim=-1)
    given = None if normals is None else torch.from_numpy(normals).float().to(device)
    for _ in range(ROUNDS):
        outward = indicator.outward(areas[:, None] * (outward if given is None else _turned(given, outward)))
    chosen, doubtful = outward, 0.0
    if given is not None:
        chosen = _turned(given, outward)
        doubtful = float(((chosen * outward).sum(-1) < SQUARE).float().mean())
    return Orientation(normals=chosen.cpu().numpy(), residual=residual, doubtful=doubtful)


def _turned(directions: Float[torch.Tensor, "p 3"], outward: Float[torch.Tensor, "p 3"]) -> Float[torch.Tensor, "p 3"]:
    return torch.where((directions * outward).sum(-1, keepdim=True) < 0, -directions, directions)
