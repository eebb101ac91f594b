"""A gate for interpolations that are only once differentiable: second derivatives are refused, not silently zero."""

from typing import Any

import torch
from jaxtyping import Float

from nfield.core.checks import UserError


class _Refuse(torch.autograd.Function):
    """The identity; whoever differentiates through it gets an error."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, what: str) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, str], output: torch.Tensor) -> None:
        ctx.what = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, None]:
        raise UserError(
            f"{ctx.what} has no second derivatives with respect to the points. Choose a smooth interpolation, or, "
            "where only the weights' gradients are wanted (as for an eikonal loss), name the weights: "
            "loss.backward(inputs=list(field.parameters()))."
        )


class _Link(torch.autograd.Function):
    """The gradient as it is, made to depend on the point, so that a second derivative finds the refusal."""

    generate_vmap_rule = True

    @staticmethod
    def forward(gradient: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor], output: torch.Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return second, torch.zeros_like(second)


class _FirstOrder(torch.autograd.Function):
    """The identity, whose gradient leads to a refusal where it is differentiated with respect to x again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: torch.Tensor, what: str) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, str], output: torch.Tensor) -> None:
        ctx.what = inputs[1]
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        if torch.is_grad_enabled():
            gradient = _Link.apply(gradient, _Refuse.apply(ctx.saved_tensors[0], ctx.what))
        return gradient, None


def first_order_only(x: Float[torch.Tensor, "*shape"], what: str) -> Float[torch.Tensor, "*shape"]:
    """Return x; its first derivatives pass, also on their way to weights, second ones with respect to x raise.

    `what` names the thing without second derivatives at the start of the error.
    """
    return _FirstOrder.apply(x, what) if x.requires_grad else x
