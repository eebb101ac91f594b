"""What a long run shows while it lasts, always on stderr."""

import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

from nfield.io.run_folder import NfieldWarning

T = TypeVar("T")


@runtime_checkable
class Stream(Protocol):
    """A text file to write to, such as `sys.stderr`."""

    def write(self, text: str, /) -> int:
        """Write text."""
        ...

    def flush(self) -> None:
        """Show what was written."""

    def isatty(self) -> bool:
        """Whether this is a terminal."""
        ...


@runtime_checkable
class Progress(Protocol):
    """Told by the training loop how it stands; a few times a second at most."""

    def start(self, run: str) -> None:
        """Training of `run` ("field" or "baseline") begins or goes on."""

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        """`fraction` of the run is done; `quality` is the latest evaluation's, in words such as 'psnr 31.2'."""

    def warn(self, text: str) -> None:
        """Something went wrong that the user should know."""

    def info(self, text: str) -> None:
        """What goes on, for those who watch."""

    def finish(self) -> None:
        """Training ends, for whatever reason."""


def counted(items: Iterable[T], count: int, name: str, progress: Progress | None) -> Iterator[T]:
    """The items, each told to the progress display when the next one is asked for."""
    if progress is None:
        yield from items
        return
    progress.start(name)
    try:
        for number, item in enumerate(items, 1):
            yield item
            progress.update(step=number, fraction=number / count, loss=None, quality=None)
    finally:
        progress.finish()


class SilentProgress:
    """Shows nothing but trouble: on `stream`, or without one as a `NfieldWarning`."""

    def __init__(self, stream: Stream | None = None):
        self.stream = stream

    def start(self, run: str) -> None:
        """Nothing to show."""

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        """Nothing to show."""

    def warn(self, text: str) -> None:
        """Tell of trouble."""
        if self.stream is None:
            warnings.warn(text, NfieldWarning, stacklevel=2)
        else:
            self.stream.write(f"{text}\n")

    def info(self, text: str) -> None:
        """Nothing to show."""

    def finish(self) -> None:
        """Nothing to show."""


class LineProgress:
    """Plain lines, for logs: one each time another tenth is done, or after `every` seconds."""

    def __init__(self, stream: Stream | None = None, every: float = 10.0):
        self.stream, self.every = stream or sys.stderr, every
        self._run, self._tenth, self._time = "", -1, 0.0

    def start(self, run: str) -> None:
        """Begin with the next update."""
        self._run, self._tenth, self._time = run, -1, time.perf_counter()

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        """Write a line if one is due."""
        now, tenth = time.perf_counter(), int(fraction * 10)
        if tenth > self._tenth or now - self._time >= self.every:
            self._tenth, self._time = tenth, now
            self.warn(f"{self._run}: {100 * fraction:3.0f} %, step {step}{_figures(loss, quality)}")

    def warn(self, text: str) -> None:
        """Write a line."""
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def info(self, text: str) -> None:
        """Write a line."""
        self.warn(text)

    def finish(self) -> None:
        """Nothing more to show."""


class BarProgress:
    """A bar with loss, quality and time left, for terminals."""

    def __init__(self, stream: Stream | None = None):
        self.stream = stream or sys.stderr
        self._bar: Any = None

    def start(self, run: str) -> None:
        """Open the bar."""
        from tqdm import tqdm

        layout = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        self._bar = tqdm(total=1.0, desc=f"{run:8}", file=self.stream, bar_format=layout, dynamic_ncols=True)

    def update(self, *, step: int, fraction: float, loss: float | None, quality: str | None) -> None:
        """Move the bar; after a rollback it may move back."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"step {step}{_figures(loss, quality)}", refresh=False)
            self._bar.n = min(fraction, 1.0)
            self._bar.refresh()

    def warn(self, text: str) -> None:
        """Write a line above the bar."""
        from tqdm import tqdm

        tqdm.write(text, file=self.stream)

    def info(self, text: str) -> None:
        """Write a line above the bar."""
        self.warn(text)

    def finish(self) -> None:
        """Close the bar, which stays to be seen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def choose_progress(*, quiet: bool = False, stream: Stream | None = None) -> Progress:
    """A bar on terminals, plain lines elsewhere, and with `quiet` nothing but trouble; all on stderr."""
    stream = stream or sys.stderr
    if quiet:
        return SilentProgress(stream)
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)


def _figures(loss: float | None, quality: str | None) -> str:
    return ("" if loss is None else f", loss {loss:.3g}") + ("" if quality is None else f", {quality}")
