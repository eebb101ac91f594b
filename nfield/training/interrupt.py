"""Ctrl-C that waits for the end of the step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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
