"""Whether a path can be read at all, and how to say that it cannot: shared by the readers of clouds and meshes."""

import difflib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from nfield.core.checks import UserError

SHOWN_NAMES = 3
LONGEST_REASON = 300
"""Characters of what a library says; some repeat the file's content."""

Content = TypeVar("Content")


def read_content(path: Path, readers: Mapping[str, Callable[[Path], Content]], what: str) -> Content:
    """What the reader for the extension of `path` makes of it.

    Raises UserError where there is no such reader, no such file, or the file is damaged or does not fit in memory.
    """
    if not path.is_dir():
        check_suffix(path, readers, f"{what} file")
    check_file(path, what)
    try:
        return readers[path.suffix.lower()](path)
    except MemoryError:
        raise UserError(f"'{path}' does not fit in memory. Give a smaller file.") from None
    except OSError as error:
        raise damaged(path, error.strerror or error) from None


def check_file(path: Path, what: str) -> None:
    """Raise UserError where `path` is no readable ordinary file with content, naming files that may have been meant.

    `what` is what the file should hold, such as "mesh".
    """
    if path.is_dir():
        raise UserError(f"'{path}' is a folder. Give the path of one {what} file.")
    if not path.exists():
        folder = path.parent
        if not folder.is_dir():
            raise UserError(f"No file '{path}': there is no folder '{folder}'. Check the path.")
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
        near = difflib.get_close_matches(path.name, names, n=SHOWN_NAMES, cutoff=0.6)
        hint = f"Did you mean {' or '.join(repr(name) for name in near)}?" if near else "Check the path."
        raise UserError(f"No file '{path}'. {hint}")
    if not path.is_file():
        raise UserError(f"'{path}' is not an ordinary file. Give the path of one {what} file.")
    if path.stat().st_size == 0:
        raise UserError(f"'{path}' is empty (0 bytes). Copy or export the {what} again.")
    if not os.access(path, os.R_OK):
        raise UserError(f"'{path}' may not be read by this user. Change its permissions.")


def check_suffix(path: Path, suffixes: Iterable[str], what: str) -> str:
    """The suffix of `path` in lower case if it is one of `suffixes`; otherwise raise UserError with the nearest."""
    names = list(suffixes)
    suffix = path.suffix.lower()
    if suffix in names:
        return suffix
    near = difflib.get_close_matches(suffix, names, n=1, cutoff=0.5) if suffix else []
    hint = f" Did you mean '{near[0]}'?" if near else ""
    got = f"the unknown extension '{path.suffix}'" if suffix else "no extension"
    raise UserError(f"'{path}' has {got}, but a {what} ends in one of: {', '.join(names)}.{hint}")


def damaged(path: Path, reason: object) -> UserError:
    """The error for a file whose content is damaged or strange, in one line."""
    return UserError(f"Cannot read '{path}': {one_line(reason)}. Copy or export the file again.")


def one_line(reason: object) -> str:
    """A reason in one line of bearable length."""
    text = " ".join(str(reason).split())
    return text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "..."


def shown(content: str | bytes) -> str:
    """The start of what a file holds, to be named in a message."""
    text = content if isinstance(content, str) else content.decode("latin-1")
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:40] + "...")
