"""`fit`: the one training loop, for every field and every task."""

import torch

from nfield.io.run_folder import RunFolder
from nfield.training.interrupt import deferred_interrupt
from nfield.training.progress import Progress, SilentProgress
from nfield.training.result import TrainingResult as TrainingResult
from nfield.training.session import TrainingSession
from nfield.training.settings import TrainingSettings
from nfield.training.task import Task


def fit(
    field: torch.nn.Module,
    task: Task,
    settings: TrainingSettings,
    *,
    generator: torch.Generator,
    run: str = "field",
    folder: RunFolder | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    started: float | None = None,
    device: torch.device | str | None = None,
) -> TrainingResult:
    """Train `field` in place on `task`.

    The field ends on `device` (by default where it is) with the weights that were evaluated last. Batches
    are drawn with `generator`. With a `folder`, history, snapshots and checkpoints of `run` go there, and
    `resume` continues from its newest checkpoint; a finished run is returned at once. A time budget counts
    from `started`, a value of `time.perf_counter()`, or from the call. With a number of steps alone, on the
    CPU, the outcome is a function of the field's weights, the settings and the generator, also when the run
    is killed and resumed in between.

    Raises `RunError` where the loss is not finite three times, `UserError` where a resumed run had other
    settings, and KeyboardInterrupt after Ctrl-C, with a checkpoint saved.
    """
    training = TrainingSession(
        field, task, settings, generator, run, folder, progress or SilentProgress(), started, device
    )
    if resume and training.take_up():
        return training.result()
    training.progress.start(run)
    try:
        with deferred_interrupt() as interrupt:
            training.begin()
            while (fraction := training.fraction()) < 1 and not (training.target_reached() or training.converged()):
                if training.stages.due(fraction):
                    training.open_stage()
                if training.polish_due(fraction):
                    training.begin_polish()
                training.step(fraction)
                if training.check_due() and not training.is_healthy():
                    training.roll_back()
                    continue
                training.after_step()
                if interrupt.requested:
                    break
            else:
                training.finish()
            if interrupt.requested:
                training.settle()
                training.save_checkpoint()
                raise KeyboardInterrupt
    finally:
        training.progress.finish()
    return training.result()
