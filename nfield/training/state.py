"""Everything that a training run consists of at one moment, apart from the clock on the wall.

Saving all of it and taking it up again makes a run go on as if it had never stopped.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from nfield.training.optimizers import Updater


@dataclass(kw_only=True)
class Counters:
    """The numbers among a run's state."""

    step: int = 0
    """Optimiser steps behind the present weights."""
    elapsed: float = 0.0
    """Seconds of all kinds that count against the time budget."""
    training_seconds: float = 0.0
    """Seconds spent in training steps alone."""
    diagnostics_seconds: float = 0.0
    """Seconds spent in evaluations."""
    evaluation_seconds: float = 0.0
    """Seconds of the latest evaluation."""
    evaluations: int = 0
    """Lines of history written."""
    evaluated_step: int = -1
    """Step of the latest evaluation."""
    next_fraction: float = 0.0
    """Where the evaluation plan has got to."""
    failures: int = 0
    """How often a loss was not finite."""
    rate_factor: float = 1.0
    """Factor on the learning rate after failures."""
    learning_rate: float = 0.0
    """That of the latest step."""
    losses: dict[str, float] = field(default_factory=dict)
    """Loss terms of the latest step."""
    polished_from: int | None = None
    """Step from which on the polisher has been at work; None before."""
    quality: float | None = None
    """That of the latest evaluation; None before it and where it was not a number."""


class MovingAverage:
    """average <- d average + (1 - d) weights after each step, with d = min(decay, (1 + t) / (10 + t)).

    The rise of d over the first steps t = 1, 2, ... lets the average forget the untrained weights.
    """

    def __init__(self, field: torch.nn.Module, decay: float):
        self.decay = decay
        self.names = [name for name, _ in field.named_parameters()]
        self._weights = [parameter for _, parameter in field.named_parameters()]
        self._average = [parameter.detach().clone() for parameter in self._weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after `step` (from 1)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._average, [weight.detach() for weight in self._weights], 1 - decay)

    @torch.no_grad()
    def copy_to_field(self) -> None:
        """Let the field's weights be the average."""
        torch._foreach_copy_([weight.detach() for weight in self._weights], self._average)

    @contextmanager
    def in_field(self) -> Iterator[None]:
        """The field's weights are the average while this lasts; afterwards they are what they were."""
        weights = [weight.detach().clone() for weight in self._weights]
        self.copy_to_field()
        try:
            yield
        finally:
            torch._foreach_copy_([weight.detach() for weight in self._weights], weights)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The average by parameter name; the tensors in use, not copies."""
        return dict(zip(self.names, self._average, strict=True))

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Take over values from `state_dict`."""
        for name, average in zip(self.names, self._average, strict=True):
            average.copy_(state[name])


class TrainingState:
    """A field, its optimisers and its moving average, with the last good state to fall back to."""

    def __init__(self, network: torch.nn.Module, updater: Updater, average: MovingAverage | None):
        self.network, self.updater, self.average = network, updater, average
        self.counters = Counters()
        self._good: dict[str, Any] = {}
        self.mark_good()

    @property
    def good_step(self) -> int:
        """Step of the state that a rollback returns to."""
        return int(self._good["step"])

    def mark_good(self) -> None:
        """Remember the present state as one to fall back to."""
        self._good = copy.deepcopy({"step": self.counters.step, **self._moving_parts()})

    def roll_back(self) -> None:
        """Return to the last good state; the counters stay, apart from the step."""
        self.counters.step = self.good_step
        self._take_over(copy.deepcopy(self._good))

    def state_dict(self) -> dict[str, Any]:
        """The whole state; its tensors are those in use, not copies."""
        return {"counters": asdict(self.counters), "good": self._good, **self._moving_parts()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        state = copy.deepcopy(state)
        self.counters = Counters(**state["counters"])
        self._take_over(state)
        device = next((p.device for p in self.network.parameters()), torch.device("cpu"))
        self._good = _to_device(state["good"], device)

    def evaluation_weights(self) -> dict[str, torch.Tensor]:
        """The weights that are evaluated and handed out: the moving average where there is one."""
        averaged = {} if self.average is None else self.average.state_dict()
        return {**self.network.state_dict(), **averaged}

    def _moving_parts(self) -> dict[str, Any]:
        return {
            "network": dict(self.network.state_dict()),
            "average": None if self.average is None else self.average.state_dict(),
            "updater": self.updater.state_dict(),
        }

    def _take_over(self, parts: dict[str, Any]) -> None:
        self.network.load_state_dict(parts["network"])
        if self.average is not None and parts["average"] is not None:
            self.average.load_state_dict(parts["average"])
        self.updater.load_state_dict(parts["updater"])


def _to_device(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        # A step count of an optimiser is a scalar, which some keep on the CPU: loading puts it where it belongs.
        return value if value.ndim == 0 else value.to(device)
    if isinstance(value, dict):
        return {key: _to_device(entry, device) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_device(entry, device) for entry in value)
    return value
