"""One writer to a folder: a lock of the operating system, which dies with its process and leaves nothing to clean up.

The lock is on the file `.lock` in the folder (flock, which Linux also keeps over NFS; on Windows a locked byte). The
file stays; what counts is who holds it. Readers never wait: they only ask.
"""

import os
import sys
from pathlib import Path

from nfield.core.checks import UserError

NAME = ".lock"


class FolderLock:
    """Held from `take` to `release`, or to the end of the process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._handle: int | None = None

    def take(self) -> None:
        """Take the lock. Raises UserError where another process, or another run of this one, holds it."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        if not _locked(handle):
            os.close(handle)
            raise UserError(
                f"Another process is writing the run in '{self.path.parent}'. Wait for it, or choose another --out."
            )
        self._handle = handle

    def release(self) -> None:
        """Let others write."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.release()


def is_locked(folder: Path) -> bool:
    """Whether a process is writing the folder now."""
    try:
        handle = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _locked(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Whether the lock on an open file could be had; closing the file gives it back."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
