"""Posed pictures as nerfstudio and instant-ngp have them: one transforms.json.

Box: instant-ngp brings a position p of the file to `scale p + offset`, then renames its axes (y, z, x become x, y, z),
and trains in the cube of edge `aabb_scale` around (1/2, 1/2, 1/2), of which the unit cube is the finest level. The unit
cube is the same under renaming, so that it is [(0 - offset) / scale, (1 - offset) / scale] in the file's own axes and
units: with the defaults of scale 0.33 and offset 1/2, [-1.515, 1.515] along each axis. This is our box; the scene goes
on beyond it where aabb_scale is above 1. An `aabb` of two corners takes the place of scale and offset.
(instant-ngp, src/nerf_loader.cu and include/neural-graphics-primitives/nerf_loader.h)
"""

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nfield.core.checks import UserError, positive
from nfield.core.views import Box, Split, Vector
from nfield.io.cameras.posed_frames import Capture, Frame, Layout, Options
from nfield.io.cameras.transforms import Transforms, number, read_transforms

NAME = "transforms.json"
DEFAULT_SCALE = 0.33
DEFAULT_OFFSET = 0.5
LISTS = ("train_filenames", "val_filenames", "test_filenames")


def find_nerfstudio(path: Path) -> Path | None:
    """The transforms.json of a folder, or any JSON file that is given; None where there is none."""
    if path.is_dir():
        return path / NAME if (path / NAME).is_file() else None
    return path if path.suffix.lower() == ".json" else None


def read_nerfstudio(path: Path, options: Options) -> Capture:
    """The views of a transforms.json. Raises UserError on bad content."""
    found = read_transforms(path, options)
    notes = list(found.notes)
    frames = _with_splits(found, notes)
    box, unbounded = _box(found, notes)
    up = found.facts.get("up")
    return Capture(
        frames=frames,
        box=box,
        unbounded=unbounded,
        up=None if up is None else _direction(up, f"'{path}'"),
        notes=tuple(notes),
    )


def _with_splits(found: Transforms, notes: list[str]) -> tuple[Frame, ...]:
    """The frames with the splits that the file lists; those in no list, or of validation beside a test, left out."""
    train, val, test = (_names(found, key) for key in LISTS)
    held = test or val
    if not (train or held):
        return found.frames
    known = {_plain(frame.name) for frame in found.frames}
    strange = sorted((train | held) - known)
    if strange:
        raise UserError(
            f"'{found.path}' lists '{strange[0]}' for training or testing ({len(strange)} such), "
            "but no frame has this file_path. Correct the list."
        )
    if not train:
        train = known - held - val
    both = len(train & held)
    if both:
        notes.append(f"{both} views are listed both for training and for testing: they are held out")
    splits: dict[str, Split] = {**dict.fromkeys(train, "train"), **dict.fromkeys(held, "test")}
    kept = tuple(
        replace(frame, split=splits[_plain(frame.name)]) for frame in found.frames if _plain(frame.name) in splits
    )
    if not held:
        return tuple(replace(frame, split=None) for frame in kept)
    if len(kept) < len(found.frames):
        notes.append(
            f"{len(found.frames) - len(kept)} of {len(found.frames)} views are listed neither for training nor for "
            "testing and are left out"
        )
    return kept


def _names(found: Transforms, key: str) -> set[str]:
    listed = found.facts.get(key) or []
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise UserError(f"'{found.path}': {key} must be a list of file paths, but is {listed!r:.60}.")
    return {_plain(name) for name in listed}


def _plain(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))


def _box(found: Transforms, notes: list[str]) -> tuple[Box | None, bool | None]:
    facts, where = found.facts, f"'{found.path}'"
    if not {"aabb_scale", "scale", "offset", "aabb"} & set(facts):
        return None, None
    size = positive(number(facts.get("aabb_scale", 1), "aabb_scale", where), f"{where}: aabb_scale")
    if "aabb" in facts:
        low, high = _corners(facts["aabb"], where)
        middle, half = (low + high) / 2, float((high - low).max()) / 2
        low, high = middle - half, middle + half
    else:
        scale = positive(number(facts.get("scale", DEFAULT_SCALE), "scale", where), f"{where}: scale")
        offset = _vector(facts.get("offset", DEFAULT_OFFSET), "offset", where)
        low, high = (0 - offset) / scale, (1 - offset) / scale
    ranges = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in zip(low, high, strict=True))
    notes.append(f"the scene's box is that of instant-ngp, {ranges}" + (", and it goes on beyond" if size > 1 else ""))
    return Box(low=low, high=high), size > 1


def _vector(found: Any, name: str, where: str) -> Vector:
    """Three numbers, or one for all three."""
    numbers = found if isinstance(found, list) else [found] * 3
    if len(numbers) != 3:
        raise UserError(f"{where}: {name} must be 3 numbers, but is {found!r:.60}.")
    vector = np.array([number(value, name, where) for value in numbers])
    if not np.isfinite(vector).all():
        raise UserError(f"{where}: {name} must be finite, but is {found!r:.60}.")
    return vector


def _corners(found: Any, where: str) -> tuple[Vector, Vector]:
    if not isinstance(found, list) or len(found) != 2:
        raise UserError(f"{where}: aabb must be two corners of 3 numbers, but is {found!r:.60}.")
    low, high = (_vector(corner, "aabb", where) for corner in found)
    if not (high > low).all():
        raise UserError(f"{where}: aabb must go from its lower to its upper corner, but is {found!r:.60}.")
    return low, high


def _direction(found: Any, where: str) -> Vector:
    up = _vector(found, "up", where)
    length = float(np.linalg.norm(up))
    if length == 0:
        raise UserError(f"{where}: up must not be zero.")
    return up / length


NERFSTUDIO = Layout(looked_for=f"{NAME} (nerfstudio, instant-ngp)", find=find_nerfstudio, read=read_nerfstudio)
