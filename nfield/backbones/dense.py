"""Dense layers whose weights come from a generator."""

import math

import torch
from jaxtyping import Float

OUTPUT_GAIN = 0.2
"""Gain of output layers: networks start near zero. A start of the data's size is noise that has to be unlearned first,
at the network's highest frequencies last; measured on a photograph this gives 1 to 3 dB after 300 steps."""


def dense(fan_in: int, fan_out: int, gain: float, generator: torch.Generator) -> torch.nn.Linear:
    """A linear layer with weights N(0, gain²/fan_in) and biases U(±1/√fan_in).

    With gain √2 these are the weights of He et al. (1502.01852), and between layers of equal width those of Glorot and
    Bengio with the activation's gain. Biases spread the kinks over the inputs.
    """
    layer = torch.nn.utils.skip_init(torch.nn.Linear, fan_in, fan_out, device=generator.device)
    torch.nn.init.normal_(layer.weight, std=gain / math.sqrt(fan_in), generator=generator)
    bound = 1 / math.sqrt(fan_in)
    torch.nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer


def uniform_dense(fan_in: int, fan_out: int, bound: float, generator: torch.Generator) -> torch.nn.Linear:
    """A linear layer with weights U(±bound) and biases U(±1/√fan_in)."""
    layer = dense(fan_in, fan_out, 1.0, generator)
    torch.nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    return layer


def spread_bias(
    weights: Float[torch.Tensor, "*networks fan_in fan_out"], centre: float, generator: torch.Generator
) -> Float[torch.Tensor, "*networks 1 fan_out"]:
    """Biases that put the middle of each neuron's activation through a random point of [-1, 1]^fan_in.

    Large weights, as behind a large scale, narrow the strip in which a neuron is active to a sliver; with biases of
    usual size all slivers would lie at the origin, and most of the domain would be seen by no neuron.
    """
    points = torch.rand(weights.shape, generator=generator, device=generator.device) * 2 - 1
    return centre - (weights * points).sum(-2, keepdim=True)
