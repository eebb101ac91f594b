"""The one training loop, what it asks of a task, and its settings."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.training.loop import TrainingResult as TrainingResult
    from nfield.training.loop import fit as fit
    from nfield.training.progress import Progress as Progress
    from nfield.training.progress import choose_progress as choose_progress
    from nfield.training.settings import TrainingSettings as TrainingSettings
    from nfield.training.stages import StageSettings as StageSettings
    from nfield.training.stages import fit_in_stages as fit_in_stages
    from nfield.training.task import Task as Task

__getattr__, __dir__ = exports(__name__, __file__)
