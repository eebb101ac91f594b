"""What a reader of one layout of posed photographs hands over: frames, before any picture has been looked at."""

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError
from nfield.core.views import Box, Split, Vector
from nfield.io.cameras.camera_models import Intrinsics

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""Looked for, in small and in capital letters, where a file names pictures without extension."""


@dataclass(frozen=True, kw_only=True)
class MaskFile:
    """A picture that tells which pixels of another are to be used."""

    path: Path
    black_is: Literal["used", "ignored"]
    """What black pixels stand for; all others stand for the opposite."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture that a file names, with its camera."""

    name: str
    """As the file has it."""
    where: str
    """Names the file and the frame at the start of messages."""
    picture: Path
    """Where the picture is, or should be."""
    camera_to_world: Float64[np.ndarray, "4 4"]
    intrinsics: Intrinsics
    scale: float = 1.0
    """Length that the axes had in the file."""
    mask: MaskFile | None = None
    split: Split | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Capture:
    """All frames of one scene and what the files tell of it."""

    frames: tuple[Frame, ...]
    box: Box | None = None
    unbounded: bool | None = None
    up: Vector | None = None
    notes: tuple[str, ...] = ()
    axes_known: bool = False
    """Whether the format leaves no doubt about the cameras' axes."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user chose about reading."""

    convention: Literal["opengl", "opencv"] = "opengl"
    image_path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One way in which posed photographs are laid out in files."""

    looked_for: str
    """The files that it is known by, for messages."""
    find: Callable[[Path], Path | None]
    """What is to be read, given a folder or a file; None where the layout is another."""
    read: Callable[[Path, Options], Capture]


def inside(folder: Path, name: str, where: str) -> Path:
    """The path of a file that is named relative to the data's folder. Raises UserError where it lies outside of it.

    Judged by the text alone: links inside of the folder may lead anywhere.
    """
    if "\0" in name or not name.strip():
        raise UserError(f"{where}: a file's path is missing or strange: {name!r}.")
    # Files made on Windows have backslashes.
    text = name.replace("\\", "/")
    root = os.path.abspath(folder)
    found = os.path.normpath(os.path.join(root, text))
    if os.path.commonpath([root, found]) != root or found == root:
        raise UserError(
            f"{where}: the path '{name}' leads out of the folder '{folder}'. "
            "Move the file into the folder, and correct the path."
        )
    if posixpath.isabs(text):
        return Path(found)
    return folder / os.path.relpath(found, root)


def with_suffix_found(path: Path) -> Path:
    """The path itself where there is such a file, otherwise with the first known picture extension that exists."""
    if path.is_file():
        return path
    for suffix in (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES)):
        found = path.with_name(path.name + suffix)
        if found.is_file():
            return found
    return path
