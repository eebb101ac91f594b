"""Posed pictures as the Blender scenes of NeRF have them: transforms_train.json, transforms_test.json, ..._val.json.

The file names tell the split. Validation views are held out where there are no test views, and otherwise left unread:
they must not be trained on, and mixing them with the test views would change figures that people compare.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from nfield.core.views import Split
from nfield.io.cameras.posed_frames import Capture, Frame, Layout, Options
from nfield.io.cameras.transforms import read_transforms

TRAIN, VAL, TEST = (f"transforms_{name}.json" for name in ("train", "val", "test"))


def find_blender(path: Path) -> Path | None:
    """The folder of the files, or the one of them that is given; None where there are none."""
    if path.is_dir():
        return path if any((path / name).is_file() for name in (TRAIN, TEST, VAL)) else None
    return path if path.name in (TRAIN, VAL, TEST) else None


def read_blender(path: Path, options: Options) -> Capture:
    """All views of a folder with their splits, or those of one file without. Raises UserError on bad content."""
    notes: list[str] = []
    frames: list[Frame] = []
    for name, split in _splits(path, notes):
        found = read_transforms(path / name if path.is_dir() else path, options)
        frames += [replace(frame, split=split) for frame in found.frames]
        notes += found.notes
    return Capture(frames=tuple(frames), up=np.array([0.0, 0.0, 1.0]), notes=tuple(notes))


def _splits(path: Path, notes: list[str]) -> list[tuple[str, Split | None]]:
    folder = path if path.is_dir() else path.parent
    there = [name for name in (TRAIN, VAL, TEST) if (folder / name).is_file()]
    if not path.is_dir():
        if len(there) > 1:
            notes.append(f"only {path.name} is read; give its folder to read {' and '.join(there)} with their splits")
        return [(path.name, None)]
    if TRAIN not in there:
        # Nothing would be left to train on.
        notes.append(f"there is no {TRAIN}, so that the views of {' and '.join(there)} are split anew")
        return [(name, None) for name in there]
    held: str | None = TEST if TEST in there else VAL if VAL in there else None
    if held == TEST and VAL in there:
        notes.append(f"{VAL} is left unread, for {TEST} holds the test views")
    if held == VAL:
        notes.append(f"there is no {TEST}: the views of {VAL} are held out")
    return [(TRAIN, "train"), (held, "test")] if held else [(TRAIN, None)]


BLENDER = Layout(looked_for=f"{TRAIN} (Blender)", find=find_blender, read=read_blender)
