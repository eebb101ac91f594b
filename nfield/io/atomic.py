"""Files appear under their final names whole, or not at all.

A file is written under a temporary name in the same folder, synced to disk, and renamed. Whoever reads the
final name sees the old content or the new, also after a power cut.
"""

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nfield.core.checks import RunError, UserError, finite_or_none

TEMPORARY_MARK = ".nfield-temporary"

_TARGET_ERRORS = {
    errno.EACCES: "permission is missing",
    errno.EPERM: "permission is missing",
    errno.EROFS: "the disk is read-only",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EISDIR: "it is a folder",
    errno.ENOTEMPTY: "it is a folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be too large for the disk",
    errno.ELOOP: "the path is a circle of links",
}


def writing_error(path: str | Path, error: OSError) -> UserError | RunError:
    """The error to raise when `path` could not be written: the user's where another target would help."""
    reason = _TARGET_ERRORS.get(error.errno or 0)
    if reason is not None:
        return UserError(f"Cannot write '{path}': {reason}. Choose another place, or make room there.")
    return RunError(f"Writing '{path}' failed: {error.strerror or error}.")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path with the suffix of `path`; on leaving without an error it becomes `path`.

    Raises `UserError` where the target cannot be written (missing folder, no permission, full disk) and
    `RunError` for other failures of the disk. The temporary file is removed after any failure.
    """
    path = Path(path)
    name = f".{path.stem}{TEMPORARY_MARK}-{os.getpid()}-{threading.get_ident()}{path.suffix}"
    temporary = path.with_name(name)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise writing_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` atomically. Raises as `replacing` does."""
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8. Raises as `replacing` does."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` to `path` atomically as indented JSON; NaN and infinities become null."""
    write_text(path, json.dumps(finite_or_none(value), indent=2, allow_nan=False) + "\n")


def remove_temporaries(folder: str | Path) -> None:
    """Remove what killed writers left in `folder` under temporary names."""
    for path in Path(folder).glob(f".*{TEMPORARY_MARK}-*"):
        with suppress(OSError):
            path.unlink()


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    # Not every system lets a folder be opened or synced; the file itself is safe all the same.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
