"""`fit`: the one training loop, for every field and every task."""

import ctypes
import functools
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from nfield.io.run_folder import RunFolder
from nfield.training.progress import Progress, SilentProgress
from nfield.training.result import TrainingResult as TrainingResult
from nfield.training.session import TrainingSession
from nfield.training.settings import TrainingSettings
from nfield.training.task import Task

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of `mallopt` in the GNU C library."""
KEPT_BYTES = 1 << 28
LARGEST_KEPT_BYTES = 1 << 25


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
    keep_freed_memory()
    training = TrainingSession(
        field, task, settings, generator, run, folder, progress or SilentProgress(), started, device
    )
    if resume and training.take_up():
        return _ended(training)
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
    return _ended(training)


class Interrupt:
    """Whether Ctrl-C has been pressed."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def deferred_interrupt() -> Iterator[Interrupt]:
    """While this lasts, the first Ctrl-C only sets `requested`; the second raises KeyboardInterrupt at once.

    A step that is cut in the middle leaves weights and optimiser of different ages, from which a run cannot
    go on exactly. Outside the main thread, which alone gets signals, nothing changes.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(number: int, frame: object) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        interrupt.requested = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        # None stands for a handler that was not set from Python, and cannot be set from here either.
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)


@functools.cache
def keep_freed_memory() -> bool:
    """Let the process keep up to 256 MiB of freed memory, in pieces of 32 MiB or less; says whether it could be set.

    The system clears every page that it hands out. A training step frees and takes the same few megabytes again and
    again; handing them back in between cost a fifth to a third of the step. Only the GNU C library can be told; for
    other ones nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "gnu_get_libc_version"):
        return False
    kept = library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES) and library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
    return bool(kept)


def _ended(training: TrainingSession) -> TrainingResult:
    """The result, with the stop that was reached."""
    steps = training.settings.steps
    all_taken = steps is not None and training.state.counters.step >= steps
    reached = {"target quality": training.target_reached(), "converged": training.converged(), "steps": all_taken}
    return replace(training.result(), stopped=next((name for name, is_so in reached.items() if is_so), "seconds"))
