"""When the stages of a network open, and with what: each has the same share of the run."""

from typing import Any

import torch

from nfield.backbones.multistage import Multistage
from nfield.core.checks import UserError
from nfield.fields.stage_plan import kappa_of
from nfield.training.progress import Progress
from nfield.training.task import StageableTask

LEAST_SCALE = 1e-6
"""Share of a signal of order one below which only rounding is left, and a stage learns nothing but that."""


class StageSwitch:
    """The stages of the network in a field; does nothing where it has none."""

    def __init__(self, field: torch.nn.Module, task: Any) -> None:
        """Raises UserError where the network has stages and the task cannot tell what they leave over."""
        found = (module for module in field.modules() if isinstance(module, Multistage))
        self.network = next(found, None)
        self.count = 1 if self.network is None else len(self.network.stages)
        if self.count > 1 and not isinstance(task, StageableTask):
            raise UserError(
                f"The backbone multistage learns what earlier stages leave over, which {type(task).__name__} cannot "
                "tell. Choose another backbone; equations are solved in stages with --stages."
            )

    @property
    def opened(self) -> int:
        """Stages that are open."""
        return 1 if self.network is None else self.network.opened

    @property
    def numbers(self) -> dict[str, float]:
        """What history.jsonl is told."""
        return {} if self.network is None else {"stage": float(self.opened)}

    def due(self, fraction: float) -> bool:
        """Whether the next stage begins where so much of the run is done."""
        return self.opened < min(self.count, 1 + int(fraction * self.count + 1e-9))

    def inner(self, fraction: float) -> float:
        """The share of the present stage that is done: learning rates fall in each stage anew."""
        return min(1.0, max(0.0, fraction * self.count - (self.opened - 1)))

    def open(self, field: Any, task: Any, progress: Progress) -> None:
        """Open the next stage for what the field leaves over now."""
        if self.network is None:
            raise AssertionError("a network with stages is there where one is due")
        field.eval()
        with torch.no_grad():
            rest = task.left_over(field)
        field.train()
        kappa = kappa_of(rest.frequency)
        self.network.open(max(rest.size, LEAST_SCALE), kappa)
        progress.info(
            f"Stage {self.opened} of {self.count}: {rest.size:.2g} is left over, most of it at {rest.frequency:.3g} "
            f"cycles per unit (κ = {kappa:.3g})"
        )
