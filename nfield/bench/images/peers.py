"""Coordinate networks as their papers give them, in plain PyTorch: what nfield is measured against.

Nothing here is shared with nfield's own encodings and backbones. N: points, d = 2: coordinates, c: channels.
Every network maps coordinates to values in [0, 1], in which its error is measured.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import nn

WIDTH = 256
OMEGA = 30.0
FREQUENCIES = 256
SCALE = 10.0


def linear(
    inputs: int, outputs: int, weight: Callable[[nn.Linear], None], bias: Callable[[nn.Linear], None]
) -> nn.Linear:
    """An affine layer that both functions have filled."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    with torch.no_grad():
        weight(layer)
        bias(layer)
    return layer


def relu_layers(
    sizes: Sequence[int], weight: Callable[[nn.Linear], None], bias: Callable[[nn.Linear], None]
) -> list[nn.Module]:
    """Affine layers from each size to the next one with ReLUs between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [linear(inputs, outputs, weight, bias), nn.ReLU()]
    return layers[:-1]


class Siren(nn.Module):
    """`sin(30 (Wx + b))` four times, then an affine layer (Sitzmann et al., 2006.09661, section 3.2).

    First weights from U(±1/d), all others from U(±√(6/n)/30) for n inputs, biases from U(±1/√n) as in the authors'
    code. They fit values in [-1, 1], which are mapped to [0, 1] here.
    """

    def __init__(self, channels: int, generator: torch.Generator):
        super().__init__()

        def uniform(bound: float) -> Callable[[nn.Linear], None]:
            def fill(layer: nn.Linear) -> None:
                layer.weight.uniform_(-bound, bound, generator=generator)

            return fill

        def bias(layer: nn.Linear) -> None:
            bound = 1 / math.sqrt(layer.in_features)
            layer.bias.uniform_(-bound, bound, generator=generator)

        hidden = uniform(math.sqrt(6 / WIDTH) / OMEGA)
        layers = [linear(2, WIDTH, uniform(1 / 2), bias)]
        layers += [linear(WIDTH, WIDTH, hidden, bias) for _ in range(3)]
        self.layers = nn.ModuleList(layers)
        self.last = linear(WIDTH, channels, hidden, bias)

    def forward(self, x: Float[torch.Tensor, "N d"]) -> Float[torch.Tensor, "N c"]:
        """Values at coordinates in [-1, 1]."""
        for layer in self.layers:
            x = torch.sin(OMEGA * layer(x))
        return 0.5 + 0.5 * self.last(x)


class GaussianFeatures(nn.Module):
    """`[cos 2πBx, sin 2πBx]`, B from N(0, 10²), three ReLU layers and a sigmoid (Tancik et al., 2006.10739).

    Weights by Glorot's normal rule, biases from N(0, 0.01²), the defaults of the library that the authors used.
    """

    frequencies: torch.Tensor

    def __init__(self, channels: int, generator: torch.Generator):
        super().__init__()
        self.register_buffer("frequencies", SCALE * torch.randn(FREQUENCIES, 2, generator=generator))

        def glorot(layer: nn.Linear) -> None:
            layer.weight.normal_(0, math.sqrt(2 / sum(layer.weight.shape)), generator=generator)

        def small(layer: nn.Linear) -> None:
            layer.bias.normal_(0, 0.01, generator=generator)

        sizes = [2 * FREQUENCIES, WIDTH, WIDTH, WIDTH, channels]
        self.network = nn.Sequential(*relu_layers(sizes, glorot, small), nn.Sigmoid())

    def features(self, x: Float[torch.Tensor, "N d"]) -> Float[torch.Tensor, "N m"]:
        """Cosines, then sines, of all frequencies."""
        phase = 2 * math.pi * x @ self.frequencies.T
        return torch.cat([phase.cos(), phase.sin()], -1)

    def forward(self, x: Float[torch.Tensor, "N d"]) -> Float[torch.Tensor, "N c"]:
        """Values at coordinates in [0, 1)."""
        return self.network(self.features(x))


class PlainMLP(nn.Module):
    """Four ReLU layers on raw coordinates, then an affine layer; weights by He's normal rule, biases zero."""

    def __init__(self, channels: int, generator: torch.Generator):
        super().__init__()

        def he(layer: nn.Linear) -> None:
            layer.weight.normal_(0, math.sqrt(2 / layer.in_features), generator=generator)

        def zero(layer: nn.Linear) -> None:
            layer.bias.zero_()

        self.network = nn.Sequential(*relu_layers([2, WIDTH, WIDTH, WIDTH, WIDTH, channels], he, zero))

    def forward(self, x: Float[torch.Tensor, "N d"]) -> Float[torch.Tensor, "N c"]:
        """Values at coordinates in [-1, 1]."""
        return self.network(x)


def centred(height: int, width: int) -> Float[torch.Tensor, "N 2"]:
    """Rows and columns of all pixels, the first and last of the longer side at -1 and 1 (SIREN's convention)."""
    step = 2 / max(max(height, width) - 1, 1)
    axes = [(torch.arange(n) - (n - 1) / 2) * step for n in (height, width)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)


def unit(height: int, width: int) -> Float[torch.Tensor, "N 2"]:
    """Rows and columns of all pixels as `i/N`, N the longer side (the Fourier features' convention)."""
    axes = [torch.arange(n) / max(height, width) for n in (height, width)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A network with the settings of its paper."""

    title: str
    """Name in tables."""
    network: Callable[[int, torch.Generator], nn.Module]
    """Makes the network for a number of channels."""
    coordinates: Callable[[int, int], torch.Tensor]
    """Coordinates (N, 2) of all pixels of an image of that height and width, row by row."""
    rates: tuple[float, ...]
    """Adam's learning rate; out of several the best is found by trying."""
    settings: str
    """Everything in words."""


PEERS: dict[str, Peer] = {
    "siren": Peer(
        title="SIREN",
        network=Siren,
        coordinates=centred,
        rates=(1e-4,),
        settings="4 x 256 sine layers, omega 30, affine output, Adam 1e-4",
    ),
    "gaussian": Peer(
        title="Gaussian features",
        network=GaussianFeatures,
        coordinates=unit,
        rates=(1e-3,),
        settings="cos and sin of 2 pi B x, B 256 x 2 from N(0, 10^2), x in [0, 1), 3 x 256 ReLU, sigmoid, Adam 1e-3",
    ),
    "mlp": Peer(
        title="plain MLP",
        network=PlainMLP,
        coordinates=centred,
        rates=(1e-3, 3e-3, 1e-2),
        settings="4 x 256 ReLU on raw coordinates, affine output, He initialisation, Adam",
    ),
}
