"""Camera poses as files give them: matrices and quaternions to rigid camera-to-world matrices, checked.

Axes: OpenGL's, as in `nfield.core.views` (x right, y up, looking along -z). OpenCV's and COLMAP's cameras have x right,
y down and look along +z, so that their camera-to-world matrices are multiplied from the right by diag(1, -1, -1, 1).
"""

from typing import Any

import numpy as np
from jaxtyping import Float64

from nfield.core.checks import UserError

AXES = {
    "opengl": (1.0, 1.0, 1.0),
    "opencv": (1.0, -1.0, -1.0),
    "mitsuba": (-1.0, 1.0, -1.0),
}
"""Signs that turn each convention's camera axes into OpenGL's; Mitsuba's cameras have x left and look along +z."""
TOLERANCE = 0.01
"""Largest entry of RᵀR - 1 that is taken for rounding, after the axes have been brought to length 1 together."""
EXACT = 1e-9
NORMAL_SCALE = 1e-3
"""Relative difference from length 1 from which the axes' length is worth telling."""


def pose_of_matrix(matrix: Any, where: str, convention: str = "opengl") -> tuple[Float64[np.ndarray, "4 4"], float]:
    """A camera-to-world matrix, 3x4 or 4x4 nested lists, as a rigid one in OpenGL axes, and the length of its axes.

    Axes that are all equally long (cameras scaled in Blender) are brought to length 1; the position stays.
    `where` names the frame in messages. Raises UserError where the matrix is no pose.
    """
    pose = _as_matrix(matrix, where)
    axes = pose[:3, :3]
    determinant = float(np.linalg.det(axes))
    lengths = np.linalg.norm(axes, axis=0)
    if abs(determinant) <= 1e-9 * float(lengths.max()) ** 3:
        raise UserError(
            f"{where}: the pose is flat, for the axes of its matrix lie in one plane (determinant {determinant:.3g}). "
            "Export the poses again."
        )
    if determinant < 0:
        raise UserError(
            f"{where}: the pose is mirrored, for the determinant of its rotation is {determinant:.4g} and not 1. "
            "An axis was swapped or negated alone: convert the poses by rotations only."
        )
    scale = float(np.cbrt(determinant))
    rotation = axes / scale
    error = np.abs(rotation.T @ rotation - np.eye(3))
    if float(error.max()) > TOLERANCE:
        raise UserError(f"{where}: the pose is not rigid, for {_what_bends(lengths, axes)}. Export rotations only.")
    if float(error.max()) > EXACT:
        left, _, right = np.linalg.svd(rotation)
        rotation = left @ right
    pose[:3, :3] = rotation * AXES[convention]
    return pose, scale if abs(scale - 1) > NORMAL_SCALE else 1.0


def pose_of_quaternion(quaternion: Any, translation: Any, where: str) -> Float64[np.ndarray, "4 4"]:
    """Camera-to-world in OpenGL axes of COLMAP's world-to-camera quaternion (w, x, y, z) and translation.

    Raises UserError where the numbers are not finite, or the quaternion is zero.
    """
    turn, shift = np.asarray(quaternion, np.float64), np.asarray(translation, np.float64)
    with np.errstate(over="ignore"):
        norm = float(np.linalg.norm(turn))
    if not np.isfinite([*turn, *shift, norm]).all() or norm < 1e-12:
        raise UserError(
            f"{where}: the pose must be finite with a quaternion other than zero, "
            f"but is {[*turn.tolist(), *shift.tolist()]}. Export the model again."
        )
    world_to_camera = rotation_of_quaternion(turn / norm)
    pose = np.eye(4)
    pose[:3, :3] = world_to_camera.T * AXES["opencv"]
    pose[:3, 3] = -world_to_camera.T @ shift
    return pose


def rotation_of_quaternion(quaternion: Float64[np.ndarray, "4"]) -> Float64[np.ndarray, "3 3"]:
    """Rotation of a unit quaternion (w, x, y, z)."""
    from scipy.spatial.transform import Rotation

    # SciPy has the real part last.
    return Rotation.from_quat(np.roll(quaternion, -1)).as_matrix()


def _as_matrix(matrix: Any, where: str) -> Float64[np.ndarray, "4 4"]:
    try:
        found = np.array(matrix, np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{where}: the pose must be 4 rows of 4 numbers, but is {_short(matrix)}.") from None
    if found.shape not in ((4, 4), (3, 4)):
        raise UserError(f"{where}: the pose must be a 4 x 4 (or 3 x 4) matrix, but has the shape {found.shape}.")
    if not np.isfinite(found).all():
        row, column = np.argwhere(~np.isfinite(found))[0]
        raise UserError(
            f"{where}: the pose holds {found[row, column]} in row {row + 1}, column {column + 1}. "
            "Take the frame out, or export the poses again."
        )
    pose = np.eye(4)
    pose[: len(found)] = found
    if not np.allclose(pose[3], (0, 0, 0, 1), atol=1e-6):
        hint = " Is it transposed?" if np.allclose(pose[:, 3], (0, 0, 0, 1), atol=1e-6) else ""
        raise UserError(f"{where}: the pose's last row must be 0 0 0 1, but is {_row(pose[3])}.{hint}")
    return pose


def _what_bends(lengths: Float64[np.ndarray, "3"], axes: Float64[np.ndarray, "3 3"]) -> str:
    if float(lengths.max() / lengths.min()) > 1 + TOLERANCE / 2:
        return f"its axes have the lengths {_row(lengths)} and not one length"
    unit = axes / lengths
    cosines = unit.T @ unit
    first, second = max(((0, 1), (0, 2), (1, 2)), key=lambda pair: abs(cosines[pair]))
    angle = float(np.degrees(np.arccos(cosines[first, second])))
    return f"its {'xyz'[first]} and {'xyz'[second]} axes stand at {angle:.2f} degrees and not at 90"


def _row(numbers: Any) -> str:
    return " ".join(f"{number:.4g}" for number in numbers)


def _short(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= 60 else text[:60] + "..."
