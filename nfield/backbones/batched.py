"""Many small networks of one size, a layer of all of them computed as one product."""

import itertools

import torch
from jaxtyping import Float

from nfield.backbones.activations import Activations, AdaptiveScope
from nfield.backbones.dense import OUTPUT_GAIN, spread_bias
from nfield.encodings.coordinates import exact_where_coordinates


class BatchedMLP(torch.nn.Module):
    """`count` separate multilayer perceptrons on the same coordinates, their weights (networks, fan-in, fan-out)."""

    def __init__(
        self,
        count: int,
        in_dim: int,
        out_dim: int,
        generator: torch.Generator,
        *,
        width: int,
        depth: int,
        activation: str,
        adaptive: AdaptiveScope | None = None,
        adaptive_factor: float = 1.0,
        scale: float = 1.0,
        output_gain: float = OUTPUT_GAIN,
    ) -> None:
        """`scale` multiplies the coordinates: larger lets the networks bend more often within the domain."""
        super().__init__()
        self.count, self.in_dim, self.out_dim, self.scale = count, in_dim, out_dim, scale
        self.activations = Activations(activation, adaptive, adaptive_factor, [(count, 1, width)] * depth)
        sizes = [in_dim] + [width] * depth + [out_dim]
        gains = [layer.gain for layer in self.activations.of_layer] + [output_gain]
        self.weights = torch.nn.ParameterList()
        self.biases = torch.nn.ParameterList()
        device = generator.device
        for (fan_in, fan_out), gain in zip(itertools.pairwise(sizes), gains, strict=True):
            weight = torch.randn(count, fan_in, fan_out, generator=generator, device=device)
            bias = torch.rand(count, 1, fan_out, generator=generator, device=device) * 2 - 1
            self.weights.append(torch.nn.Parameter(weight * (gain / fan_in**0.5)))
            self.biases.append(torch.nn.Parameter(bias / fan_in**0.5))
        with torch.no_grad():
            centre = self.activations.of_layer[0].centre
            self.biases[0].copy_(spread_bias(scale * self.weights[0], centre, generator))

    def forward(self, points: Float[torch.Tensor, "n d"]) -> Float[torch.Tensor, "networks n c"]:
        """Values of every network, of shape (count, n, out_dim), at points of shape (n, in_dim)."""
        h = (self.scale * points).expand(self.count, *points.shape)
        with exact_where_coordinates(points):
            h = self.activations(torch.baddbmm(self.biases[0], h, self.weights[0]), 0)
        last = len(self.weights) - 1
        for i in range(1, last + 1):
            h = torch.baddbmm(self.biases[i], h, self.weights[i])
            h = h if i == last else self.activations(h, i)
        return h
