"""Exponential moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


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
