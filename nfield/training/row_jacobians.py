"""Derivatives of each residual with respect to a field's trained numbers.

Notation: p trained numbers θ; a task's residuals r, m numbers in all, each weighted so that |r|² is the loss, the sum
over the terms of mean squares; J = ∂r/∂θ of shape (m, p).

Every point gets its own copy of θ (a view, without memory). A residual at a point then depends on that copy alone, so
that one backward pass of the sum of all residuals gives every row of J, also where the residual itself is made of
derivatives with respect to the point, by `torch.autograd.grad`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch.func import functional_call, vmap

from nfield.core.checks import UserError
from nfield.training.optimizers import LeastSquares

LARGEST_BLOCK = 1 << 24
"""Numbers of J that are held at once where a batch can be taken in parts: 128 MiB in float64."""
LARGEST_JACOBIAN = 1 << 28
"""Numbers of J that are held at all: 2 GiB in float64."""


@runtime_checkable
class LeastSquaresTask(Protocol):
    """A task whose loss is a sum of mean squares of residuals."""

    def residuals(self, field: Any, batch: Any) -> dict[str, torch.Tensor]:
        """Residuals by term, of shape (n, c) or (k n, c), n the number of points that the field is called with.

        Row i, n + i, 2n + i, ... may depend on the i-th point of each call, and on nothing else.
        """
        ...


@runtime_checkable
class WrappedField(Protocol):
    """A field that calls its `network` at other points too, such as those that a condition is met at."""

    network: torch.nn.Module

    def around(self, network: Callable[[torch.Tensor], torch.Tensor], points: Any, *, by_point: bool) -> torch.Tensor:
        """Values with another function in the place of the network, one `by_point`, that takes all points together."""


class FieldOfRows:
    """A field each point of which has trained numbers of its own; everything else about it is the field's."""

    def __init__(self, field: torch.nn.Module, names: Sequence[str]) -> None:
        self.field = field
        self.network, prefix = (field.network, "network.") if isinstance(field, WrappedField) else (field, "")
        self.fixed = {k: v.detach() for k, v in (*self.network.named_parameters(), *self.network.named_buffers())}
        self.own = {name.removeprefix(prefix): self.fixed.pop(name.removeprefix(prefix)) for name in names}
        self.copies: list[dict[str, torch.Tensor]] = []

    def __call__(self, points: torch.Tensor) -> torch.Tensor:
        """Values of shape (n, c) at points of shape (n, d)."""
        if isinstance(self.field, WrappedField):
            return self.field.around(self._of_network, points, by_point=True)
        return self._of_network(points)

    def _of_network(self, points: torch.Tensor) -> torch.Tensor:
        copies = {k: v.expand(len(points), *v.shape).requires_grad_() for k, v in self.own.items()}
        self.copies.append(copies)

        def value(weights: dict[str, torch.Tensor], point: torch.Tensor) -> torch.Tensor:
            return functional_call(self.network, {**self.fixed, **weights}, (point[None],))[0]

        return vmap(value)(copies, points)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.field, name)


def trained_names(field: torch.nn.Module) -> list[str]:
    """Names of the parameters that are trained."""
    return [name for name, p in field.named_parameters() if p.requires_grad]


def row_jacobians(
    field: torch.nn.Module, task: LeastSquaresTask, batch: Any, names: Sequence[str]
) -> Iterator[tuple[Float[torch.Tensor, "m p"], Float[torch.Tensor, " m"]]]:
    """J and r of one part of the batch after the other, the columns in the order of `names`.

    Batches of tensors with a common first axis are taken in parts; others, such as points inside and on the boundary,
    whole. Raises UserError where J would need more than two gigabytes at once.
    """
    size = sum(field.get_parameter(name).numel() for name in names)
    for part, share in _parts(batch, max(1, LARGEST_BLOCK // max(1, size)), size):
        yield _of_part(field, task, part, names, share)


@torch.enable_grad()
def _of_part(
    field: torch.nn.Module, task: LeastSquaresTask, part: Any, names: Sequence[str], share: float
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = FieldOfRows(field, names)
    terms = task.residuals(rows, part)
    leaves = [copy for copies in rows.copies for copy in copies.values()]
    jacobians, values = [], []
    for residual in terms.values():
        factor = math.sqrt(share / max(1, residual.numel()))
        jacobians += [factor * block for block in _rows_of(residual, rows.copies, leaves)]
        values.append(factor * _by_column(residual, rows.copies).detach())
    return torch.cat(jacobians), torch.cat(values)


def least_squares(field: torch.nn.Module, task: Any, batch: Any) -> LeastSquares:
    """The residuals of a batch. Raises UserError where the task has only a loss."""
    if not isinstance(task, LeastSquaresTask):
        raise UserError(
            f"Levenberg-Marquardt needs residuals, which {type(task).__name__} has not. Choose --optimizer lbfgs."
        )
    names = trained_names(field)
    return LeastSquares(
        blocks=lambda: row_jacobians(field, task, batch, names),
        terms=lambda: loss_of(field, task, batch),
    )


@torch.enable_grad()
def loss_of(field: torch.nn.Module, task: LeastSquaresTask, batch: Any) -> dict[str, torch.Tensor]:
    """Mean squares of the residuals by term."""
    return {name: r.detach().square().mean() for name, r in task.residuals(field, batch).items()}


def _rows(copies: list[dict[str, torch.Tensor]], residual: torch.Tensor) -> int:
    """Number of points of the calls that a residual may come from."""
    counts = {len(next(iter(call.values()))) for call in copies if call}
    fitting = [n for n in counts if n and len(residual) % n == 0]
    if not fitting:
        raise AssertionError(f"{len(residual)} residuals do not belong to calls of {sorted(counts)} points")
    return max(fitting)


def _by_column(residual: torch.Tensor, copies: list[dict[str, torch.Tensor]]) -> Float[torch.Tensor, " m"]:
    """The residual in the order in which `_rows_of` gives its rows."""
    flat = residual.reshape(len(residual), -1)
    return torch.cat([part.T.reshape(-1) for part in flat.split(_rows(copies, residual))])


def _rows_of(
    residual: torch.Tensor, copies: list[dict[str, torch.Tensor]], leaves: list[torch.Tensor]
) -> Iterator[torch.Tensor]:
    flat, count = residual.reshape(len(residual), -1), _rows(copies, residual)
    for part in flat.split(count):
        for column in part.unbind(1):
            slopes = torch.autograd.grad(column.sum(), leaves, retain_graph=True, allow_unused=True)
            total: torch.Tensor | None = None
            of_call = iter(slopes)
            for call in copies:
                own = [next(of_call) for _ in call]
                # A call with other points, such as those on the boundary, has no part in this residual.
                if len(next(iter(call.values()))) != count or all(slope is None for slope in own):
                    continue
                row = [
                    (torch.zeros_like(leaf) if slope is None else slope).reshape(count, -1)
                    for leaf, slope in zip(call.values(), own, strict=True)
                ]
                total = torch.cat(row, 1) if total is None else total + torch.cat(row, 1)
            yield flat.new_zeros(count, sum(v[0].numel() for v in copies[0].values())) if total is None else total


def _parts(batch: Any, at_once: int, size: int) -> Iterator[tuple[Any, float]]:
    """Parts of a batch with their shares of its rows."""
    tensors = list(batch.values()) if isinstance(batch, dict) else batch
    tensors = [tensors] if isinstance(tensors, torch.Tensor) else tensors
    together = isinstance(tensors, (tuple, list)) and all(isinstance(t, torch.Tensor) and t.ndim for t in tensors)
    counts = {len(t) for t in tensors} if together else set()
    if len(counts) != 1:
        most = max((len(t) for t in tensors if isinstance(t, torch.Tensor) and t.ndim), default=1)
        if most * size > LARGEST_JACOBIAN:
            raise UserError(
                f"Derivatives of {most} residuals by {size} trained numbers do not fit into memory together. "
                "Take fewer points or a smaller network, or train by lbfgs."
            )
        yield batch, 1.0
        return
    (count,) = counts
    for start in range(0, count, at_once):
        rows = slice(start, start + at_once)
        share = (min(start + at_once, count) - start) / count
        if isinstance(batch, torch.Tensor):
            yield batch[rows], share
        elif isinstance(batch, dict):
            yield {name: t[rows] for name, t in batch.items()}, share
        elif hasattr(batch, "_fields"):
            yield type(batch)(*(t[rows] for t in batch)), share
        else:
            yield type(batch)(t[rows] for t in batch), share
