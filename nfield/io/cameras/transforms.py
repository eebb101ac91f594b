"""Frames of a `transforms*.json` file, whichever program wrote it: Blender, instant-ngp or nerfstudio.

One object with the lens (fl_x, camera_angle_x, ...) for all frames, and `frames` with a path, a camera-to-world matrix
in OpenGL axes and perhaps a lens of their own. Masks are told by black where `mask_path` names them (nerfstudio), and
by all other colours where a file `dynamic_mask_NAME.png` lies beside NAME.jpg (instant-ngp).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nfield.core.checks import UserError
from nfield.io.cameras.camera_models import ORDER, Intrinsics, LensModel, camera_model, coefficients
from nfield.io.cameras.posed_frames import Frame, MaskFile, Options, inside, with_suffix_found
from nfield.io.cameras.poses import pose_of_matrix
from nfield.io.json_files import read_json_object

UNREAD = {"depth_file_path": "depths", "depth_path": "depths", "ply_file_path": "a point cloud"}
COEFFICIENTS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")


@dataclass(frozen=True, kw_only=True, eq=False)
class Transforms:
    """Content of one file."""

    path: Path
    facts: dict[str, Any]
    """All that it says beside the frames."""
    frames: tuple[Frame, ...]
    notes: tuple[str, ...]


def read_transforms(path: Path, options: Options) -> Transforms:
    """The frames of a file. Raises UserError where they are not understood."""
    facts = read_json_object(path, "camera")
    listed = facts.pop("frames", None)
    if not isinstance(listed, list) or not listed:
        raise UserError(f"'{path}' must list the pictures under \"frames\", but has {_lack(listed)}.")
    axes = _axes(facts, options)
    folder = path.parent
    frames = tuple(_frame(path, folder, facts, index, entry, axes) for index, entry in enumerate(listed))
    return Transforms(path=path, facts=facts, frames=frames, notes=_notes(path.name, facts, listed))


def number(found: Any, name: str, where: str) -> float:
    """A number of a file. Raises UserError where it is something else."""
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise UserError(f"{where}: {name} must be a number, but is {found!r}.")
    return float(found)


def _axes(facts: dict[str, Any], options: Options) -> str:
    """The cameras' axes: OpenGL's, but for two flags that instant-ngp knows."""
    if facts.get("from_mitsuba"):
        return "mitsuba"
    return "opencv" if facts.get("from_na") else options.convention


def _frame(path: Path, folder: Path, facts: dict[str, Any], index: int, entry: Any, axes: str) -> Frame:
    where = f"'{path}', frames[{index}]"
    if not isinstance(entry, dict):
        raise UserError(f"{where} must be an object {{...}}, but is {entry!r:.40}.")
    name = entry.get("file_path")
    if not isinstance(name, str):
        raise UserError(f"{where} has no file_path. Name the picture relative to the folder of '{path.name}'.")
    where += f" ('{name}')"
    if "transform_matrix" not in entry:
        raise UserError(f"{where} has no transform_matrix. Add the camera-to-world matrix, or take the frame out.")
    pose, scale = pose_of_matrix(entry["transform_matrix"], where, axes)
    picture = with_suffix_found(inside(folder, name, where))
    return Frame(
        name=name,
        where=where,
        picture=picture,
        camera_to_world=pose,
        scale=scale,
        intrinsics=_intrinsics(_merged(facts, entry), where),
        mask=_mask(folder, entry, picture, where),
    )


def _merged(facts: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """What holds for one frame: its own numbers before those of the file."""
    merged = {**facts, **entry}
    for length, angle in (("fl_x", "camera_angle_x"), ("fl_y", "camera_angle_y")):
        if angle in entry and length not in entry:
            merged.pop(length, None)
    return merged


def _intrinsics(facts: dict[str, Any], where: str) -> Intrinsics:
    def given(name: str) -> float | None:
        return None if facts.get(name) is None else number(facts[name], name, where)

    model = _model(facts, where)
    distortion = {name: value for name in COEFFICIENTS if (value := given(name))}
    if distortion and model == "pinhole":
        # Writers leave the model out, or say PINHOLE, and give coefficients nevertheless: every reader applies them.
        model = "opencv"
    strange = [name for name in distortion if name not in ORDER[model]]
    if strange:
        raise UserError(
            f"{where}: the coefficient {strange[0]} = {distortion[strange[0]]} is not read for this camera model. "
            f"Only {', '.join(ORDER[model])} are: undistort the pictures."
        )
    return Intrinsics(
        model=model,
        fx=given("fl_x"),
        fy=given("fl_y"),
        cx=given("cx"),
        cy=given("cy"),
        angle_x=given("camera_angle_x"),
        angle_y=given("camera_angle_y"),
        distortion=coefficients(model, distortion),
        size=_size(given("w"), given("h"), where),
    )


def _model(facts: dict[str, Any], where: str) -> LensModel:
    name = facts.get("camera_model")
    if name is None:
        return "fisheye" if facts.get("is_fisheye") else "pinhole"
    return camera_model(str(name), where).lens


def _size(width: float | None, height: float | None, where: str) -> tuple[int, int] | None:
    if width is None or height is None:
        return None
    if width != int(width) or height != int(height) or min(width, height) < 1:
        raise UserError(f"{where}: w and h must be whole numbers of pixels, but are {width:g} and {height:g}.")
    return int(width), int(height)


def _mask(folder: Path, entry: dict[str, Any], picture: Path, where: str) -> MaskFile | None:
    name = entry.get("mask_path")
    if isinstance(name, str) and name:
        found = with_suffix_found(inside(folder, name, where))
        if not found.is_file():
            raise UserError(f"{where}: there is no mask '{found}'. Correct its mask_path, or take it out.")
        return MaskFile(path=found, black_is="ignored")
    beside = picture.with_name(f"dynamic_mask_{picture.stem}.png")
    return MaskFile(path=beside, black_is="used") if beside.is_file() else None


def _lack(listed: Any) -> str:
    if listed is None:
        return "no such list"
    return "none there" if listed == [] else f"{listed!r:.40} there"


def _notes(name: str, facts: dict[str, Any], listed: list[Any]) -> tuple[str, ...]:
    keys = {key for entry in listed if isinstance(entry, dict) for key in entry} | set(facts)
    unread = dict.fromkeys(what for key, what in UNREAD.items() if key in keys)
    notes = [f"{name} names {what} too, which {'is' if what.startswith('a ') else 'are'} not used" for what in unread]
    if "applied_transform" in facts:
        notes.append(f"the poses of {name} were turned or moved before (applied_transform); they are taken as they are")
    return tuple(notes)
