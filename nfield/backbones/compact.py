"""Activations of compact support, made for multiscale networks (Liu, Cai, Xu, arXiv 2007.11207).

Notation: x₊ = max(0, x).
"""

import math
from typing import Any

import torch
from jaxtyping import Float


def srelu(x: Float[torch.Tensor, "*shape"]) -> Float[torch.Tensor, "*shape"]:
    """`x₊(1−x)₊`, a parabola on [0, 1]."""
    return (x * (1 - x)).relu()


def s2relu(x: Float[torch.Tensor, "*shape"]) -> Float[torch.Tensor, "*shape"]:
    """`sin(2πx) x₊(1−x)₊`, continuously differentiable: both factors vanish at 0 and at 1."""
    return (2 * math.pi * x).sin() * srelu(x)


def phi(x: Float[torch.Tensor, "*shape"]) -> Float[torch.Tensor, "*shape"]:
    """`x₊² − 3(x−1)₊² + 3(x−2)₊² − (x−3)₊²`, twice the quadratic B-spline on [0, 3].

    Computed as (1.5 − u)₊² − 3(0.5 − u)₊² with u = |x − 1.5|: the sum of four squares loses all digits for large x.
    """
    return _Phi.apply(x)


class _Phi(torch.autograd.Function):
    """φ with its derivative in closed form: several times faster than autograd through the same operations."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        u = (x - 1.5).abs_()
        outer = (1.5 - u).relu_()
        inner = u.neg_().add_(0.5).relu_()
        return outer.mul_(outer).sub_(inner.mul_(inner), alpha=3)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient * _PhiSlope.apply(*ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], x: torch.Tensor) -> tuple[torch.Tensor, int | None]:
        # Elementwise: a stack of networks is one larger tensor. Torch cannot stack the operations in place by itself.
        return _Phi.apply(x), in_dims[0]


class _PhiSlope(torch.autograd.Function):
    """φ'(x) = 2 clamp(x − 1.5, ±1.5) − 6 clamp(x − 1.5, ±0.5), with its own derivative, a step function."""

    @staticmethod
    def forward(x: torch.Tensor) -> torch.Tensor:
        u = x - 1.5
        inner = u.clamp(-0.5, 0.5)
        return u.clamp(-1.5, 1.5).mul_(2).sub_(inner, alpha=6)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        u = (ctx.saved_tensors[0] - 1.5).abs()
        return gradient * (2 * (u < 1.5).to(gradient.dtype) - 6 * (u < 0.5).to(gradient.dtype))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], x: torch.Tensor) -> tuple[torch.Tensor, int | None]:
        # Elementwise: a stack of networks is one larger tensor. Torch cannot stack the operations in place by itself.
        return _PhiSlope.apply(x), in_dims[0]
