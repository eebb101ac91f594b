"""Optimisers by name, and one step with any of them.

Each builder gets the field's parameter groups (dicts with 'params', 'name' and 'rate', a factor on the
learning rate) and returns one or more optimisers (with torch's `param_groups`, `step` and state), which share the work.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from nfield.training.adam import Adam
from nfield.training.levenberg import Blocks, LevenbergMarquardt
from nfield.training.muon import Muon

SMALLEST_MUON_SIDE = 8
"""Narrower matrices are inputs, outputs or tables: orthogonalising them makes no sense, Adam takes them."""
LINE_SEARCH_STEPS = 10
LBFGS_FACTOR = 2.0**60
"""On the loss in float64: torch's L-BFGS learns no curvature from steps whose s·y is below 1e-10, and would go on as
plain gradient descent from a loss of about 1e-7. A power of two changes no digit."""


Groups = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """A batch's residuals, for optimisers that see more of them than the gradient of their squares."""

    blocks: Callable[[], Blocks]
    """Derivatives by the trained numbers, and residuals, of some rows after the other."""
    terms: Callable[[], dict[str, torch.Tensor]]
    """Mean squares by term."""


@dataclass(frozen=True, kw_only=True)
class AdamOptions:
    """What Adam and its relatives can be told, apart from the learning rate."""

    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.99)
    epsilon: float = 1e-15


Builder = Callable[[Groups, AdamOptions], list[Any]]


def adam(groups: Groups, options: AdamOptions) -> list[Any]:
    """Adam (Kingma & Ba 2015)."""
    return [Adam(groups, **asdict(options))]


def adamw(groups: Groups, options: AdamOptions) -> list[Any]:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    return [Adam(groups, decoupled=True, **asdict(options))]


def muon(groups: Groups, options: AdamOptions) -> list[Any]:
    """Muon for the network's hidden matrices (stacks of them too), AdamW for everything else."""
    hidden: Groups = []
    rest: Groups = []
    for group in groups:
        is_hidden = [_is_hidden(group, parameter) for parameter in group["params"]]
        for target, wanted in ((hidden, True), (rest, False)):
            chosen = [p for p, flag in zip(group["params"], is_hidden, strict=True) if flag is wanted]
            if chosen:
                target.append({**group, "params": chosen})
    optimizers: list[Any] = []
    if hidden:
        optimizers.append(Muon(hidden, weight_decay=options.weight_decay))
    if rest:
        optimizers += adamw(rest, options)
    return optimizers


def _is_hidden(group: dict[str, Any], parameter: torch.Tensor) -> bool:
    return group["name"] != "features" and parameter.ndim >= 2 and min(parameter.shape[-2:]) >= SMALLEST_MUON_SIDE


def lbfgs(groups: Groups, options: AdamOptions) -> list[Any]:
    """L-BFGS with a strong Wolfe line search; it moves all parameters along one direction, at one rate."""
    params = [p for group in groups for p in group["params"]]
    group = {"params": params, "name": "all", "rate": 1.0}
    # In float64 the search goes on where float32 has come to its rounding, and more curvature pays.
    exact = {"history_size": 100, "tolerance_grad": 0.0, "tolerance_change": 0.0}
    more = exact if params[0].dtype == torch.float64 else {"history_size": 20}
    return [torch.optim.LBFGS([group], max_iter=LINE_SEARCH_STEPS, line_search_fn="strong_wolfe", **more)]


def levenberg(groups: Groups, options: AdamOptions) -> list[Any]:
    """Levenberg-Marquardt, for small networks and tasks with residuals."""
    params = [p for group in groups for p in group["params"]]
    return [LevenbergMarquardt([{"params": params, "name": "all", "rate": 1.0}])]


OPTIMIZERS: dict[str, Builder] = {
    "adam": adam,
    "adamw": adamw,
    "muon": muon,
    "lbfgs": lbfgs,
    "levenberg": levenberg,
}

USUAL_RATES = {"adam": 1e-3, "adamw": 1e-3, "muon": 1e-3, "lbfgs": 1.0, "levenberg": 1.0}

SEARCHING = ("lbfgs", "levenberg")
"""Optimisers that search for steps by exact losses, and take no measures against noise."""
REMEMBERING = ("lbfgs",)
"""Those that learn from earlier steps' gradients, so that all steps need the same points."""


class Updater:
    """Takes optimiser steps: gradients, their scaling and clipping, and the check that they are finite."""

    def __init__(
        self,
        groups: Groups,
        name: str,
        options: AdamOptions | None = None,
        *,
        clip: float = 0.0,
        scaler: Any = None,
    ) -> None:
        trained = [{**group, "params": [p for p in group["params"] if p.requires_grad]} for group in groups]
        self.groups = [group for group in trained if group["params"]]
        self.parameters = [p for group in self.groups for p in group["params"]]
        self.optimizers: list[Any] = OPTIMIZERS[name](self.groups, options or AdamOptions()) if self.parameters else []
        self.clip, self.scaler = clip, scaler
        self.repeats_closure = name == "lbfgs"
        exact = any(p.dtype == torch.float64 for p in self.parameters)
        self.factor = LBFGS_FACTOR if self.repeats_closure and exact else 1.0

    @property
    def needs_residuals(self) -> bool:
        """Whether a step takes residuals in place of the loss."""
        return any(getattr(optimizer, "needs_residuals", False) for optimizer in self.optimizers)

    @property
    def converged(self) -> bool:
        """Whether the optimiser has found that further steps change next to nothing."""
        return any(getattr(optimizer, "converged", False) for optimizer in self.optimizers)

    def step(
        self,
        losses: Callable[[], dict[str, torch.Tensor]],
        rate: float,
        system: LeastSquares | None = None,
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Take one step at learning rate `rate`.

        `losses` computes the loss terms of one batch, and may be called several times; `system` takes its place for
        optimisers that need residuals. Returns the terms at the first call, and a scalar that is finite if the loss
        and its gradient were.
        """
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("rate", 1.0)
        if system is not None and self.needs_residuals:
            return self._residual_step(system)
        if self.repeats_closure and self.optimizers:
            return self._searching_step(losses)
        terms, total = self._gradient(losses)
        if self.scaler is not None:
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
        norm = self._norm()
        if self.clip:
            self._shorten(norm)
        for optimizer in self.optimizers:
            if self.scaler is not None:
                self.scaler.step(optimizer)
            else:
                optimizer.step()
        if self.scaler is not None:
            # A scaler meets infinite gradients by leaving out the step and lowering its scale.
            self.scaler.update()
            return terms, total
        return terms, total + norm

    def state_dict(self) -> dict[str, Any]:
        """State of the optimisers and the scaler; its tensors are those in use, not copies."""
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state; tensors in it come into use and are changed by later steps."""
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        if self.scaler is not None and state["scaler"] is not None:
            self.scaler.load_state_dict(state["scaler"])

    def _gradient(self, losses: Callable[[], dict[str, torch.Tensor]]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        for parameter in self.parameters:
            parameter.grad = None
        terms = losses()
        total = torch.stack(list(terms.values())).sum()
        if self.optimizers:
            # The points of a loss on slopes are leaves too: their gradient is not wanted, and not every field has it.
            scaled = self.factor * total if self.scaler is None else self.scaler.scale(total)
            scaled.backward(inputs=self.parameters)
        return {name: term.detach() for name, term in terms.items()}, total.detach()

    def _searching_step(
        self, losses: Callable[[], dict[str, torch.Tensor]]
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        first: list[Any] = []

        def closure() -> torch.Tensor:
            terms, total = self._gradient(losses)
            if not first:
                first.extend((terms, total + self._norm()))
            return self.factor * total

        for optimizer in self.optimizers:
            optimizer.step(closure)
        return first[0], first[1]

    def _residual_step(self, system: LeastSquares) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        def loss() -> float:
            return sum(float(term) for term in system.terms().values())

        terms = system.terms()
        (optimizer,) = self.optimizers
        optimizer.step(system.blocks, loss)
        return terms, torch.stack(list(terms.values())).sum()

    def _norm(self) -> torch.Tensor:
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if not gradients:
            return torch.zeros(())
        return torch.stack([norm.to(gradients[0].device) for norm in torch._foreach_norm(gradients)]).norm()

    def _shorten(self, norm: torch.Tensor) -> None:
        factor = (self.clip / (norm + 1e-12)).clamp(max=1.0)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if gradients:
            torch._foreach_mul_(gradients, factor)
