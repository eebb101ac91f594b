"""What training knows of a task, and nothing more."""

from typing import Any, Protocol, runtime_checkable

import torch

from nfield.core.moving import move as move
from nfield.core.types import Evaluation
from nfield.spectral.residual import ResidualFigures


@runtime_checkable
class Task(Protocol):
    """A job for a field: batches, loss terms and an evaluation.

    Tensors in batches are moved to the field's device, and floating ones to the type of its weights, before
    they come back in `losses`. Nothing here may change what the next batch is, apart from `batch` itself
    through its generator: resuming a run relies on it.
    """

    quality_name: str
    """Name of the figure of merit, such as 'psnr'; higher is better."""

    def batch(self, generator: torch.Generator) -> Any:
        """Draw one mini-batch with a generator on the CPU: a tensor, or tuples, lists and dicts of tensors."""

    def losses(self, field: Any, batch: Any) -> dict[str, torch.Tensor]:
        """Scalar loss terms; what is minimised is their sum."""

    def evaluate(self, field: Any) -> Evaluation:
        """Measure the field, without gradients and in evaluation mode."""
        ...


@runtime_checkable
class ScheduledTask(Protocol):
    """A task, part of which changes over the run, such as the weight of a loss term."""

    def begin_step(self, fraction: float) -> None:
        """Hear, before each batch, which share of the run is done, in [0, 1].

        It is a function of the steps taken where a run is limited by steps. What the task keeps of it must depend on
        the latest call alone: then a run that is resumed, or goes back to a good state, needs nothing else.
        """


@runtime_checkable
class PolishableTask(Protocol):
    """A task that an optimiser which searches for its steps can end."""

    def polish_task(self, field: Any, *, fixed: bool) -> Task:
        """The same job with fixed weights of terms and more points, `fixed` ones where all steps need the same.

        Fixed ones are always the same for a field of this size.
        """
        ...


@runtime_checkable
class FinishingTask(Protocol):
    """A task that completes some fields once they have been trained."""

    def finish(self, field: Any) -> bool:
        """Complete the field in place, without gradients; False where there was nothing to do.

        It comes before the last evaluation and the last checkpoint, with the weights that are evaluated.
        """
        ...


@runtime_checkable
class StageableTask(Protocol):
    """A task that networks can learn stage by stage."""

    def residual_figures(self, field: Any) -> ResidualFigures:
        """The residual on what the field is trained on, in the units of its network; called without gradients.

        Depends on nothing but the field.
        """
        ...
