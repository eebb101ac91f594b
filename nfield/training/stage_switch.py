"""When the stages of a network open, and with what: each has the same share of the run."""

from typing import Any

import torch

from nfield.backbones.multistage import Multistage
from nfield.core.checks import UserError
from nfield.spectral.residual import ROUNDING_OF_SINGLES
from nfield.training.progress import Progress
from nfield.training.task import StageableTask


class StageSwitch:
    """The stages of the network in a field; does nothing where it has none."""

    def __init__(self, field: torch.nn.Module, task: Any) -> None:
        """Raises UserError where the network has stages and the task does not measure their residual."""
        found = (module for module in field.modules() if isinstance(module, Multistage))
        self.network = next(found, None)
        self.count = 1 if self.network is None else len(self.network.stages)
        if self.count > 1 and not isinstance(task, StageableTask):
            raise UserError(
                f"The backbone multistage learns the residual of earlier stages, which {type(task).__name__} does not "
                "measure. Choose another backbone; equations are solved in stages with --stages."
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
        """Open the next stage for the field's residual."""
        if self.network is None:
            raise AssertionError("a network with stages is there where one is due")
        field.eval()
        with torch.no_grad():
            residual = task.residual_figures(field)
        field.train()
        self.network.open(max(residual.size, ROUNDING_OF_SINGLES), residual.kappa)
        progress.info(
            f"Stage {self.opened} of {self.count}: residual {residual.size:.2g}, dominant frequency "
            f"{residual.frequency:.3g} cycles per unit (κ = {residual.kappa:.3g})"
        )
